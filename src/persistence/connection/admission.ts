import type { Payer } from '../../domain/account.js';
import { AppError } from '../../errors.js';

/** What work needs a connection for: to look something up by its key, to read a list, or to change something. */
export const workKinds = ['lookUp', 'read', 'write'] as const;
export type WorkKind = (typeof workKinds)[number];

/** Whose work it is: an account's, the gateway's own, or undefined, as where many callers are looked up at once. */
export type WorkOf = Payer | 'gateway' | undefined;

/** Why work was refused, as the metrics name it. */
export type RefusalReason = 'queue full' | 'queue too slow' | 'lock' | 'requests';

/** How connections are divided: some are reserved for each kind of work, and any kind may use the shared ones. */
interface Lanes {
  reserved: Record<WorkKind, number>;
  shared: number;
}

/**
 * Divides the connections, of which there are at least 2: a quarter is reserved for each kind, and the rest is shared. Of 2, one is
 * reserved for look-ups; lists and changes take turns on the other one.
 */
export function lanesOf(connections: number): Lanes {
  const each = Math.max(1, Math.floor(connections / 4));
  const reserved = connections < workKinds.length ? { lookUp: 1, read: 0, write: 0 } : { lookUp: each, read: each, write: each };
  return { reserved, shared: connections - reserved.lookUp - reserved.read - reserved.write };
}

interface AdmissionLimits {
  lanes: Lanes;
  /** How many pieces of work of each kind wait at most. */
  waiting: number;
  /** How long work waits at most, in milliseconds. */
  patience: number;
}

/** The work of one kind that one tree has under way. */
interface Queue {
  readonly kind: WorkKind;
  /** Look-ups without a payer are made for many callers at once, while they sign in, so no tree's share limits them. */
  readonly isForAll: boolean;
  running: number;
  /** In order of arrival; a call starts the work. */
  readonly waiting: Set<() => void>;
}

/**
 * Decides which work gets a connection now, which waits, and which is refused (SPEC §10, ADR 30). Work waits in a queue of the
 * caller's tree, one for each kind; the queues are served in turn, one piece of work each.
 *
 * A tree gets another connection only if the kind has more free ones than the tree already uses. So a tree that is alone takes half
 * of them, a second tree half of what is left, and so on: there is room for a further tree before it comes, since the work that
 * runs may take long. The same rule gives out the places in the queue.
 */
export class Admission {
  readonly #running: Record<WorkKind, number> = { lookUp: 0, read: 0, write: 0 };
  readonly #waiting: Record<WorkKind, number> = { lookUp: 0, read: 0, write: 0 };
  /** The queues with any work, in the order of their turns. */
  readonly #queues = new Map<string, Queue>();

  constructor(
    private readonly limits: AdmissionLimits,
    private readonly onRefused: (reason: RefusalReason) => void,
  ) {}

  /** Does the work once there is room for it. The gateway's own has a queue like a tree's, and so has work without a payer. @throws AppError OVERLOADED */
  async run<Result>(kind: WorkKind, payer: WorkOf, work: () => Promise<Result>): Promise<Result> {
    const name = `${kind} ${payer === 'gateway' ? payer : payer?.topLevelSid}`;
    const queue = this.#queues.get(name) ?? {
      kind,
      isForAll: kind === 'lookUp' && payer === undefined,
      running: 0,
      waiting: new Set(),
    };
    // A tree that arrives gets the last turn; one with work that waits keeps its turn.
    if (queue.waiting.size === 0) this.#moveToEnd(name, queue);
    try {
      if (this.#hasRoom(queue)) this.#take(queue);
      else await this.#wait(queue);
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

  waitingFor(kind: WorkKind): number {
    return this.#waiting[kind];
  }

  #hasRoom({ kind, isForAll, running }: Queue): boolean {
    return (isForAll ? 0 : running) < this.#free(kind);
  }

  /** How many more connections the kind can have. */
  #free(kind: WorkKind): number {
    const { reserved, shared } = this.limits.lanes;
    const borrowed = workKinds.reduce((sum, each) => sum + Math.max(0, this.#running[each] - reserved[each]), 0);
    return Math.max(0, reserved[kind] - this.#running[kind]) + shared - borrowed;
  }

  #moveToEnd(name: string, queue: Queue): void {
    this.#queues.delete(name);
    this.#queues.set(name, queue);
  }

  #take(queue: Queue): void {
    this.#running[queue.kind] += 1;
    queue.running += 1;
  }

  #wait(queue: Queue): Promise<void> {
    const { kind } = queue;
    if (queue.waiting.size >= this.limits.waiting - this.#waiting[kind]) {
      throw this.#refusal('queue full', 'Too many requests are waiting for the database. Try again in a second.');
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
        reject(this.#refusal('queue too slow', 'The request waited too long for the database. Try again in a second.'));
      }, this.limits.patience);
      queue.waiting.add(start);
      this.#waiting[kind] += 1;
    });
  }

  /** Gives connections that have become free to the queues whose turn it is. */
  #admit(): void {
    // A queue that had its turn moves to the end, and this loop meets it again, until no queue with waiting work has room.
    for (const [name, queue] of this.#queues) {
      const [start] = queue.waiting;
      if (start === undefined || !this.#hasRoom(queue)) continue;
      this.#moveToEnd(name, queue);
      this.#take(queue);
      start();
    }
  }

  #refusal(reason: RefusalReason, message: string): AppError {
    this.onRefused(reason);
    return new AppError('OVERLOADED', message);
  }
}
