import { describe, expect, it } from 'vitest';
import {
  CostBudgets,
  RequestCost,
  assumedListLength,
  costOfBatch,
  costOfChange,
  costOfEntry,
  costOfMillisecond,
  costOfReading,
  costOfText,
  isWithoutCharge,
  withoutCharge,
} from '../../src/api/http/cost-budget.js';
import type { Account } from '../../src/domain/account.js';
import { type Actor, anonymous } from '../../src/domain/actor.js';
import { ProvenSecret } from '../../src/domain/credentials.js';
import { AppError } from '../../src/errors.js';
import { account } from '../support/account.js';

let now = 0;
const newBudgets = (atMost?: number): CostBudgets =>
  new CostBudgets({
    costPerMinute: 600,
    observe: { cost() {}, refusal() {} },
    now: () => now,
    ...(atMost !== undefined && { maxTracked: atMost }),
  });
/** An account below the top-level account `topLevelSid`, or that account itself. */
const actor = (sid: string, topLevelSid = sid): Actor =>
  ({ rank: 'Developer', account: account({ sid, topLevelSid }) as Account, secret: new ProvenSecret(() => true) }) as Actor;

/** Starts a request, which costs one point. */
function open(budgets: CostBudgets, ...who: Parameters<typeof actor>): RequestCost {
  const cost = new RequestCost();
  budgets.startCharging(cost, actor(...who));
  return cost;
}

function refusedBy(work: () => unknown): AppError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    expect((error as AppError).code).toBe('RATE_LIMITED');
    return error as AppError;
  }
}

/** After how many seconds to try again; undefined when the request is let in. */
const refusal = (budgets: CostBudgets, ...who: Parameters<typeof actor>): number | undefined =>
  refusedBy(() => open(budgets, ...who))?.retryAfter;

describe('the budget of an account that is alone in its tree', () => {
  it('refuses once the budget is used up, and says when enough of it will be restored', () => {
    const budgets = newBudgets();
    open(budgets, 'A').add(598);
    expect(refusal(budgets, 'A')).toBeUndefined();
    expect(refusal(budgets, 'A')).toBe(1);
    expect(refusal(budgets, 'B')).toBeUndefined();
  });

  it('lets a request in that exceeds the budget, and then waits for as long as that takes to be restored', () => {
    const budgets = newBudgets();
    open(budgets, 'A').add(1799);
    expect(refusal(budgets, 'A')).toBe(121);
    now += 120_000;
    expect(refusal(budgets, 'A')).toBe(1);
    now += 1000;
    expect(refusal(budgets, 'A')).toBeUndefined();
  });

  it('adds up what runs at the same time, and what is charged beside the budgets', () => {
    const budgets = newBudgets();
    const running = [open(budgets, 'A'), open(budgets, 'A')];
    for (const cost of running) cost.add(199);
    expect(running.map(({ total }) => total)).toEqual([200, 200]);
    budgets.charge({ sid: 'A', topLevelSid: 'A' }, 200);
    expect(refusal(budgets, 'A')).toBe(1);
  });

  it('is not kept for nobody', () => {
    const budgets = newBudgets();
    for (let requests = 0; requests < 2; requests++) {
      const cost = new RequestCost();
      budgets.startCharging(cost, anonymous);
      cost.add(10_000);
      expect(cost.total).toBe(10_000);
    }
  });

  it('is kept for so many accounts, those that came last', () => {
    const budgets = newBudgets(2);
    for (const sid of ['A', 'B']) open(budgets, sid).add(1000);
    expect(refusal(budgets, 'A')).toBe(41);
    open(budgets, 'C');
    expect(refusal(budgets, 'A')).toBe(41);
    expect(refusal(budgets, 'B')).toBeUndefined();
  });
});

