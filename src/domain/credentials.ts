import { createRequire } from 'node:module';
import { AppError } from '../errors.js';
import { lengthOf } from './input.js';

/** What a caller presents to sign in (SPEC §4): a SID or e-mail address, and a password or AuthToken. */
export interface PresentedCredentials {
  login: string;
  secret: string;
  /** The client's IP address. */
  address: string;
}

/**
 * How AuthTokens are made (SPEC §5): at random; or as md5(password), as the server did that this one replaces, whose
 * clients compute it themselves. The second makes every token that leaks a hash by which its password is quick to guess.
 */
export const authTokenSchemes = ['random', 'md5'] as const;
export type AuthTokenScheme = (typeof authTokenSchemes)[number];

/** Whether a secret has the form of an AuthToken: 32 hexadecimal digits. A password may have it too. */
export function looksLikeAuthToken(secret: string): boolean {
  return /^[0-9a-f]{32}$/.test(secret);
}

/** In Unicode code points after NFC. */
const passwordLength = { min: 8, max: 128 };

/** In UTF-16 code units: what has more is too long for a password, since no character of NFC is made of more than four code points. */
const decomposedLengthMax = passwordLength.max * 4 * 2;

/**
 * The text that a password is compared by (SPEC §5; RFC 8265): after NFC, since keyboards and systems differ in how they compose
 * an é. What is too long for a password stays as it is; to normalize a long text can take long.
 */
export function normalizedPassword(password: string): string {
  return password.length > decomposedLengthMax ? password : password.normalize('NFC');
}

/** What forms show in place of a password: asterisks, bullets, middle dots and circles, as fonts and systems have them. */
const maskCharacters = new Set('*∗⁎✱✲﹡＊•‧∙⋅·・･●○◦⚫⚪⬤⭘');
const variationSelectors = /[\ufe0e\ufe0f]/g;

/**
 * The list is ordered by frequency. Its head is what an attacker tries; its tail holds words that are merely plausible,
 * among them a sample password of the documented API that has to stay valid (SPEC §5).
 */
const wellKnownCount = 20_000;
const { dictionary } = createRequire(import.meta.url)('@zxcvbn-ts/language-common') as {
  dictionary: { 'passwords-common': string[] };
};
const wellKnownPasswords = new Set(dictionary['passwords-common'].slice(0, wellKnownCount));

/**
 * The password policy (SPEC §5). Its messages have the word "weak", which clients look for (SPEC §4).
 * @throws AppError PASSWORD_TOO_WEAK
 */
export function assertStrongPassword(password: string, emailAddress: string, field = 'password'): void {
  const problem = weaknessOf(password, emailAddress);
  if (problem !== undefined) throw new AppError('PASSWORD_TOO_WEAK', `The password is too weak: ${problem}.`, { field });
}

function weaknessOf(presented: string, emailAddress: string): string | undefined {
  if (!presented.isWellFormed()) return 'it is not well-formed Unicode';
  const password = normalizedPassword(presented);
  const length = lengthOf(password);
  if (length < passwordLength.min || length > passwordLength.max) {
    return `it has ${length} characters, and ${passwordLength.min} to ${passwordLength.max} are expected`;
  }
  if (isMask(password)) return 'it is the mask that a form shows in place of a password';
  if (password.toLowerCase() === emailAddress) return 'it is the e-mail address';
  if (wellKnownPasswords.has(password.toLowerCase())) return 'it is a well-known one';
  return undefined;
}

function isMask(password: string): boolean {
  return [...password.replace(variationSelectors, '')].every((character) => maskCharacters.has(character));
}

/** How long an AuthToken that was rotated may still be used: at most a day, in seconds. */
export const overlapSecondsMax = 86_400;

/** How long a one-time reset token lives, in seconds: a minute to a week, a day unless said otherwise. */
export const resetTokenSeconds = { min: 60, max: 604_800, default: 86_400 };

/** How many reset tokens of one account work at once: with one more, the one that ends first does no longer. */
export const resetTokensAtMost = 10;
