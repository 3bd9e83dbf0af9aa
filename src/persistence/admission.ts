import { AppError } from '../errors.js';

export type Kind = 'read' | 'write';

/** Why work was refused, for the metrics. */
export type Refusal = 'queue full' | 'queue too slow' | 'lock' | 'requests';

export interface AdmissionLimits {
  /** How many of each kind run at once, and of both together. */
  running: Record<Kind | 'both', number>;
  /** How many of each kind wait at most. */
  waiting: number;
  /** How long one waits at most, in milliseconds. */
  patience: number;
}

interface Waiting {
  kind: Kind;
  start: () => void;
}

/**
 * Who may use a connection now, who waits, and who is told to come again. Readers and writers have limits of their own:
 * writers that wait for each other's locks do so with the connections that they hold, and must not hold them all.
 */
export class Admission {
  readonly #running: Record<Kind, number> = { read: 0, write: 0 };
  /** Readers and writers, in the order in which they came. */
  readonly #queue = new Set<Waiting>();

  constructor(
    private readonly limits: AdmissionLimits,
    private readonly onRefused: (reason: Refusal) => void,
  ) {}

  /** Does the work when there is room for it. @throws AppError OVERLOADED */
  async run<Result>(kind: Kind, work: () => Promise<Result>): Promise<Result> {
    if (this.#hasRoom(kind)) this.#running[kind] += 1;
    else await this.#turn(kind);
    try {
      return await work();
    } finally {
      this.#running[kind] -= 1;
      this.#admit();
    }
  }

  waiting(kind: Kind): number {
    let count = 0;
    for (const waiting of this.#queue) if (waiting.kind === kind) count += 1;
    return count;
  }

  #hasRoom(kind: Kind): boolean {
    const { read, write } = this.#running;
    return this.#running[kind] < this.limits.running[kind] && read + write < this.limits.running.both;
  }

  #turn(kind: Kind): Promise<void> {
    if (this.waiting(kind) >= this.limits.waiting) {
      throw this.#refusal('queue full', 'More work waits for the database than this server keeps; try again.');
    }
    return new Promise((resolve, reject) => {
      const place: Waiting = {
        kind,
        start: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#queue.delete(place);
        reject(this.#refusal('queue too slow', 'The database has no time for this request; try again.'));
      }, this.limits.patience);
      this.#queue.add(place);
    });
  }

  /** Gives what has become free to whoever has waited longest and may have it. */
  #admit(): void {
    for (const place of this.#queue) {
      if (!this.#hasRoom(place.kind)) continue;
      this.#queue.delete(place);
      this.#running[place.kind] += 1;
      place.start();
    }
  }

  #refusal(reason: Refusal, message: string): AppError {
    this.onRefused(reason);
    return new AppError('OVERLOADED', message);
  }
}
