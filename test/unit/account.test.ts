import { describe, expect, it } from 'vitest';
import {
  AccountStatus,
  assertActiveParent,
  assertLevelBelow,
  assertMayBecome,
  assertOpen,
  capabilitiesIn,
  defaultFriendlyName,
  isRoot,
  isTopLevel,
  parseEmailAddress,
  parseFriendlyName,
  statusesThatMayBecome,
} from '../../src/domain/account.js';
import { account } from '../support/account.js';

const { ACTIVE, CLOSED, SUSPENDED, UNINITIALIZED } = AccountStatus;

describe('the life cycle', () => {
  /** From each status, what becomes of asking for each; the seed's text, line by line. */
  const table: [AccountStatus, Record<AccountStatus, string>][] = [
    [UNINITIALIZED, { uninitialized: 'yes', active: 'PASSWORD_RESET_REQUIRED', suspended: 'INVALID_STATUS', closed: 'yes' }],
    [ACTIVE, { uninitialized: 'INVALID_STATUS', active: 'yes', suspended: 'yes', closed: 'yes' }],
    [SUSPENDED, { uninitialized: 'INVALID_STATUS', active: 'yes', suspended: 'yes', closed: 'yes' }],
    [CLOSED, { uninitialized: 'ACCOUNT_CLOSED', active: 'ACCOUNT_CLOSED', suspended: 'ACCOUNT_CLOSED', closed: 'ACCOUNT_CLOSED' }],
  ];
  it.each(table)('from %s leads where the table says', (from, answers) => {
    for (const [to, answer] of Object.entries(answers)) {
      const change = () => assertMayBecome(account({ status: from }), to as AccountStatus);
      if (answer === 'yes') expect(change).not.toThrow();
      else expect(change).toThrow(expect.objectContaining({ code: answer }));
    }
  });

  it('says which accounts a cascade reaches', () => {
    expect(statusesThatMayBecome(CLOSED)).toEqual([UNINITIALIZED, ACTIVE, SUSPENDED]);
    expect(statusesThatMayBecome(SUSPENDED)).toEqual([ACTIVE]);
    expect(statusesThatMayBecome(ACTIVE)).toEqual([SUSPENDED]);
    expect(statusesThatMayBecome(UNINITIALIZED)).toEqual([]);
  });

  it('lets nothing but an active account do anything', () => {
    for (const status of Object.values(AccountStatus)) {
      expect(new Set(Object.values(capabilitiesIn(status)))).toEqual(new Set([status === ACTIVE]));
    }
  });

  it('refuses a closed account any change, and a parent that is not active any child', () => {
    expect(() => assertOpen(account({ status: SUSPENDED }))).not.toThrow();
    expect(() => assertOpen(account({ status: CLOSED }))).toThrow(expect.objectContaining({ code: 'ACCOUNT_CLOSED' }));
    for (const status of [UNINITIALIZED, SUSPENDED, CLOSED]) {
      expect(() => assertActiveParent(account({ status }))).toThrow(expect.objectContaining({ code: 'PARENT_NOT_ACTIVE' }));
    }
  });
});

describe('an account’s place', () => {
  const root = account();
  const top = account({}, root);
  const child = account({}, top);

  it('is the root without a parent, and top-level right below it', () => {
    expect([root, top, child].map(isRoot)).toEqual([true, false, false]);
    expect([root, top, child].map(isTopLevel)).toEqual([false, true, false]);
  });

  it('has a last level', () => {
    expect(() => assertLevelBelow(child, 4)).not.toThrow();
    expect(() => assertLevelBelow(child, 3)).toThrow(expect.objectContaining({ code: 'MAX_LEVELS_EXCEEDED' }));
  });
});

describe('an e-mail address', () => {
  it('is kept in lower case', () => expect(parseEmailAddress("O'Hara+X_1%@Mail.Example")).toBe("o'hara+x_1%@mail.example"));

  it.each(['a@b..c', 'a@.b', 'a@b.', 'a@b-', `a@${'x'.repeat(64)}`, `a@${'x.'.repeat(128)}x`, 'a b@c', 'a\u0000@c', 'ａ@b'])(
    'is not %j',
    (text) => {
      expect(() => parseEmailAddress(text)).toThrow(expect.objectContaining({ code: 'INVALID_EMAIL', field: 'emailAddress' }));
    },
  );
});

describe('a friendly name', () => {
  it('has at most 64 code points in form NFC', () => {
    expect(parseFriendlyName('e\u0301'.repeat(64))).toBe('é'.repeat(64));
    expect(() => parseFriendlyName('x'.repeat(65))).toThrow(expect.objectContaining({ code: 'FRIENDLY_NAME_TOO_LONG' }));
  });

  it.each(['', ' ', '\ta', 'a\u009f', 'a\u2028b', '\udc00'])('is not %j', (text) => {
    expect(() => parseFriendlyName(text)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', field: 'friendlyName' }));
  });

  it.each(['\u3164', '\u115f', '\u1160', '\u2800', '\uffa0', '\u200b\u2060', '\u034f', '\ufe0f', '\u{e0100}', '\u3000', ' \u2800\u3164 '])(
    'is not %j, which nobody sees; beside what is seen it may be',
    (text) => {
      expect(() => parseFriendlyName(text)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', field: 'friendlyName' }));
      expect(parseFriendlyName(`a${text}b`)).toBe(`a${text}b`);
    },
  );

  it('is by default the e-mail address, cut to 64', () => {
    expect(defaultFriendlyName(`${'a'.repeat(64)}@b.test`)).toBe('a'.repeat(64));
  });
});
