import { describe, expect, it } from 'vitest';
import {
  AccountStatus,
  AccountType,
  Role,
  alreadyExists,
  assertActiveParent,
  assertLevelBelow,
  assertMayBecome,
  assertOpen,
  assertVersion,
  emailInUse,
  isSameKey,
  parseAccountReference,
  parseEmailAddress,
  parseFriendlyName,
  parseRole,
  parseStatus,
} from '../../src/domain/account.js';
import { newSid } from '../../src/domain/sid.js';
import { account } from '../support/account.js';
import { refusalOf } from '../support/refusal.js';

const sid = newSid('account');

it('what is stored of types, statuses and roles is what clients and the database know', () => {
  expect(AccountType).toEqual({ FULL: 'Full', TRIAL: 'Trial' });
  expect(AccountStatus).toEqual({ UNINITIALIZED: 'uninitialized', ACTIVE: 'active', SUSPENDED: 'suspended', CLOSED: 'closed' });
  expect(Role).toEqual({ ADMINISTRATOR: 'Administrator', DEVELOPER: 'Developer', PROVISIONING_AGENT: 'ProvisioningAgent' });
});

it('a status and a role are known by their names in any case, and by nothing else', () => {
  expect(['ACTIVE', 'Suspended', 'closed', 'unInitialized'].map(parseStatus)).toEqual(['active', 'suspended', 'closed', 'uninitialized']);
  expect(['administrator', 'DEVELOPER', 'provisioningagent'].map(parseRole)).toEqual(['Administrator', 'Developer', 'ProvisioningAgent']);
  for (const wrong of ['', 'activ', 'active ', 'FULL']) {
    expect(refusalOf(() => parseStatus(wrong))).toEqual({ code: 'INVALID_STATUS', field: 'status' });
    expect(refusalOf(() => parseRole(wrong))).toEqual({ code: 'INVALID_ROLE', field: 'role' });
  }
});

describe('an account is named', () => {
  it('by its SID, its e-mail address in any case, or a text that may be either', () => {
    expect(parseAccountReference({ sid })).toEqual({ sid });
    expect(parseAccountReference({ emailAddress: 'Jane@B.test' })).toEqual({ emailAddress: 'jane@b.test' });
    expect(parseAccountReference({ either: sid })).toEqual({ sid });
    expect(parseAccountReference({ either: 'Jane@B.test' })).toEqual({ emailAddress: 'jane@b.test' });
    for (const either of ['', 'jane', 'jane@', sid.toUpperCase(), `${sid}0`]) expect(parseAccountReference({ either })).toBeUndefined();
  });

  it('by nothing malformed, and the refusal says which input that was', () => {
    expect(refusalOf(() => parseAccountReference({ sid: 'AC' }))).toEqual({ code: 'BAD_USER_INPUT', field: 'sid' });
    expect(refusalOf(() => parseAccountReference({ sid: 'AC' }, 'parentSid'))).toEqual({ code: 'BAD_USER_INPUT', field: 'parentSid' });
    expect(refusalOf(() => parseAccountReference({ emailAddress: 'x' }))).toEqual({ code: 'INVALID_EMAIL', field: 'emailAddress' });
    expect(refusalOf(() => parseAccountReference({ emailAddress: 'x' }, 'by'))).toEqual({ code: 'INVALID_EMAIL', field: 'by' });
  });

  it('by the same key only where kind and value are the same', () => {
    expect(isSameKey({ sid }, { sid })).toBe(true);
    expect(isSameKey({ sid }, { sid: newSid('account') })).toBe(false);
    expect(isSameKey({ emailAddress: 'a@b' }, { emailAddress: 'a@b' })).toBe(true);
    expect(isSameKey({ emailAddress: 'a@b' }, { emailAddress: 'a@c' })).toBe(false);
    expect(isSameKey({ sid }, { emailAddress: 'a@b' })).toBe(false);
    expect(isSameKey({ emailAddress: sid }, { sid })).toBe(false);
  });
});

