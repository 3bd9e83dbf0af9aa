import { expect } from 'vitest';
import { AppError, type ErrorCode } from '../../src/errors.js';

/** What a rule refuses with, nothing when it does not; its message has to be a sentence, whatever that says. */
export function refusalOf(rule: () => unknown): { code: ErrorCode; field?: string } | undefined {
  try {
    rule();
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.message).toMatch(/^[A-Za-z]\S* .*\.$/s);
    return { code: error.code, ...(error.field !== undefined && { field: error.field }) };
  }
}
