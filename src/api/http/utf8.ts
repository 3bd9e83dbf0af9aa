import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors.js';

/** Refuses compressed bodies. @throws AppError UNSUPPORTED_MEDIA_TYPE */
export function assertNotEncoded({ 'content-encoding': encoding }: IncomingHttpHeaders): void {
  if (encoding === undefined || encoding.trim().toLowerCase() === 'identity') return;
  throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Encoded bodies are not accepted. Send the body without Content-Encoding.');
}

/** The text of a body. @throws AppError BAD_USER_INPUT when it is not UTF-8; malformed bytes would be replaced silently */
export function decodeUtf8(body: Buffer): string {
  const text = decoded(body, ofBodies);
  if (text === undefined) throw new AppError('BAD_USER_INPUT', 'The body must be in UTF-8, and is not.');
  return text;
}

/** The exact text of credentials. @throws AppError UNAUTHENTICATED when it is not UTF-8, for the same reason */
export function decodeCredentials(credentials: Buffer): string {
  const text = decoded(credentials, ofCredentials);
  if (text === undefined) throw new AppError('UNAUTHENTICATED', 'The credentials must be in UTF-8, and are not.');
  return text;
}

const ofBodies = new TextDecoder('utf-8', { fatal: true });
const ofCredentials = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decoded(bytes: Buffer, decoder: typeof ofBodies): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