it('a version that is expected is the one that the account has, one of several, or none where nothing is to be there yet', () => {
  const third = account({ version: 3 });
  for (const fine of [undefined, 3, [3], [1, 3]]) expect(refusalOf(() => assertVersion(third, fine))).toBeUndefined();
  for (const stale of [2, 4, 0, [], [1, 2]]) {
    expect(refusalOf(() => assertVersion(third, stale))).toEqual({ code: 'VERSION_CONFLICT', field: 'version' });
  }
  expect(refusalOf(() => assertVersion(third, 'none'))).toEqual({ code: 'PRECONDITION_FAILED', field: 'ifNoneMatch' });
});

it('refusals name the account or the input, and never the account above', () => {
  const messageOf = (rule: () => unknown): string => {
    try {
      rule();
      return 'none';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const closed = account({ sid, status: 'closed' });
  expect(messageOf(() => assertOpen(closed))).toContain(sid);
  expect(messageOf(() => assertVersion(closed, 7))).toContain(sid);
  expect(messageOf(() => assertVersion(closed, 'none'))).toContain(sid);
  expect(messageOf(() => assertMayBecome(account({ sid, status: 'uninitialized' }), 'active'))).toContain(sid);
  expect(messageOf(() => assertMayBecome(account({ status: 'active' }), 'uninitialized'))).toMatch(/active .*uninitialized/);
  expect(messageOf(() => assertLevelBelow(account({ sid }), 1))).toContain(sid);
  expect(messageOf(() => assertActiveParent(closed))).not.toContain(sid);
  expect(messageOf(() => parseEmailAddress('a b@c.test'))).toContain('%2B');
  expect(messageOf(() => parseEmailAddress('a@b@c.test'))).not.toContain('%2B');
});

it('refusals say which input they are about', () => {
  expect(refusalOf(() => assertOpen(account({ status: 'closed' })))).toEqual({ code: 'ACCOUNT_CLOSED' });
  expect(refusalOf(() => assertActiveParent(account({ status: 'suspended' })))).toEqual({ code: 'PARENT_NOT_ACTIVE' });
  expect(refusalOf(() => assertActiveParent(account()))).toBeUndefined();
  expect(refusalOf(() => assertMayBecome(account({ status: 'uninitialized' }), 'active'))).toEqual({
    code: 'PASSWORD_RESET_REQUIRED',
    field: 'status',
  });
  expect(refusalOf(() => assertMayBecome(account(), 'uninitialized'))).toEqual({ code: 'INVALID_STATUS', field: 'status' });
  expect(refusalOf(() => assertLevelBelow(account(), 1))).toEqual({ code: 'MAX_LEVELS_EXCEEDED' });
  for (const [error, code, field] of [
    [emailInUse(), 'EMAIL_IN_USE', 'emailAddress'],
    [alreadyExists('Account X'), 'PRECONDITION_FAILED', 'ifNoneMatch'],
  ] as const) {
    expect(
      refusalOf(() => {
        throw error;
      }),
    ).toEqual({ code, field });
  }
  expect(refusalOf(() => parseEmailAddress('x', 'by'))).toEqual({ code: 'INVALID_EMAIL', field: 'by' });
  expect(refusalOf(() => parseFriendlyName('x'.repeat(65)))).toEqual({ code: 'FRIENDLY_NAME_TOO_LONG', field: 'friendlyName' });
  expect(refusalOf(() => parseFriendlyName(' '))).toEqual({ code: 'BAD_USER_INPUT', field: 'friendlyName' });
});

it('a local part of an e-mail address has 1 to 64 characters', () => {
  expect(parseEmailAddress(`${'a'.repeat(64)}@b.test`)).toHaveLength(71);
  for (const wrong of [`${'a'.repeat(65)}@b.test`, '@b.test', 'a@', 'a', 'a@b@']) {
    expect(refusalOf(() => parseEmailAddress(wrong))?.code).toBe('INVALID_EMAIL');
  }
});
