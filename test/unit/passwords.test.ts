import { afterEach, describe, expect, it, vi } from 'vitest';
import { newSid } from '../../src/domain/sid.js';
import { Passwords } from '../../src/service/passwords.js';

/** Some ten milliseconds: longer than all that is done around a hash. */
const cost = { memoryCost: 19_456, timeCost: 1, parallelism: 1 };
const password = 'a decent password';

const newTree = () => newSid('account');
const payerIn = (topLevelSid: string) => ({ sid: newSid('account'), topLevelSid });

/** How many of the hashes are done when the work is. */
async function doneBefore(hashes: Promise<unknown>[], work: Promise<unknown>): Promise<number> {
  let done = 0;
  for (const hash of hashes) void hash.finally(() => (done += 1));
  await work;
  const before = done;
  await Promise.all(hashes);
  return before;
}

describe('hashing goes in turns:', () => {
  const hundred = (passwords: Passwords, topLevelSid: string): Promise<string>[] => {
    const payer = payerIn(topLevelSid);
    return Array.from({ length: 100 }, (_, number) => passwords.hash(`${password} ${number}`, payer));
  };

  it('a sign-in does not wait behind a hundred passwords that somebody sets', async () => {
    const passwords = new Passwords(cost);
    const hash = await passwords.hash(password, undefined);
    const hashes = hundred(passwords, newTree());
    const account = { sid: newSid('account'), version: 1 };
    const signIn = passwords.verify(account, hash, password, { group: account.sid, member: '10.0.0.1' });
    expect(await doneBefore(hashes, signIn)).toBeLessThan(10);
    expect(await signIn).toBe(true);
  });

  it('a tree does not wait behind another one', async () => {
    const passwords = new Passwords(cost);
    expect(await doneBefore(hundred(passwords, newTree()), passwords.hash(password, payerIn(newTree())))).toBeLessThan(10);
  });

  it('an account does not wait behind another one of its tree', async () => {
    const passwords = new Passwords(cost);
    const tree = newTree();
    expect(await doneBefore(hundred(passwords, tree), passwords.hash(password, payerIn(tree)))).toBeLessThan(10);
  });

  it('more than the queue keeps of one tree are refused, and the others wait', async () => {
    const passwords = new Passwords({ memoryCost: 64, timeCost: 1, parallelism: 1 });
    const payer = payerIn(newTree());
    const outcomes = await Promise.allSettled(Array.from({ length: 400 }, () => passwords.hash(password, payer)));
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(100);
    expect(refused[0]).toMatchObject({ reason: { code: 'OVERLOADED', retryAfter: 1 } });
    expect(await passwords.hash(password, payer)).toMatch(/^\$argon2id\$/);
  });

  it('who pays for a hash is told, once for each', async () => {
    const told: unknown[] = [];
    const passwords = new Passwords(cost, { onHash: (payer) => told.push(payer) });
    const [one, other] = [payerIn(newTree()), payerIn(newTree())];
    await Promise.all([passwords.hash(password, one), passwords.hash(password, other), passwords.hash(password, undefined)]);
    expect(told).toHaveLength(2);
    expect(new Set(told)).toEqual(new Set([one, other]));
  });
});

describe('a password that was verified', () => {
  const cheap = { memoryCost: 64, timeCost: 1, parallelism: 1 };
  const minutes = 60_000;
  afterEach(() => vi.restoreAllMocks());

  /** Sets the monotonic clock forward; timers go on as they did. */
  const later = (milliseconds: number): void => {
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + milliseconds);
  };

  it('is remembered for five minutes, and has to be verified anew after that', async () => {
    const passwords = new Passwords(cheap);
    const account = { sid: newSid('account'), version: 1 };
    const hash = await passwords.hash(password, undefined);
    expect(passwords.remembers(account, hash, password)).toBe(false);
    expect(await passwords.verify(account, hash, password)).toBe(true);
    expect(passwords.remembers(account, hash, password)).toBe(true);
    later(5 * minutes - 2000);
    expect(passwords.remembers(account, hash, password)).toBe(true);
    later(4000);
    expect(passwords.remembers(account, hash, password)).toBe(false);
    expect(await passwords.verify(account, hash, password)).toBe(true);
    expect(passwords.remembers(account, hash, password)).toBe(true);
  });

  it('is remembered for that version of that account, that hash and that password alone', async () => {
    const passwords = new Passwords(cheap);
    const account = { sid: newSid('account'), version: 1 };
    const hash = await passwords.hash(password, undefined);
    await passwords.verify(account, hash, password);
    expect(await passwords.verify(account, hash, 'another password')).toBe(false);
    for (const [other, itsHash, itsPassword] of [
      [{ ...account, version: 2 }, hash, password],
      [{ ...account, sid: newSid('account') }, hash, password],
      [account, await passwords.hash(password, undefined), password],
      [account, hash, 'another password'],
    ] as const) {
      expect(passwords.remembers(other, itsHash, itsPassword)).toBe(false);
    }
    expect(passwords.remembers(account, hash, password)).toBe(true);
  });
});
