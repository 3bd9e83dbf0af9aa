import { AppError } from '../errors.js';

/** The text of a body. @throws AppError BAD_USER_INPUT when it is not in UTF-8: other bytes would be replaced silently */
export function utf8(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new AppError('BAD_USER_INPUT', 'The body is not in UTF-8.');
  }
}
