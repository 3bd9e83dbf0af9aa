import { Readable } from 'node:stream';
import type { UpstreamAnswer } from './exchange.js';
import type { RedactionKind } from '../domain/subresource-request.js';
import { assertRedactable, redact } from './redaction.js';

/** What of a client's headers could bring an answer that cannot be redacted, or one that tells of the text: conditions and parts. */
const leftOut = ['if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'range'];

/** What of an answer's headers says something of the text, or no longer holds without it. */
const dropped = ['accept-ranges', 'content-digest', 'content-length', 'content-md5', 'etag', 'repr-digest'];

/** The headers of a request whose answer will be redacted. */
export function headersForRedaction(headers: Record<string, string>): Record<string, string> {
  return { ...without(headers, leftOut), 'accept-encoding': 'identity' };
}

/** How much of an answer is redacted before any of it leaves, in bytes. What is found out later breaks the answer off. */
const heldAtMost = 1_048_576;

/**
 * The answer without the texts of messages (SPEC §6). It begins once it is redacted whole, or its first megabyte is.
 * @throws RedactionError, and as the body does; then nothing of the answer may be passed on
 */
export async function redactedAnswer(kind: RedactionKind, answer: UpstreamAnswer): Promise<UpstreamAnswer> {
  const { status, headers, body } = answer;
  assertRedactable({ status, contentType: headers['content-type'], contentEncoding: headers['content-encoding'] });
  const redacted = redact(kind, headers['content-type'], Buffer.isBuffer(body) ? [body] : body);
  const held: Uint8Array[] = [];
  let bytes = 0;
  let isWhole = false;
  while (!isWhole && bytes < heldAtMost) {
    const { done, value } = await redacted.next();
    isWhole = done === true;
    if (value === undefined) continue;
    held.push(value);
    bytes += value.length;
  }
  return {
    status,
    headers: without(headers, dropped),
    body: isWhole ? Buffer.concat(held) : Readable.from(inTurn(held, redacted), { objectMode: false }),
  };
}

async function* inTurn(held: readonly Uint8Array[], rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* held;
  yield* rest;
}

function without(headers: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}
