import { describe, expect, it } from 'vitest';
import { type FairQueueLimits, FairQueue } from '../../src/service/fair-queue.js';

/** Work that ends when it is told to, and says in which order it began. */
class Works {
  readonly begun: string[] = [];
  readonly refused: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly #queue: FairQueue;

  constructor(limits: Partial<FairQueueLimits> = {}) {
    this.#queue = new FairQueue({ running: 1, runningPerGroup: 9, waiting: 100, waitingPerGroup: 100, ...limits });
  }

  /** Named `group member number`. */
  come(...names: string[]): void {
    for (const name of names) {
      const [group = '', member = ''] = name.split(' ');
      const work = (): Promise<void> => {
        this.begun.push(name);
        return new Promise((end) => this.#ends.set(name, end));
      };
      this.#queue.run({ group, member }, work).catch((error: { code: string }) => this.refused.push(`${name}: ${error.code}`));
    }
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)!();
    this.#ends.delete(name);
    await new Promise(setImmediate);
  }

  /** Ends all, one after the other, in the order in which they began. */
  async endAll(): Promise<string[]> {
    await new Promise(setImmediate);
    for (let done = 0; done < this.begun.length; done++) if (this.#ends.has(this.begun[done]!)) await this.end(this.begun[done]!);
    return this.begun;
  }
}

describe('turns', () => {
  it('go round between groups, so that nobody waits behind all of somebody else', async () => {
    const works = new Works();
    works.come('a x 1', 'a x 2', 'a x 3', 'a x 4', 'b x 1', 'b x 2', 'c x 1');
    expect(await works.endAll()).toEqual(['a x 1', 'a x 2', 'b x 1', 'c x 1', 'a x 3', 'b x 2', 'a x 4']);
  });

  it('go round between the members of a group, who together have one turn', async () => {
    const works = new Works();
    works.come('a x 1', 'a x 2', 'a x 3', 'a y 1', 'a y 2', 'b z 1', 'b z 2');
    expect(await works.endAll()).toEqual(['a x 1', 'a x 2', 'b z 1', 'a y 1', 'b z 2', 'a x 3', 'a y 2']);
  });

  it('are as many at once as there may be of all, and of one group', async () => {
    const works = new Works({ running: 3, runningPerGroup: 2 });
    works.come('a x 1', 'a x 2', 'a x 3', 'b x 1', 'b x 2');
    expect(works.begun).toEqual(['a x 1', 'a x 2', 'b x 1']);
    await works.end('b x 1');
    expect(works.begun.slice(3)).toEqual(['b x 2']);
    await works.end('a x 1');
    expect(works.begun.slice(4)).toEqual(['a x 3']);
  });

  it('are refused when too many of one group wait', async () => {
    const works = new Works({ waitingPerGroup: 2 });
    works.come('a x 1', 'a x 2', 'a x 3', 'a y 4', 'b x 1');
    await works.endAll();
    expect(works.refused).toEqual(['a y 4: OVERLOADED']);
  });

  it('are taken from the longest group when too many wait in all', async () => {
    const works = new Works({ waiting: 3 });
    works.come('a x 1', 'a x 2', 'a x 3', 'a x 4', 'b x 1', 'c x 1', 'd x 1', 'a x 5');
    await works.endAll();
    expect(works.refused.toSorted()).toEqual(['a x 3: OVERLOADED', 'a x 4: OVERLOADED', 'a x 5: OVERLOADED', 'd x 1: OVERLOADED']);
    expect(works.begun).toEqual(['a x 1', 'a x 2', 'b x 1', 'c x 1']);
  });

  it('are taken from the member of the longest group that has most of them, its last one first', async () => {
    const works = new Works({ waiting: 5 });
    works.come('c x 0', 'b x 1', 'a y 1', 'a x 1', 'a x 2', 'a z 1', 'd x 1');
    await works.endAll();
    expect(works.refused).toEqual(['a x 2: OVERLOADED']);
    expect(works.begun).toEqual(['c x 0', 'b x 1', 'a y 1', 'd x 1', 'a x 1', 'a z 1']);
  });

  it('go on where the only one of a member was refused', async () => {
    const works = new Works({ waiting: 3 });
    works.come('c x 0', 'a x 1', 'a y 1', 'a z 1', 'd x 1');
    await works.endAll();
    expect(works.refused).toEqual(['a x 1: OVERLOADED']);
    expect(works.begun).toEqual(['c x 0', 'a y 1', 'd x 1', 'a z 1']);
  });

  it('pass over members and groups of whom nobody waits any more', async () => {
    const works = new Works();
    works.come('a x 1', 'a y 1', 'a z 1', 'a z 2');
    expect(await works.endAll()).toEqual(['a x 1', 'a y 1', 'a z 1', 'a z 2']);
    const several = new Works({ running: 3, runningPerGroup: 2 });
    several.come('a x 1', 'b x 1', 'b x 2', 'b x 3');
    await several.end('b x 1');
    expect(several.begun).toEqual(['a x 1', 'b x 1', 'b x 2', 'b x 3']);
    expect(several.refused).toEqual([]);
  });

  it('are counted anew once those who waited have begun, and a group that was done comes last again', async () => {
    const works = new Works({ waiting: 2, waitingPerGroup: 2 });
    works.come('a x 1', 'b x 1', 'b x 2');
    await works.endAll();
    works.come('c x 1', 'b x 3', 'a x 2');
    expect(await works.endAll()).toEqual(['a x 1', 'b x 1', 'b x 2', 'c x 1', 'b x 3', 'a x 2']);
    expect(works.refused).toEqual([]);
  });

  it('are refused in a sentence', async () => {
    const queue = new FairQueue({ running: 0, runningPerGroup: 0, waiting: 0, waitingPerGroup: 0 });
    await expect(queue.run({ group: 'a', member: '' }, async () => 'done')).rejects.toMatchObject({
      code: 'OVERLOADED',
      message: expect.stringMatching(/^[A-Z].*\.$/),
    });
  });

  it('go on after work that fails', async () => {
    const turns = new FairQueue({ running: 1, runningPerGroup: 1, waiting: 9, waitingPerGroup: 9 });
    const turn = { group: 'a', member: '' };
    const failing = turns.run(turn, () => Promise.reject(new Error('failed')));
    const next = turns.run(turn, async () => 'done');
    await expect(failing).rejects.toThrow('failed');
    expect(await next).toBe('done');
  });
});
