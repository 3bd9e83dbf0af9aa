import type { Actor } from '../domain/permissions.js';
import type { Sid } from '../domain/sid.js';
import { AppError, type ErrorCode } from '../errors.js';

/** The unit of cost: one object that is given out. What takes more work than that is told in the same unit. */
export const costOfEntry = 1;

/** What it costs to change something. */
export const costOfChange = 10;

/** What every request costs, whatever it brings. */
const costOfRequest = 1;

/** What it costs to read one batch of rows, however many, beside the rows. */
export const costOfBatch = 1;

/** What a text of that many characters costs, beside the object that it belongs to. */
export function costOfText(characters: number): number {
  return Math.ceil(characters / 256);
}

/** How a request came. */
export type Surface = 'graphql' | 'rest';

/** Told what requests cost, and by which code they were refused. */
export interface ObserveCost {
  cost(surface: Surface, cost: number): void;
  refusal(surface: Surface, code: ErrorCode): void;
}

/** What an account has used up and not made up for yet. */
interface Usage {
  cost: number;
  /** When it was last worked out, in milliseconds. */
  at: number;
}

/** Adds up what one request costs, as it goes. */
export class Meter {
  cost = 0;

  constructor(private readonly usage: Pick<Usage, 'cost'>) {}

  add(cost: number): void {
    this.cost += cost;
    this.usage.cost += cost;
  }
}

/** The meter of a request before it is known who asks. */
export function unclaimedMeter(): Meter {
  return new Meter({ cost: 0 });
}

export interface MeteringOptions {
  /** How much cost of one account wears off in a minute; with that much left, its next request is refused. */
  costPerMinute: number;
  observe: ObserveCost;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
  /** How many accounts are remembered: those that came last. */
  accountsAtMost?: number;
}

/**
 * Keeps one account from taking the gateway away from the others: whatever it asks for, by either surface, adds up, and an
 * account that has used up its budget is refused until enough of it wore off. The cost of a request is known when it was
 * answered; so the request that exceeds the budget is still answered, and the next one is refused. Each instance counts for
 * itself, in memory that does not grow.
 */
export class Metering {
  readonly observe: ObserveCost;
  readonly #usage = new Map<Sid, Usage>();
  readonly #costPerMinute: number;
  readonly #now: () => number;
  readonly #accountsAtMost: number;

  constructor({ costPerMinute, observe, now = () => performance.now(), accountsAtMost = 10_000 }: MeteringOptions) {
    this.observe = observe;
    this.#costPerMinute = costPerMinute;
    this.#now = now;
    this.#accountsAtMost = accountsAtMost;
  }

  /** The meter of a request by the caller. @throws AppError RATE_LIMITED */
  open(actor: Actor): Meter {
    if (actor.rank === 'Anonymous') return unclaimedMeter();
    const usage = this.#usageOf(actor.account.sid);
    const excess = usage.cost - this.#costPerMinute;
    if (excess < 0) {
      const meter = new Meter(usage);
      meter.add(costOfRequest);
      return meter;
    }
    throw new AppError('RATE_LIMITED', 'The account has used up what it may cost in a minute.', {
      retryAfter: Math.floor((excess / this.#costPerMinute) * 60) + 1,
    });
  }

  #usageOf(sid: Sid): Usage {
    const now = this.#now();
    const usage = this.#usage.get(sid) ?? { cost: 0, at: now };
    usage.cost = Math.max(0, usage.cost - (this.#costPerMinute * (now - usage.at)) / 60_000);
    usage.at = now;
    // A map keeps the order in which its entries came: the first one is that of the account which was away for longest.
    this.#usage.delete(sid);
    this.#usage.set(sid, usage);
    if (this.#usage.size > this.#accountsAtMost) this.#usage.delete(this.#usage.keys().next().value!);
    return usage;
  }
}
