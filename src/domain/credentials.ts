import { createRequire } from 'node:module';
import { AppError } from '../errors.js';
import type { AccountReference } from './account.js';
import { lengthOf } from './input.js';

/** What a caller presents to sign in (SPEC §4): a SID or e-mail address, and a password or AuthToken. */
export interface Presented {
  login: string;
  secret: string;
  /** Where it comes from: the client's IP address, and the request by its id. */
  address: string;
  requestId: string;
  /** The account that the request is about, when it is about one: it is read along, and looked at once the caller has proved who it is. */
  about?: AccountReference | undefined;
}

/**
 * How AuthTokens are made (SPEC §5): at random; or as md5(password), as the server did that this one replaces, whose
 * clients compute it themselves. The second makes every token that leaks a hash by which its password is quick to guess.
 */
export const authTokenSchemes = ['random', 'md5'] as const;
export type AuthTokenScheme = (typeof authTokenSchemes)[number];

const passwordLength = { min: 8, max: 128 };

/**
 * The list is ordered by frequency. Its head is what an attacker tries; its tail holds words that are merely plausible,
 * among them a sample password of the documented API that has to stay valid (SPEC §5).
 */
const wellKnownCount = 20_000;
const { dictionary } = createRequire(import.meta.url)('@zxcvbn-ts/language-common') as {
  dictionary: { 'passwords-common': string[] };
};
const wellKnownPasswords = new Set(dictionary['passwords-common'].slice(0, wellKnownCount));

/** The password policy (SPEC §5). @throws AppError PASSWORD_TOO_WEAK */
export function assertStrongPassword(password: string, emailAddress: string, field = 'password'): void {
  const problem = weaknessOf(password, emailAddress);
  if (problem !== undefined) throw new AppError('PASSWORD_TOO_WEAK', problem, { field });
}

function weaknessOf(password: string, emailAddress: string): string | undefined {
  const length = lengthOf(password);
  if (!password.isWellFormed()) return 'The password is not well-formed Unicode.';
  if (length < passwordLength.min || length > passwordLength.max) {
    return `A password has ${passwordLength.min} to ${passwordLength.max} characters.`;
  }
  if (password.toLowerCase() === emailAddress) return 'The password must not be the e-mail address.';
  if (wellKnownPasswords.has(password.toLowerCase())) return 'The password is a well-known one.';
  return undefined;
}

/** How long an AuthToken that was rotated may still be used: at most a day, in seconds. */
export const overlapSecondsMax = 86_400;

/** How long a one-time reset token lives, in seconds: a minute to a week, a day unless said otherwise. */
export const resetTokenSeconds = { min: 60, max: 604_800, default: 86_400 };
