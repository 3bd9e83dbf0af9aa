import { AppError, type ErrorCode } from '../errors.js';

// Control characters; the two line separators, which break logs and scripts as those do; and what reverses the order of text.
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** Refuses what no column can hold or no reader can see: half a surrogate pair, control characters. @throws AppError BAD_USER_INPUT */
export function assertPrintable(text: string, field: string): void {
  if (!text.isWellFormed()) {
    throw new AppError('BAD_USER_INPUT', `${field} is not well-formed Unicode.`, { field });
  }
  if (unprintable.test(text)) {
    throw new AppError('BAD_USER_INPUT', `${field} must not contain control characters.`, { field });
  }
}

/** The number of characters as a person counts them closely enough: Unicode code points. */
export function lengthOf(text: string): number {
  return [...text].length;
}

/**
 * The text in Unicode's form NFC; nothing when that has more code points than allowed. Composing a letter with many marks
 * takes the square of their number, so a text that must be too long is not looked at.
 */
export function composed(text: string, maxLength: number): string | undefined {
  // One code point is composed of four at most, each of one or two units.
  if (text.length > maxLength * 8) return undefined;
  const nfc = text.normalize('NFC');
  return lengthOf(nfc) <= maxLength ? nfc : undefined;
}

/** Holds that a number is whole and in range. @throws AppError BAD_USER_INPUT, which says what of the field it counts */
export function assertWithin(value: number, { min, max }: { min: number; max: number }, field: string, what = field): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new AppError('BAD_USER_INPUT', `${what} must be a whole number from ${min} to ${max}.`, { field });
  }
}

/** One of the words, in any case. @throws AppError with the code, which says which words there are */
export function parseWord<Word extends string>(text: string, words: readonly Word[], code: ErrorCode, field: string): Word {
  const found = words.find((word) => word.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return found;
  // What came is not repeated: it may be a secret in the wrong place.
  throw new AppError(code, `The ${field} is one of ${words.join(', ')}.`, { field });
}

/** What parsing returns; undefined where it refuses, for input that may as well be absent. */
export function parsedOrUndefined<Parsed>(parse: () => Parsed | undefined): Parsed | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
