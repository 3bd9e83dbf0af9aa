import { AsyncLocalStorage } from 'node:async_hooks';
import { LRUCache } from 'lru-cache';
import type { Payer } from '../../domain/account.js';
import type { Actor } from '../../domain/actor.js';
import type { Sid } from '../../domain/sid.js';
import { AppError, type ErrorCode, inWords } from '../../errors.js';

/** One object in an answer costs one point, the unit of cost. Everything else is expressed in points too. */
export const costOfEntry = 1;

/** The cost of a change. */
export const costOfChange = 10;

/** The cost of every request, whatever it asks for. */
const costOfRequest = 1;

/** The cost of reading one batch of rows, in addition to the rows. */
export const costOfBatch = 1;

/** The cost of a long text, in addition to the object that it belongs to. */
export function costOfText(characters: number): number {
  return Math.ceil(characters / 256);
}

/** The cost of bytes that pass between a client and an upstream: about what it takes to move them. */
export function costOfBytes(bytes: number): number {
  return bytes / 4096;
}

/** The cost of one millisecond of work by PostgreSQL, in addition to what it returns (ADR 29). */
export const costOfMillisecond = 25;

/** The length that a list is assumed to have before it is read (SPEC §12). */
export const assumedListLength = 100_000;

/** The estimated cost of accounts that PostgreSQL reads one by one, to filter, count or skip them. */
export function costOfReading(accounts: number): number {
  return Math.ceil(accounts * 0.0008 * costOfMillisecond);
}

/** The API that a request came by. */
export type Surface = 'graphql' | 'rest';

/** Called with the cost of each request, and with the code of each refusal. */
interface ObserveCost {
  cost(surface: Surface, cost: number): void;
  refusal(surface: Surface, code: ErrorCode): void;
}

/** How much work a request may cause in PostgreSQL, estimated before it runs (SPEC §10). */
export interface Weight {
  cost: number;
  /** The part of the request that most of it is for, by a name that the client knows. */
  of: string;
}

/** How much of a budget per minute is used up. What was used is restored evenly over time. */
class Budget {
  used = 0;
  /** Reserved by requests that are still running. */
  reserved = 0;
  #updatedAt: number;

  constructor(
    public perMinute: number,
    private readonly now: () => number,
  ) {
    this.#updatedAt = now();
  }

