import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Admission, type WorkKind, type RefusalReason, workKinds, lanesOf } from '../../src/persistence/connection/admission.js';
import type { AppError } from '../../src/errors.js';

/** The least pool that can be configured has 3 connections, of which one is kept for readiness; the default has 10. */
const poolSizes = [3, 4, 5, 10, 20, 100];

const payer = (topLevelSid: string) => ({ sid: `someone in ${topLevelSid}`, topLevelSid });

/** Work on connections that goes on until it is told to end. */
class Work {
  readonly started: string[] = [];
  readonly refusals: RefusalReason[] = [];
  readonly admission: Admission;
  readonly #ends = new Map<string, (() => void)[]>();

  constructor(poolSize: number, { waiting = 1000, patience = 60_000 } = {}) {
    this.admission = new Admission({ lanes: lanesOf(poolSize - 1), waiting, patience }, (reason) => void this.refusals.push(reason));
  }

  /** Asks for a connection; tells which code it was refused by, once it is over. */
  async ask(kind: WorkKind, tree: string | undefined): Promise<string | undefined> {
    const name = `${kind} ${tree}`;
    const work = (): Promise<void> =>
      new Promise((resolve) => {
        this.started.push(name);
        this.#ends.set(name, [...(this.#ends.get(name) ?? []), resolve]);
      });
    return this.admission.run(kind, tree === undefined || tree === 'gateway' ? tree : payer(tree), work).then(
      () => undefined,
      (error: AppError) => error.code,
    );
  }

  many(count: number, kind: WorkKind, tree: string | undefined): void {
    for (let number = 0; number < count; number++) void this.ask(kind, tree);
  }

  running(name: string): number {
    return this.#ends.get(name)?.length ?? 0;
  }

  /** Ends one piece of work, and lets those start whose turn it is. */
  async end(name: string): Promise<void> {
    this.#ends.get(name)!.shift()!();
    await sleep(0);
  }
}

describe.each(poolSizes)('of a pool of %i connections', (poolSize) => {
  it('every lane works, and no more connections are used than there are', async () => {
    const work = new Work(poolSize);
    for (const tree of ['A', 'B', 'C', 'D', undefined]) for (const kind of workKinds) work.many(poolSize, kind, tree);
    const names = workKinds.flatMap((kind) => ['A', 'B', 'C', 'D', 'undefined'].map((tree) => `${kind} ${tree}`));
    for (let ended = 0; ended < names.length * poolSize; ended++) {
      const running = names.filter((name) => work.running(name) > 0);
      expect(running.reduce((sum, name) => sum + work.running(name), 0)).toBeLessThanOrEqual(poolSize - 1);
      await work.end(running[ended % running.length]!);
    }
    expect(work.started).toHaveLength(names.length * poolSize);
    expect(workKinds.map((kind) => work.admission.waitingFor(kind))).toEqual([0, 0, 0]);
  });

  it('lists and changes never fill the lane of look-ups', () => {
    const work = new Work(poolSize);
    for (let tree = 0; tree < poolSize; tree++) for (const kind of ['read', 'write'] as const) work.many(poolSize, kind, `${tree}`);
    work.many(1, 'lookUp', 'another');
    expect(work.running('lookUp another')).toBe(1);
  });

  it('trees are served in turn, whoever asks most', async () => {
    const work = new Work(poolSize);
    work.many(poolSize * 5, 'read', 'A');
    const before = work.started.length;
    work.many(1, 'read', 'B');
    work.many(2, 'read', 'C');
    for (let turns = 0; turns < 4; turns++) await work.end(work.started.filter((name) => work.running(name) > 0)[0]!);
    const turns = work.started.slice(before);
    expect(turns.filter((name) => name === 'read B')).toHaveLength(1);
    expect(turns.filter((name) => name === 'read C').length).toBeGreaterThanOrEqual(1);
  });
});

describe.each(poolSizes.filter((size) => size >= 5))('of a pool of %i connections, when one tree has all that it can get', (poolSize) => {
  it.each(workKinds)('there is room for %s of another one, at once', (kind) => {
    const work = new Work(poolSize);
    for (const each of workKinds) work.many(200, each, 'hostile');
    work.many(1, kind, 'another');
    expect(work.running(`${kind} another`)).toBe(1);
  });
});

describe('of a pool of 10 connections', () => {
  it('a tree that is alone has 3 of a kind, a second one 1, and a third one 1', () => {
    const work = new Work(10);
    for (const tree of ['A', 'B', 'C']) work.many(10, 'write', tree);
    expect(['A', 'B', 'C'].map((tree) => work.running(`write ${tree}`))).toEqual([3, 1, 1]);
  });

  it('look-ups that nobody pays for have all of their lane, and other kinds have room', () => {
    const work = new Work(10);
    work.many(20, 'lookUp', undefined);
    expect(work.running('lookUp undefined')).toBe(5);
    for (const kind of ['read', 'write'] as const) {
      for (const tree of ['A', 'B']) work.many(10, kind, tree);
      expect(['A', 'B'].map((tree) => work.running(`${kind} ${tree}`))).toEqual([1, 1]);
    }
  });

  it('what the gateway does by itself has 3 of the look-ups, and those who sign in do not wait for it', () => {
    const work = new Work(10);
    work.many(20, 'lookUp', 'gateway');
    expect(work.running('lookUp gateway')).toBe(3);
    work.many(20, 'lookUp', undefined);
    expect(work.running('lookUp undefined')).toBe(2);
  });

  it('whoever comes first is served first, within a tree', async () => {
    const work = new Work(10, { waiting: 1000 });
    const ended: number[] = [];
    for (let number = 0; number < 8; number++) void work.ask('read', 'A').then(() => ended.push(number));
    for (let number = 0; number < 8; number++) await work.end('read A');
    expect(ended).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('the queue', () => {
  it('is bounded for all, and for each tree so that there is a place for another one', async () => {
    const work = new Work(10, { waiting: 8 });
    const refused = Array.from({ length: 20 }, () => work.ask('read', 'A'));
    // 3 run, 4 wait.
    expect(await Promise.all(refused.slice(7))).toEqual(Array.from({ length: 13 }, () => 'OVERLOADED'));
    expect(work.admission.waitingFor('read')).toBe(4);
    // One of them runs, 2 wait.
    work.many(10, 'read', 'B');
    expect(work.admission.waitingFor('read')).toBe(6);
    expect(new Set(work.refusals)).toEqual(new Set(['queue full']));
    // Other kinds have places of their own.
    work.many(4, 'write', 'A');
    expect([work.running('write A') > 0, work.admission.waitingFor('write') > 0]).toEqual([true, true]);
  });

  it('is left by whoever loses patience, and nothing of it stays', async () => {
    const work = new Work(10, { patience: 50 });
    work.many(3, 'read', 'A');
    expect(await Promise.all([work.ask('read', 'A'), work.ask('read', 'A')])).toEqual(['OVERLOADED', 'OVERLOADED']);
    expect([work.admission.waitingFor('read'), work.refusals]).toEqual([0, ['queue too slow', 'queue too slow']]);
    await work.end('read A');
    work.many(1, 'read', 'A');
    expect(work.running('read A')).toBe(3);
  });
});
