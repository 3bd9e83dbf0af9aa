import { describe, expect, it } from 'vitest';
import { Metering } from '../../src/api/metering.js';
import type { Account } from '../../src/domain/account.js';
import { type Actor, anonymous } from '../../src/domain/permissions.js';
import { AppError } from '../../src/errors.js';
import { account } from '../support/account.js';

let now = 0;
const metering = (accountsAtMost?: number): Metering =>
  new Metering({
    costPerMinute: 600,
    observe: { cost() {}, refusal() {} },
    now: () => now,
    ...(accountsAtMost !== undefined && { accountsAtMost }),
  });
const actor = (sid: string): Actor => ({ rank: 'Developer', account: account({ sid }) as Account, requestId: 'r' }) as Actor;

/** When to come again; nothing where the request is let in. */
function refusal(meters: Metering, sid: string): number | undefined {
  try {
    meters.open(actor(sid));
    return undefined;
  } catch (error) {
    expect((error as AppError).code).toBe('RATE_LIMITED');
    return (error as AppError).retryAfter;
  }
}

describe('the meter of an account', () => {
  it('refuses once the budget is used up, and says when enough of it will have worn off', () => {
    const meters = metering();
    meters.open(actor('A')).add(598);
    expect(refusal(meters, 'A')).toBeUndefined();
    expect(refusal(meters, 'A')).toBe(1);
    expect(refusal(meters, 'B')).toBeUndefined();
  });

  it('lets a request in that exceeds the budget, and then waits for as long as that takes to wear off', () => {
    const meters = metering();
    meters.open(actor('A')).add(1799);
    expect(refusal(meters, 'A')).toBe(121);
    now += 120_000;
    expect(refusal(meters, 'A')).toBe(1);
    now += 1000;
    expect(refusal(meters, 'A')).toBeUndefined();
  });

  it('adds up what runs at the same time', () => {
    const meters = metering();
    const running = [meters.open(actor('A')), meters.open(actor('A'))];
    for (const meter of running) meter.add(299);
    expect(running.map(({ cost }) => cost)).toEqual([300, 300]);
    expect(refusal(meters, 'A')).toBe(1);
  });

  it('is not kept for nobody', () => {
    const meters = metering();
    meters.open(anonymous).add(10_000);
    expect(meters.open(anonymous).cost).toBe(0);
  });

  it('is kept for so many accounts, those that came last', () => {
    const meters = metering(2);
    for (const sid of ['A', 'B']) meters.open(actor(sid)).add(1000);
    expect(refusal(meters, 'A')).toBe(41);
    meters.open(actor('C'));
    expect(refusal(meters, 'A')).toBe(41);
    expect(refusal(meters, 'B')).toBeUndefined();
  });
});
