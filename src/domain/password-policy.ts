import { createRequire } from 'node:module';
import { AppError } from '../errors.js';
import { lengthOf } from './input.js';

/** In Unicode code points after NFC. */
const passwordLength = { min: 8, max: 128 };

/**
 * In UTF-16 code units. A longer text is too long for a password in any case: NFC makes one code point of at most four, each of
 * at most two units.
 */
const decomposedLengthMax = passwordLength.max * 4 * 2;

/**
 * The form in which passwords are compared (SPEC §5; RFC 8265): after NFC, since keyboards and systems differ in how they compose
 * an é. A text that is too long for a password stays as it is, because normalizing a long text can take long.
 */
export function normalizedPassword(password: string): string {
  return password.length > decomposedLengthMax ? password : password.normalize('NFC');
}

/** The characters that forms show in place of a password: asterisks, bullets, middle dots and circles in many variants. */
const maskCharacters = new Set('*∗⁎✱✲﹡＊•‧∙⋅·・･●○◦⚫⚪⬤⭘');
const variationSelectors = /[\ufe0e\ufe0f]/g;

/**
 * How many of the list of common passwords are refused. The list is ordered by frequency. Attackers try its head; its tail holds
 * words that are merely plausible, among them a sample password of the documented API, which has to stay valid (SPEC §5).
 */
const wellKnownCount = 20_000;
const { dictionary } = createRequire(import.meta.url)('@zxcvbn-ts/language-common') as {
  dictionary: { 'passwords-common': string[] };
};
const wellKnownPasswords = new Set(dictionary['passwords-common'].slice(0, wellKnownCount));

/**
 * The password policy (SPEC §5). Every message contains the word "weak", which clients look for (SPEC §4).
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
