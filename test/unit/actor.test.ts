import { expect, it } from 'vitest';
import { actorOf, assertActive, revalidate } from '../../src/domain/actor.js';
import {
  type Credential,
  ProvenSecret,
  authTokenSchemes,
  looksLikeAuthToken,
  maxResetTokens,
  overlapSecondsMax,
  resetTokenSeconds,
} from '../../src/domain/credentials.js';
import { withoutIdempotencyKey } from '../../src/domain/request-context.js';
import { account } from '../support/account.js';
import { refusalOf } from '../support/refusal.js';

const credential = (passwordHash: string): Credential => ({
  passwordHash,
  tokenHash: Buffer.alloc(1),
  previousTokenHash: null,
  tokenIsRandom: true,
  previousTokenIsRandom: null,
});
const secretOf = (hash: string) => new ProvenSecret(({ passwordHash }) => passwordHash === hash);

it('an actor goes on with the rank that its account has now, as long as that is active and its secret is valid', () => {
  const root = account();
  const before = account({ role: 'Administrator' }, root);
  const actor = actorOf(before, secretOf('one'));
  const demoted = { ...before, role: 'Developer' as const };
  expect(revalidate(actor, { account: demoted, credential: credential('one') })).toEqual({
    rank: 'Developer',
    account: demoted,
    secret: actor.secret,
  });
  expect(revalidate(actorOf(root, secretOf('one')), { account: root, credential: credential('one') }).rank).toBe('SuperAdmin');
  for (const now of [
    { account: before, credential: credential('another') },
    { account: before, credential: undefined },
    { account: undefined, credential: credential('one') },
  ]) {
    expect(refusalOf(() => revalidate(actor, now))).toEqual({ code: 'UNAUTHENTICATED' });
  }
  for (const status of ['suspended', 'closed', 'uninitialized'] as const) {
    // That it is switched off comes first.
    for (const now of [credential('one'), credential('another'), undefined]) {
      expect(refusalOf(() => revalidate(actor, { account: { ...before, status }, credential: now }))).toEqual({
        code: 'ACCOUNT_NOT_ACTIVE',
      });
    }
    expect(refusalOf(() => assertActive(account({ status })))).toEqual({ code: 'ACCOUNT_NOT_ACTIVE' });
  }
  expect(refusalOf(() => assertActive(account()))).toBeUndefined();
});

it('a secret that was proved is valid as long as the credential verifies it, or another one that it gave itself', () => {
  const secret = secretOf('one');
  const valid = () => ['one', 'two', 'three'].map((hash) => secret.isValidFor(credential(hash)));
  expect(valid()).toEqual([true, false, false]);
  secret.alsoAccept(({ passwordHash }) => passwordHash === 'two');
  expect(valid()).toEqual([true, true, false]);
  expect(secret.isValidFor(undefined)).toBe(false);
});

it('an AuthToken has 32 lower-case hexadecimal digits', () => {
  const token = '0123456789abcdef'.repeat(2);
  expect(looksLikeAuthToken(token)).toBe(true);
  for (const other of [token.slice(1), `${token}0`, token.toUpperCase(), `${token}\n`, `x${token.slice(1)}`, ''])
    expect(looksLikeAuthToken(other)).toBe(false);
});

it('the times and numbers of AuthTokens and reset tokens are those of SPEC §5', () => {
  expect(authTokenSchemes).toEqual(['random', 'md5']);
  expect([overlapSecondsMax, resetTokenSeconds, maxResetTokens]).toEqual([86_400, { min: 60, max: 604_800, default: 86_400 }, 10]);
});

it('a request goes on without its idempotency key, and with all else', () => {
  const request = { requestId: 'r', address: '192.0.2.1', slot: undefined, idempotent: { key: 'k', request: '{}' } };
  expect(withoutIdempotencyKey(request)).toEqual({ requestId: 'r', address: '192.0.2.1', slot: undefined, idempotent: undefined });
});
