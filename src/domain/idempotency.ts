import { AppError } from '../errors.js';

/**
 * A request with an idempotency key. Its client may send it again, for instance when no answer came: all requests with the
 * same key have one effect and the same result (SPEC §2).
 */
export interface IdempotentRequest {
  /** Chosen by the client; unique among the keys that the account used in the last 24 hours. */
  key: string;
  /** Everything that the request asks for, as text, to refuse a different request with the same key. May hold secrets. */
  request: string;
  /** Called when the answer is the stored result of an earlier request. */
  onReplay?: () => void;
}

const keyPattern = /^[\x21-\x7e]{1,255}$/;

/** @throws AppError BAD_USER_INPUT */
export function parseIdempotencyKey(key: string, field: string): string {
  if (keyPattern.test(key)) return key;
  throw new AppError('BAD_USER_INPUT', `${field} must be 1 to 255 printable ASCII characters without spaces.`, { field });
}
