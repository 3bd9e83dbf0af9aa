import { AppError } from '../errors.js';

/**
 * A request that its client may repeat, when it has heard no answer: all that come with the same key have one effect and
 * the same result (SPEC §2).
 */
export interface IdempotentRequest {
  /** The client's word for the request; unique among those of the account in the last 24 hours. */
  key: string;
  /** All that the request asks for, as a text: another request with the same key is a mistake. May hold secrets. */
  request: string;
  /** Told when the answer is what came of an earlier request. */
  onReplay?: () => void;
}

/** Whoever asks, for something that is not to be done once only: what changes nothing must not use the key up. */
export function withoutIdempotencyKey<Author extends { readonly repeatable?: IdempotentRequest | undefined }>(author: Author): Author {
  return { ...author, repeatable: undefined };
}

const keyPattern = /^[\x21-\x7e]{1,255}$/;

/** @throws AppError BAD_USER_INPUT */
export function parseIdempotencyKey(key: string, field: string): string {
  if (keyPattern.test(key)) return key;
  throw new AppError('BAD_USER_INPUT', `${field} is 1 to 255 characters of printable ASCII without spaces.`, { field });
}
