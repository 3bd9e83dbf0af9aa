import { describe, expect, it } from 'vitest';
import { Passwords } from '../../src/service/passwords.js';
import { hash } from '@node-rs/argon2';

/** Enough to be argon2id. */
const cheapPasswords = { memoryCost: 64, timeCost: 1, parallelism: 1 };

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
});
