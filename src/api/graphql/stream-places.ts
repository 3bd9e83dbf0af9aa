import type { Payer } from '../../domain/account.js';
import type { Sid } from '../../domain/sid.js';
import { AppError } from '../../errors.js';

/** How many streams may be open at once, in one worker. */
export interface StreamLimits {
  readonly all: number;
  readonly perTree: number;
}

/** The places of open streams (SPEC §7): a stream takes one of these instead of a slot of the requests that run. */
export class StreamPlaces {
  #taken = 0;
  readonly #ofTree = new Map<Sid, number>();

  constructor(private readonly limits: StreamLimits) {}

  get taken(): number {
    return this.#taken;
  }

  /** Takes a place for the caller, and returns what gives it back. @throws AppError OVERLOADED, RATE_LIMITED */
  take({ topLevelSid }: Payer): () => void {
    const ofTree = this.#ofTree.get(topLevelSid) ?? 0;
    if (ofTree >= this.limits.perTree) {
      throw new AppError(
        'RATE_LIMITED',
        `The account and the others of its tree have ${ofTree} streams open, and may have no more. Close one of them first.`,
        { retryAfter: 10 },
      );
    }
    if (this.#taken >= this.limits.all)
      throw new AppError('OVERLOADED', 'Too many streams are open. Try again in 10 seconds.', { retryAfter: 10 });
    this.#taken += 1;
    this.#ofTree.set(topLevelSid, ofTree + 1);
    return () => {
      this.#taken -= 1;
      const left = this.#ofTree.get(topLevelSid)! - 1;
      if (left === 0) this.#ofTree.delete(topLevelSid);
      else this.#ofTree.set(topLevelSid, left);
    };
  }
}
