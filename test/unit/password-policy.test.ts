import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { assertStrongPassword, normalizedPassword } from '../../src/domain/password-policy.js';
import { refusalOf } from '../support/refusal.js';

const emailAddress = 'jane@customer.example';

describe('a weak password', () => {
  it.each([
    ['short', 'it has 5 characters, and 8 to 128 are expected'],
    ['1234567', 'it has 7 characters, and 8 to 128 are expected'],
    ['x'.repeat(129), 'it has 129 characters, and 8 to 128 are expected'],
    // Four characters, in eight code points.
    ['e\u0301'.repeat(4), 'it has 4 characters, and 8 to 128 are expected'],
    ['password1', 'it is a well-known one'],
    ['PassWord1', 'it is a well-known one'],
    [emailAddress, 'it is the e-mail address'],
    [emailAddress.toUpperCase(), 'it is the e-mail address'],
    ['a half: \ud800', 'it is not well-formed Unicode'],
    ['********', 'it is the mask that a form shows in place of a password'],
    ['\u30fb\uff65\u2219\u22c5\u25e6\u25cb\uff0a\u2731', 'it is the mask that a form shows in place of a password'],
    ['\u26ab\ufe0f'.repeat(8), 'it is the mask that a form shows in place of a password'],
    ['\u26aa\ufe0e'.repeat(8), 'it is the mask that a form shows in place of a password'],
  ])('%j is called weak, with the reason', (password, reason) => {
    expect(() => assertStrongPassword(password, emailAddress)).toThrow(
      expect.objectContaining({ code: 'PASSWORD_TOO_WEAK', message: `The password is too weak: ${reason}.`, field: 'password' }),
    );
  });

  it('is each character that forms mask with, alone or with others', () => {
    for (const character of '*∗⁎✱✲﹡＊•‧∙⋅·・･●○◦⚫⚪⬤⭘') {
      expect(() => assertStrongPassword(character.repeat(8), emailAddress)).toThrow('mask');
    }
  });

  it('is refused by the name of the input that it came by', () => {
    expect(refusalOf(() => assertStrongPassword('short', emailAddress, 'newPassword'))).toEqual({
      code: 'PASSWORD_TOO_WEAK',
      field: 'newPassword',
    });
  });
});

it.each(['restcomm', 'NewPassword', '********a', 'a********', '12345 67', 'e\u0301'.repeat(8), 'e\u0301'.repeat(128), 'x'.repeat(128)])(
  '%j is a password that may be set',
  (password) => expect(refusalOf(() => assertStrongPassword(password, emailAddress))).toBeUndefined(),
);

it('the first twenty thousand well-known passwords are refused, and those after them are not', () => {
  const { dictionary } = createRequire(import.meta.url)('@zxcvbn-ts/language-common') as { dictionary: { 'passwords-common': string[] } };
  const list = dictionary['passwords-common'];
  const isWellKnown = (password: string) => /well-known/.test(String(refusalMessage(password)));
  const refusalMessage = (password: string): string | undefined => {
    try {
      assertStrongPassword(password, emailAddress);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };
  const long = (password: string) => password.length >= 8;
  expect(list.slice(19_900, 20_000).filter(long).every(isWellKnown)).toBe(true);
  expect(list.slice(20_000, 20_100).filter(long).some(isWellKnown)).toBe(false);
  expect(list.slice(20_000, 20_100).filter(long).length).toBeGreaterThan(10);
});

it('a password of the most code points that it can have is normalized, and a longer text takes no time', () => {
  // U+1F82 is the longest to decompose: into four code points.
  const longest = '\u1f82'.repeat(128);
  expect(normalizedPassword(longest.normalize('NFD'))).toBe(longest);
  const long = `a${'\u0316\u0301'.repeat(500_000)}`;
  expect(normalizedPassword(long)).toBe(long);
  const composedOf = (units: number): boolean => {
    const text = `e\u0301${'x'.repeat(units - 2)}`;
    return normalizedPassword(text) === text.normalize('NFC');
  };
  expect([composedOf(1024), composedOf(1025)]).toEqual([true, false]);
});
