import type { Payer } from '../../domain/account.js';
import { AppError } from '../../errors.js';

/** What work wants a connection for: to look something up by its key, to read a list, to change something. Each has a lane. */
export const kinds = ['lookUp', 'read', 'write'] as const;
export type Kind = (typeof kinds)[number];

/** Why work was refused, for the metrics. */
export type Refusal = 'queue full' | 'queue too slow' | 'lock' | 'requests';

/** How connections are divided: some are kept for each kind, and the others are for whichever comes first. */
export interface Lanes {
  kept: Record<Kind, number>;
  shared: number;
}

/**
 * The lanes of so many connections, of 2 or more: a quarter for each kind, and the rest shared. Of 2, one is kept for
 * look-ups, and lists and changes take turns on the other one.
 */
export function lanesOf(connections: number): Lanes {
  const each = Math.max(1, Math.floor(connections / 4));
  const kept = connections < kinds.length ? { lookUp: 1, read: 0, write: 0 } : { lookUp: each, read: each, write: each };
  return { kept, shared: connections - kept.lookUp - kept.read - kept.write };
}

export interface AdmissionLimits {
  lanes: Lanes;
  /** How many of each kind wait at most. */
  waiting: number;
  /** How long one waits at most, in milliseconds. */
  patience: number;
}

/** What one tree has under way in one lane. */
interface Queue {
  readonly kind: Kind;
  /** Look-ups that nobody pays for are done for many at once, for whoever signs in: they are no tree's share. */
  readonly isEverybodys: boolean;
  running: number;
  /** In the order in which they came: each starts when it is called. */
  readonly waiting: Set<() => void>;
}

/**
 * Who may use a connection now, who waits, and who is told to come again (SPEC §10, ADR 30). Work waits in a queue of the
 * caller's tree, one for each kind; the queues are served in turn, one piece of work each.
 *
 * A tree gets a connection only while more are free in the lane than it has there. So a tree that is alone takes half of a
 * lane, a second one half of what is left, and there is always room for another one: before it comes, since what holds
 * the connections may hold them for long. The same rule gives out the places in the queue.
 */
export class Admission {
  readonly #running: Record<Kind, number> = { lookUp: 0, read: 0, write: 0 };
  readonly #waiting: Record<Kind, number> = { lookUp: 0, read: 0, write: 0 };
  /** Those with anything under way, in the order of their turns. */
  readonly #queues = new Map<string, Queue>();

  constructor(
    private readonly limits: AdmissionLimits,
    private readonly onRefused: (reason: Refusal) => void,
  ) {}

  /** Does the work when there is room for it; what nobody pays for has a queue as a tree has. @throws AppError OVERLOADED */
  async run<Result>(kind: Kind, payer: Payer | undefined, work: () => Promise<Result>): Promise<Result> {
    const name = `${kind} ${payer?.topLevelSid}`;
    const queue = this.#queues.get(name) ?? {
      kind,
      isEverybodys: kind === 'lookUp' && payer === undefined,
      running: 0,
      waiting: new Set(),
    };
    // Whoever comes takes the last turn, unless some of its work waits already.
    if (queue.waiting.size === 0) this.#moveToEnd(name, queue);
    try {
      if (this.#hasRoom(queue)) this.#take(queue);
      else await this.#turn(queue);
      try {
        return await work();
      } finally {
        this.#running[kind] -= 1;
        queue.running -= 1;
        this.#admit();
      }
    } finally {
      if (queue.running === 0 && queue.waiting.size === 0) this.#queues.delete(name);
    }
  }

  waiting(kind: Kind): number {
    return this.#waiting[kind];
  }

  #hasRoom({ kind, isEverybodys, running }: Queue): boolean {
    return (isEverybodys ? 0 : running) < this.#free(kind);
  }

  /** How many connections the kind could have yet. */
  #free(kind: Kind): number {
    const { kept, shared } = this.limits.lanes;
    const borrowed = kinds.reduce((sum, each) => sum + Math.max(0, this.#running[each] - kept[each]), 0);
    return Math.max(0, kept[kind] - this.#running[kind]) + shared - borrowed;
  }

  #moveToEnd(name: string, queue: Queue): void {
    this.#queues.delete(name);
    this.#queues.set(name, queue);
  }

  #take(queue: Queue): void {
    this.#running[queue.kind] += 1;
    queue.running += 1;
  }

  #turn(queue: Queue): Promise<void> {
    const { kind } = queue;
    if (queue.waiting.size >= this.limits.waiting - this.#waiting[kind]) {
      throw this.#refusal('queue full', 'More work waits for the database than this server keeps; try again.');
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        queue.waiting.delete(start);
        this.#waiting[kind] -= 1;
      };
      const start = (): void => {
        leave();
        resolve();
      };
      const timer = setTimeout(() => {
        leave();
        reject(this.#refusal('queue too slow', 'The database has no time for this request; try again.'));
      }, this.limits.patience);
      queue.waiting.add(start);
      this.#waiting[kind] += 1;
    });
  }

  /** Gives what has become free to those whose turn it is. */
  #admit(): void {
    // Whoever had its turn comes last, and is met again in this same walk, until nobody who waits has room.
    for (const [name, queue] of this.#queues) {
      const [start] = queue.waiting;
      if (start === undefined || !this.#hasRoom(queue)) continue;
      this.#moveToEnd(name, queue);
      this.#take(queue);
      start();
    }
  }

  #refusal(reason: Refusal, message: string): AppError {
    this.onRefused(reason);
    return new AppError('OVERLOADED', message);
  }
}