describe('the accounts of a tree', () => {
  it('share its budget, however many they are', () => {
    const budgets = newBudgets();
    for (let count = 0; count < 6; count++) open(budgets, `A${count}`, 'T').add(99);
    const refused = refusedBy(() => open(budgets, 'another', 'T'));
    expect([refused?.retryAfter, refused?.message]).toEqual([
      1,
      'The account and the others of its tree have used up what they may use in a minute. Try again in 1 second.',
    ]);
    expect(refusal(budgets, 'T')).toBe(1);
    expect(refusal(budgets, 'U')).toBeUndefined();
  });

  it('may each use half of it', () => {
    const budgets = newBudgets();
    open(budgets, 'A', 'T').add(299);
    const refused = refusedBy(() => open(budgets, 'A', 'T'));
    expect([refused?.retryAfter, refused?.message]).toEqual([
      1,
      'The account has used up what it may use in a minute. Try again in 1 second.',
    ]);
    expect(refusal(budgets, 'B', 'T')).toBeUndefined();
  });

  it('find half of it left when their top-level account, alone until then, has used up all', () => {
    const budgets = newBudgets();
    open(budgets, 'T').add(599);
    expect(refusal(budgets, 'T')).toBe(1);
    open(budgets, 'A', 'T').add(298);
    expect(refusal(budgets, 'A', 'T')).toBeUndefined();
    // It is one of several now: half of the budget is its own, and it has used two of these.
    expect(refusal(budgets, 'T')).toBe(61);
  });
});

describe('what a request is weighed as', () => {
  const heavy = (cost: number) => ({ cost, of: 'viewer.accounts' });

  it('has to fit into what is left, and is held until the request is over', () => {
    const budgets = newBudgets();
    const first = open(budgets, 'A');
    first.add(299);
    first.reserve(heavy(200));
    const second = open(budgets, 'A');
    const refused = refusedBy(() => second.reserve(heavy(110)));
    expect([refused?.retryAfter, refused?.message]).toEqual([
      2,
      "viewer.accounts may cost more than is left of the account's budget for this minute. Try again in 2 seconds.",
    ]);
    // What is small goes on.
    expect(refusal(budgets, 'A')).toBeUndefined();
    first.release();
    second.reserve(heavy(110));
  });

  it('has to find half of the budget, when it is more than that', () => {
    const budgets = newBudgets();
    const cost = open(budgets, 'A');
    cost.add(298);
    cost.reserve(heavy(5000));
    cost.release();
    cost.add(2);
    expect(refusedBy(() => cost.reserve(heavy(5000)))?.retryAfter).toBe(1);
  });
});

it('a request that only switches off is let in whatever was used up, and adds to it', () => {
  const budgets = newBudgets();
  open(budgets, 'A').add(1200);
  const cost = new RequestCost();
  budgets.startCharging(cost, actor('A'), { switchesOff: true });
  cost.add(599);
  expect(refusal(budgets, 'A')).toBe(121);
});

it('what takes more than an object is told in the same points', () => {
  expect({ costOfEntry, costOfBatch, costOfChange, costOfMillisecond, assumedListLength }).toEqual({
    costOfEntry: 1,
    costOfBatch: 1,
    costOfChange: 10,
    costOfMillisecond: 25,
    assumedListLength: 100_000,
  });
  expect([0, 1, 256, 257, 25_600].map(costOfText)).toEqual([0, 1, 1, 2, 100]);
  // 0.8 microseconds for each account.
  expect([0, 1, 50, 51, 100_000].map(costOfReading)).toEqual([0, 1, 1, 2, 2000]);
});

it("work of the gateway's own on a caller's data is charged to nobody", () => {
  const budgets = newBudgets();
  expect([isWithoutCharge(), withoutCharge(isWithoutCharge), isWithoutCharge()]).toEqual([false, true, false]);
  withoutCharge(() => budgets.charge({ sid: 'A', topLevelSid: 'A' }, 10_000));
  expect(refusal(budgets, 'A')).toBeUndefined();
  budgets.charge({ sid: 'A', topLevelSid: 'A' }, 10_000);
  expect(refusal(budgets, 'A')).toBeGreaterThan(0);
});
