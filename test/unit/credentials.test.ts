import { describe, expect, it } from 'vitest';
import { assertStrongPassword, normalizedPassword } from '../../src/domain/password-policy.js';
import { Passwords } from '../../src/service/passwords.js';
import { hash } from '@node-rs/argon2';

/** Enough to be argon2id. */
const cheapPasswords = { memoryCost: 64, timeCost: 1, parallelism: 1 };

const emailAddress = 'jane@customer.example';

describe('a weak password', () => {
  it.each([
    ['short', 'it has 5 characters, and 8 to 128 are expected'],
    ['x'.repeat(129), 'it has 129 characters, and 8 to 128 are expected'],
    // Four characters, in eight code points.
    ['e\u0301'.repeat(4), 'it has 4 characters, and 8 to 128 are expected'],
    ['password1', 'it is a well-known one'],
    [emailAddress.toUpperCase(), 'it is the e-mail address'],
    ['a half: \ud800', 'it is not well-formed Unicode'],
    ['********', 'it is the mask that a form shows in place of a password'],
    ['\u30fb\uff65\u2219\u22c5\u25e6\u25cb\uff0a\u2731', 'it is the mask that a form shows in place of a password'],
  ])('%j is called weak, with the reason', (password, reason) => {
    expect(() => assertStrongPassword(password, emailAddress)).toThrow(
      expect.objectContaining({ code: 'PASSWORD_TOO_WEAK', message: `The password is too weak: ${reason}.`, field: 'password' }),
    );
  });

  it.each(['restcomm', 'NewPassword', '********a', 'e\u0301'.repeat(8), 'e\u0301'.repeat(128)])('%j is none', (password) => {
    expect(() => assertStrongPassword(password, emailAddress)).not.toThrow();
  });
});

describe('a password', () => {
  const passwords = new Passwords(cheapPasswords);
  const account = { sid: 'AC', version: 1 };
  const turn = { group: 'AC', member: '127.0.0.1' };
  const [composed, decomposed] = ['caf\u00e9 cr\u00e8me', 'cafe\u0301 cre\u0300me'];

  it('that was hashed before it was normalized is verified as it was set, and by nothing else', async () => {
    const kept = await hash(decomposed, cheapPasswords);
    for (const _ of ['by its hash', 'from memory']) {
      expect(await passwords.verify(account, kept, decomposed, turn)).toBe(true);
      expect(await passwords.verify(account, kept, composed, turn)).toBe(false);
    }
    expect(passwords.remembers(account, kept, decomposed)).toBe(true);
    expect(passwords.remembers(account, kept, composed)).toBe(false);
  });

  it('that was verified is remembered however it is composed', async () => {
    const kept = await passwords.hash(decomposed, undefined);
    expect(passwords.remembers(account, kept, composed)).toBe(false);
    expect(await passwords.verify(account, kept, decomposed, turn)).toBe(true);
    expect(passwords.remembers(account, kept, composed)).toBe(true);
  });

  it('of the most code points that it can have is normalized, and a longer text takes no time', () => {
    // U+1F82 is the longest to decompose: into four code points.
    const longest = '\u1f82'.repeat(128);
    expect(normalizedPassword(longest.normalize('NFD'))).toBe(longest);
    const long = `a${'\u0316\u0301'.repeat(500_000)}`;
    expect(normalizedPassword(long)).toBe(long);
  });
});
