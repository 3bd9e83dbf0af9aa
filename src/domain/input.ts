import { AppError, type ErrorCode } from '../errors.js';

// Control characters; the two Unicode line separators, which break logs and scripts likewise; and characters that reverse the
// text's direction.
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/**
 * Refuses what PostgreSQL cannot store or a reader cannot see: half a surrogate pair, control characters.
 * @throws AppError BAD_USER_INPUT
 */
export function assertPrintable(text: string, field: string): void {
  if (!text.isWellFormed()) {
    throw new AppError('BAD_USER_INPUT', `${field} must be well-formed Unicode, and has half of a character.`, { field });
  }
  if (unprintable.test(text)) {
    throw new AppError('BAD_USER_INPUT', `${field} must not contain control characters, such as line breaks.`, { field });
  }
}

/** The number of characters, in Unicode code points: close enough to what a person counts. */
export function lengthOf(text: string): number {
  return [...text].length;
}

/**
 * The text in Unicode's form NFC; undefined if that has more code points than allowed. Composing a letter with many marks
 * takes time that grows with the square of their number, so a text that is too long in any form is not composed at all.
 */
export function composed(text: string, maxLength: number): string | undefined {
  // A composed code point comes from four at most, each of one or two UTF-16 units.
  if (text.length > maxLength * 8) return undefined;
  const nfc = text.normalize('NFC');
  return lengthOf(nfc) <= maxLength ? nfc : undefined;
}

/** Holds that a number is whole and in range. @param what what the number is, for the message @throws AppError BAD_USER_INPUT */
export function assertWithin(value: number, { min, max }: { min: number; max: number }, field: string, what = field): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new AppError('BAD_USER_INPUT', `${what} must be a whole number from ${min} to ${max}.`, { field });
  }
}

/** The word that the text is, in any case. @throws AppError with the code; its message lists the words */
export function parseWord<Word extends string>(text: string, words: readonly Word[], code: ErrorCode, field: string): Word {
  const found = words.find((word) => word.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return found;
  // The message does not repeat the text, which may be a secret in the wrong place.
  throw new AppError(code, `${field} must be one of ${words.join(', ')}.`, { field });
}

/** What `parse` returns; undefined if it throws an AppError. For input that counts as absent when it is malformed. */
export function parsedOrUndefined<Parsed>(parse: () => Parsed | undefined): Parsed | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
