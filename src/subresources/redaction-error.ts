/**
 * An answer cannot be redacted, so it must not be passed on. The message says what is wrong, and never quotes the answer: its texts
 * would end up in a log.
 */
export class RedactionError extends Error {
  override readonly name = 'RedactionError';
}
