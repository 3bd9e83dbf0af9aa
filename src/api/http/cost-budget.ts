import { LRUCache } from 'lru-cache';
import type { Payer } from '../../domain/account.js';
import type { Actor } from '../../domain/permissions.js';
import type { Sid } from '../../domain/sid.js';
import { AppError, type ErrorCode, inWords } from '../../errors.js';

/** The unit of cost, a point: one object that is given out. What takes more work than that is told in the same unit. */
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

/** What a millisecond costs in which PostgreSQL works, beside what comes of it (ADR 29). */
export const costOfMillisecond = 25;

/** So long a list is expected to be at most, before it is read (SPEC §12). */
export const lengthForeseen = 100_000;

/** What it may cost that PostgreSQL reads so many accounts, one by one, to filter, count or leave them out. */
export function costOfReading(accounts: number): number {
  return Math.ceil(accounts * 0.0008 * costOfMillisecond);
}

/** How a request came. */
export type Surface = 'graphql' | 'rest';

/** Told what requests cost, and by which code they were refused. */
export interface ObserveCost {
  cost(surface: Surface, cost: number): void;
  refusal(surface: Surface, code: ErrorCode): void;
}

/** What a request may take of PostgreSQL, as it is weighed before it runs (SPEC §10). */
export interface Weight {
  cost: number;
  /** What most of it is for, in words that its client knows. */
  of: string;
}

/** What is used up of what may be used up in a minute, and has not worn off yet. It wears off evenly. */
class Budget {
  used = 0;
  /** What running requests were weighed as. */
  held = 0;
  #at: number;

  constructor(
    public perMinute: number,
    private readonly now: () => number,
  ) {
    this.#at = now();
  }

  wearOff(): void {
    const now = this.now();
    this.used = Math.max(0, this.used - (this.perMinute * (now - this.#at)) / 60_000);
    this.#at = now;
  }

  /** In how many seconds there is room for so much; 0 when there is. */
  secondsUntil(cost: number): number {
    const excess = this.used + this.held + cost - this.perMinute;
    return excess > 0 ? Math.floor((excess / this.perMinute) * 60) + 1 : 0;
  }
}

/** Adds up what one request costs, as it goes, and holds what it was weighed as until it is over. Nobody pays until it is claimed. */
export class Meter {
  cost = 0;
  #held = 0;
  #budgets: readonly Budget[] = [];

  /** From now on these pay: the account's budget and its tree's. */
  claim(budgets: readonly Budget[]): void {
    this.#budgets = budgets;
  }

  add(cost: number): void {
    this.cost += cost;
    for (const budget of this.#budgets) budget.used += cost;
  }

  /**
   * Holds room for what the request is about to ask of PostgreSQL; what is weighed as more than half of a budget needs half
   * of it, or it would never fit.
   * @throws AppError RATE_LIMITED when there is not enough left
   */
  reserve({ cost: weighed, of }: Weight): void {
    if (weighed === 0) return;
    const cost = Math.min(weighed, ...this.#budgets.map(({ perMinute }) => perMinute / 2));
    const seconds = Math.max(0, ...this.#budgets.map((budget) => budget.secondsUntil(cost)));
    if (seconds > 0) throw refusal(`${of} may take more than is left of what the account may use up in a minute.`, seconds);
    this.#hold(cost);
  }

  /** Lets go of what is held: by now, what was taken has been charged. */
  settle(): void {
    this.#hold(-this.#held);
  }

  #hold(cost: number): void {
    this.#held += cost;
    for (const budget of this.#budgets) budget.held += cost;
  }
}

export interface MeteringOptions {
  /** How much cost of one tree wears off in a minute; with that much used up, its next request is refused. */
  costPerMinute: number;
  observe: ObserveCost;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
  /** How many accounts, and how many trees, are remembered: those that asked last. */
  atMost?: number;
}

/** The budget of a tree, and whether more than one of its accounts has asked. */
interface Tree {
  budget: Budget;
  hasSeveral: boolean;
}

/**
 * Keeps one customer from taking the gateway away from the others (SPEC §10, ADR 29): whatever the accounts of a tree ask
 * for, by either surface, adds up, and when they have used up their budget they are refused until enough of it wore off.
 * One account may use half of it, so that it cannot take it away from the others of its tree; a top-level account, or the
 * root, all of it as long as nobody else of its tree asks.
 *
 * What a request costs is known when it was answered; so the request that exceeds the budget is still answered, and the
 * next one is refused. Each instance counts for itself, in memory that does not grow.
 */
export class Metering {
  readonly observe: ObserveCost;
  readonly #costPerMinute: number;
  readonly #now: () => number;
  readonly #trees: LRUCache<Sid, Tree>;
  readonly #accounts: LRUCache<Sid, Budget>;

  constructor({ costPerMinute, observe, now = () => performance.now(), atMost = 10_000 }: MeteringOptions) {
    this.observe = observe;
    this.#costPerMinute = costPerMinute;
    this.#now = now;
    this.#trees = new LRUCache({ max: atMost });
    this.#accounts = new LRUCache({ max: atMost });
  }

  /**
   * Lets a request in: the caller pays for what its meter adds up. One that only switches off is let in whatever was used up.
   * @throws AppError RATE_LIMITED
   */
  open(meter: Meter, actor: Actor, { switchesOff = false } = {}): void {
    if (actor.rank === 'Anonymous') return;
    const [account, tree] = this.#budgetsOf(actor.account);
    if (!switchesOff) {
      assertRoom(account, 'The account has used up what it may use in a minute.');
      assertRoom(tree, 'The account and the others of its tree have used up what they may use in a minute.');
    }
    meter.claim([account, tree]);
    meter.add(costOfRequest);
  }

  /** Charges what is not known to the meter of a request: time of PostgreSQL or of the processor, in points. */
  charge(payer: Payer, cost: number): void {
    for (const budget of this.#budgetsOf(payer)) budget.used += cost;
  }

  #budgetsOf({ sid, topLevelSid }: Payer): [account: Budget, tree: Budget] {
    const half = this.#costPerMinute / 2;
    const tree = remembered(this.#trees, topLevelSid, () => ({ budget: new Budget(this.#costPerMinute, this.#now), hasSeveral: false }));
    tree.budget.wearOff();
    if (sid !== topLevelSid && !tree.hasSeveral) {
      tree.hasSeveral = true;
      // What its top-level account used of the other half while it was alone, the others do not make up for.
      tree.budget.used = Math.min(tree.budget.used, half);
    }
    const account = remembered(this.#accounts, sid, () => new Budget(half, this.#now));
    account.perMinute = tree.hasSeveral ? half : this.#costPerMinute;
    account.wearOff();
    return [account, tree.budget];
  }
}

function remembered<Value extends object>(cache: LRUCache<Sid, Value>, sid: Sid, make: () => Value): Value {
  const known = cache.get(sid);
  if (known !== undefined) return known;
  const made = make();
  cache.set(sid, made);
  return made;
}

/** @throws AppError RATE_LIMITED */
function assertRoom(budget: Budget, why: string): void {
  const seconds = budget.secondsUntil(costOfRequest);
  if (seconds > 0) throw refusal(why, seconds);
}

function refusal(why: string, seconds: number): AppError {
  return new AppError('RATE_LIMITED', `${why} Try again in ${inWords(seconds)}.`, { retryAfter: seconds });
}