  restore(): void {
    const now = this.now();
    this.used = Math.max(0, this.used - (this.perMinute * (now - this.#updatedAt)) / 60_000);
    this.#updatedAt = now;
  }

  /** In how many seconds the budget has room for the cost; 0 if it has now. */
  secondsUntil(cost: number): number {
    const excess = this.used + this.reserved + cost - this.perMinute;
    return excess > 0 ? Math.floor((excess / this.perMinute) * 60) + 1 : 0;
  }
}

/** The cost of one request, added up as it runs, and what is reserved for it. It is charged to nobody until `chargeTo` names budgets. */
export class RequestCost {
  total = 0;
  #reserved = 0;
  #budgets: readonly Budget[] = [];

  /** Charges all further cost to these: the budget of the account and that of its tree. */
  chargeTo(budgets: readonly Budget[]): void {
    this.#budgets = budgets;
  }

  add(cost: number): void {
    this.total += cost;
    for (const budget of this.#budgets) budget.used += cost;
  }

  /**
   * Reserves room for the work that the request is about to cause in PostgreSQL. An estimate of more than half of a budget needs
   * half of it; otherwise it would never fit.
   * @throws AppError RATE_LIMITED when not enough is left
   */
  reserve({ cost: estimate, of }: Weight): void {
    if (estimate === 0) return;
    const cost = Math.min(estimate, ...this.#budgets.map(({ perMinute }) => perMinute / 2));
    const seconds = Math.max(0, ...this.#budgets.map((budget) => budget.secondsUntil(cost)));
    if (seconds > 0) throw refusal(`${of} may cost more than is left of the account's budget for this minute.`, seconds);
    this.#adjustReserved(cost);
  }

  /** Ends the reservation: the actual cost has been charged by now. */
  release(): void {
    this.#adjustReserved(-this.#reserved);
  }

  #adjustReserved(cost: number): void {
    this.#reserved += cost;
    for (const budget of this.#budgets) budget.reserved += cost;
  }
}

const uncharged = new AsyncLocalStorage<true>();

/** Does work of the gateway's own on the data of a caller: PostgreSQL's time for it is charged to nobody. */
export function withoutCharge<Result>(work: () => Result): Result {
  return uncharged.run(true, work);
}

/** Whether this is called within `withoutCharge`. */
export function isWithoutCharge(): boolean {
  return uncharged.getStore() === true;
}

interface CostBudgetOptions {
  /** How much one tree may use in a minute. Once that is used up, its next request is refused. */
  costPerMinute: number;
  observe: ObserveCost;
  /** A monotonic clock, in milliseconds. */
  now?: () => number;
  /** How many accounts, and how many trees, are tracked at most. Those that called least recently are forgotten. */
  maxTracked?: number;
}

/** The budget of a tree, and whether more than one of its accounts has called. */
interface Tree {
  budget: Budget;
  hasSeveral: boolean;
}

/**
 * Keeps one customer from crowding out the others (SPEC §10, ADR 29). The cost of all requests by accounts of one tree adds up,
 * across both APIs. Once the tree has used up its budget, its requests are refused until enough of it is restored. One
 * account may use half of the budget, so that it cannot crowd out the others of its tree. A top-level account, or the root, may use
 * all of it as long as no other account of its tree calls.
 *
 * The cost of a request is known only after it was answered. So the request that exceeds the budget is still answered, and the
 * next one is refused. Each process counts for itself, in bounded memory.
 */
export class CostBudgets {
  readonly observe: ObserveCost;
  readonly #costPerMinute: number;
  readonly #now: () => number;
  readonly #trees: LRUCache<Sid, Tree>;
  readonly #accounts: LRUCache<Sid, Budget>;

  constructor({ costPerMinute, observe, now = () => performance.now(), maxTracked = 10_000 }: CostBudgetOptions) {
    this.observe = observe;
    this.#costPerMinute = costPerMinute;
    this.#now = now;
    this.#trees = new LRUCache({ max: maxTracked });
    this.#accounts = new LRUCache({ max: maxTracked });
  }

  /**
   * Charges the request to the budgets of the caller from now on, and refuses it if they are used up. A request that only
   * suspends or closes accounts is never refused.
   * @throws AppError RATE_LIMITED
   */
  startCharging(cost: RequestCost, actor: Actor, { switchesOff = false } = {}): void {
    if (actor.rank === 'Anonymous') return;
    const [account, tree] = this.#budgetsOf(actor.account);
    if (!switchesOff) {
      assertRoom(account, 'The account has used up what it may use in a minute.');
      assertRoom(tree, 'The account and the others of its tree have used up what they may use in a minute.');
    }
    cost.chargeTo([account, tree]);
    cost.add(costOfRequest);
  }

  /** Charges what is measured outside of a request's own cost: time of PostgreSQL or of the processor, in points. */
  charge(payer: Payer, cost: number): void {
    if (isWithoutCharge()) return;
    for (const budget of this.#budgetsOf(payer)) budget.used += cost;
  }

  #budgetsOf({ sid, topLevelSid }: Payer): [account: Budget, tree: Budget] {
    const half = this.#costPerMinute / 2;
    const tree = getOrCreate(this.#trees, topLevelSid, () => ({ budget: new Budget(this.#costPerMinute, this.#now), hasSeveral: false }));
    tree.budget.restore();
    if (sid !== topLevelSid && !tree.hasSeveral) {
      tree.hasSeveral = true;
      // While it was alone, its top-level account may have used more than its half. The others do not pay for that.
      tree.budget.used = Math.min(tree.budget.used, half);
    }
    const account = getOrCreate(this.#accounts, sid, () => new Budget(half, this.#now));
    account.perMinute = tree.hasSeveral ? half : this.#costPerMinute;
    account.restore();
    return [account, tree.budget];
  }
}

function getOrCreate<Value extends object>(cache: LRUCache<Sid, Value>, sid: Sid, create: () => Value): Value {
  const found = cache.get(sid);
  if (found !== undefined) return found;
  const created = create();
  cache.set(sid, created);
  return created;
}

/** @throws AppError RATE_LIMITED */
function assertRoom(budget: Budget, why: string): void {
  const seconds = budget.secondsUntil(costOfRequest);
  if (seconds > 0) throw refusal(why, seconds);
}

function refusal(why: string, seconds: number): AppError {
  return new AppError('RATE_LIMITED', `${why} Try again in ${inWords(seconds)}.`, { retryAfter: seconds });
}
