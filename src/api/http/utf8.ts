import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors.js';

/** Holds that a body comes as it is, not compressed. @throws AppError UNSUPPORTED_MEDIA_TYPE */
export function assertNotEncoded({ 'content-encoding': encoding }: IncomingHttpHeaders): void {
  if (encoding === undefined || encoding.trim().toLowerCase() === 'identity') return;
  throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'The body is encoded, as Content-Encoding says. Send it as it is, without that header.');
}

/** The text of a body. @throws AppError BAD_USER_INPUT when it is not in UTF-8: other bytes would be replaced silently */
export function utf8(body: Buffer): string {
  const text = decoded(body, { ignoreBOM: false });
  if (text === undefined) throw new AppError('BAD_USER_INPUT', 'The body is not in UTF-8.');
  return text;
}

/** The text of credentials, to the letter. @throws AppError UNAUTHENTICATED when it is not in UTF-8, for the same reason */
export function utf8OfCredentials(credentials: Buffer): string {
  const text = decoded(credentials, { ignoreBOM: true });
  if (text === undefined) throw new AppError('UNAUTHENTICATED', 'The credentials are not in UTF-8.');
  return text;
}

function decoded(bytes: Buffer, options: { ignoreBOM: boolean }): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ...options }).decode(bytes);
  } catch {
    return undefined;
  }
}
