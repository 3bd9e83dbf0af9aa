import { describe, expect, it } from 'vitest';
import { Meter, Metering } from '../../src/api/http/cost-budget.js';
import type { Account } from '../../src/domain/account.js';
import { type Actor, anonymous } from '../../src/domain/permissions.js';
import { AppError } from '../../src/errors.js';
import { account } from '../support/account.js';

let now = 0;
const metering = (atMost?: number): Metering =>
  new Metering({
    costPerMinute: 600,
    observe: { cost() {}, refusal() {} },
    now: () => now,
    ...(atMost !== undefined && { atMost }),
  });
/** An account below the top-level account `topLevelSid`, or that account itself. */
const actor = (sid: string, topLevelSid = sid): Actor =>
  ({ rank: 'Developer', account: account({ sid, topLevelSid }) as Account, requestId: 'r' }) as Actor;

/** Lets in a request that costs one, and tells its meter. */
function open(meters: Metering, ...who: Parameters<typeof actor>): Meter {
  const meter = new Meter();
  meters.open(meter, actor(...who));
  return meter;
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

/** When to come again; nothing where the request is let in. */
const refusal = (meters: Metering, ...who: Parameters<typeof actor>): number | undefined =>
  refusedBy(() => open(meters, ...who))?.retryAfter;

describe('the meter of an account that is alone in its tree', () => {
  it('refuses once the budget is used up, and says when enough of it will have worn off', () => {
    const meters = metering();
    open(meters, 'A').add(598);
    expect(refusal(meters, 'A')).toBeUndefined();
    expect(refusal(meters, 'A')).toBe(1);
    expect(refusal(meters, 'B')).toBeUndefined();
  });

  it('lets a request in that exceeds the budget, and then waits for as long as that takes to wear off', () => {
    const meters = metering();
    open(meters, 'A').add(1799);
    expect(refusal(meters, 'A')).toBe(121);
    now += 120_000;
    expect(refusal(meters, 'A')).toBe(1);
    now += 1000;
    expect(refusal(meters, 'A')).toBeUndefined();
  });

  it('adds up what runs at the same time, and what is charged beside the meters', () => {
    const meters = metering();
    const running = [open(meters, 'A'), open(meters, 'A')];
    for (const meter of running) meter.add(199);
    expect(running.map(({ cost }) => cost)).toEqual([200, 200]);
    meters.charge({ sid: 'A', topLevelSid: 'A' }, 200);
    expect(refusal(meters, 'A')).toBe(1);
  });

  it('is not kept for nobody', () => {
    const meters = metering();
    for (let requests = 0; requests < 2; requests++) {
      const meter = new Meter();
      meters.open(meter, anonymous);
      meter.add(10_000);
      expect(meter.cost).toBe(10_000);
    }
  });

  it('is kept for so many accounts, those that came last', () => {
    const meters = metering(2);
    for (const sid of ['A', 'B']) open(meters, sid).add(1000);
    expect(refusal(meters, 'A')).toBe(41);
    open(meters, 'C');
    expect(refusal(meters, 'A')).toBe(41);
    expect(refusal(meters, 'B')).toBeUndefined();
  });
});

describe('the accounts of a tree', () => {
  it('share its budget, however many they are', () => {
    const meters = metering();
    for (let count = 0; count < 6; count++) open(meters, `A${count}`, 'T').add(99);
    const refused = refusedBy(() => open(meters, 'another', 'T'));
    expect([refused?.retryAfter, refused?.message]).toEqual([
      1,
      'The account and the others of its tree have used up what they may use in a minute. Try again in 1 second.',
    ]);
    expect(refusal(meters, 'T')).toBe(1);
    expect(refusal(meters, 'U')).toBeUndefined();
  });

  it('may each use half of it', () => {
    const meters = metering();
    open(meters, 'A', 'T').add(299);
    const refused = refusedBy(() => open(meters, 'A', 'T'));
    expect([refused?.retryAfter, refused?.message]).toEqual([
      1,
      'The account has used up what it may use in a minute. Try again in 1 second.',
    ]);
    expect(refusal(meters, 'B', 'T')).toBeUndefined();
  });

  it('find half of it left when their top-level account, alone until then, has used up all', () => {
    const meters = metering();
    open(meters, 'T').add(599);
    expect(refusal(meters, 'T')).toBe(1);
    open(meters, 'A', 'T').add(298);
    expect(refusal(meters, 'A', 'T')).toBeUndefined();
    // It is one of several now: half of the budget is its own, and it has used two of these.
    expect(refusal(meters, 'T')).toBe(61);
  });
});

describe('what a request is weighed as', () => {
  const heavy = (cost: number) => ({ cost, of: 'viewer.accounts' });

  it('has to fit into what is left, and is held until the request is over', () => {
    const meters = metering();
    const first = open(meters, 'A');
    first.add(299);
    first.reserve(heavy(200));
    const second = open(meters, 'A');
    const refused = refusedBy(() => second.reserve(heavy(110)));
    expect([refused?.retryAfter, refused?.message]).toEqual([
      2,
      'viewer.accounts may take more than is left of what the account may use up in a minute. Try again in 2 seconds.',
    ]);
    // What is small goes on.
    expect(refusal(meters, 'A')).toBeUndefined();
    first.settle();
    second.reserve(heavy(110));
  });

  it('has to find half of the budget, when it is more than that', () => {
    const meters = metering();
    const meter = open(meters, 'A');
    meter.add(298);
    meter.reserve(heavy(5000));
    meter.settle();
    meter.add(2);
    expect(refusedBy(() => meter.reserve(heavy(5000)))?.retryAfter).toBe(1);
  });
});

it('a request that only switches off is let in whatever was used up, and adds to it', () => {
  const meters = metering();
  open(meters, 'A').add(1200);
  const meter = new Meter();
  meters.open(meter, actor('A'), { switchesOff: true });
  meter.add(599);
  expect(refusal(meters, 'A')).toBe(121);
});
