import { type RedactionKind, messageTexts } from '../domain/subresource-request.js';
import { JsonRedactor } from './json-redactor.js';
import { RedactionError } from './redaction-error.js';
import type { Redactor } from './redactor.js';
import { TextNames } from './text-names.js';
import { XmlRedactor } from './xml-redactor.js';

export { RedactionError } from './redaction-error.js';

const kinds = Object.keys(messageTexts) as RedactionKind[];

/** A segment of a path as a lenient upstream would read it: decoded, without parameters, suffix and case. */
function folded(segment: string): string {
  let decoded = segment;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    // It stays as it is.
  }
  return decoded
    .trim()
    .toLowerCase()
    .replace(/;.*$/s, '')
    .replace(/\.[a-z0-9]*$/, '');
}

/**
 * Which redaction the subresource's answers need for an account that may not read texts; undefined if they hold none. A path below
 * the account's URI will do as well, with or without what follows the subresource. `Messages`, where the reference's successors keep
 * SMS messages, are such messages.
 */
export function redactionFor(subresource: string): RedactionKind | undefined {
  const path = `/${subresource.split('/').map(folded).filter(Boolean).join('/')}/`;
  const kind = kinds.find((kind) => path.includes(`/${kind.toLowerCase()}/`));
  return kind ?? (path.startsWith('/messages/') ? 'SMS/Messages' : undefined);
}

/** A media type, and parameters that are well-formed: those of the header `Content-Type`. */
const token = "[!#$%&'*+.^_`|~\\w-]+";
const mediaType = new RegExp(`^[ \\t]*(${token}/${token})[ \\t]*((?:;[ \\t]*(?:${token}=(?:${token}|"[^"\\\\]*")[ \\t]*)?)*)$`);

/** @throws RedactionError unless it is JSON or XML, in UTF-8 */
function formatOf(contentType: string | undefined): 'JSON' | 'XML' {
  const [, type = '', parameters = ''] = mediaType.exec(contentType ?? '') ?? [];
  const [, format] = /^(?:application|text)\/(?:[^+]+\+)?(json|xml)$/i.exec(type) ?? [];
  if (format === undefined) throw new RedactionError('The answer is neither JSON nor XML.');
  for (const [, name, value] of parameters.matchAll(/;[ \t]*([^=;]+)=("[^"]*"|[^;]*)/g)) {
    if (!/^charset/i.test(name!)) continue;
    if (!/^charset$/i.test(name!) || !/^"?utf-?8"?$/i.test(value!.trim())) throw new RedactionError('The answer is not in UTF-8.');
  }
  return format.toLowerCase() === 'json' ? 'JSON' : 'XML';
}

/** They have no body. */
const statusesWithoutBody = new Set([204, 205, 304]);

/** They have a part of a document, or what changed in it. */
const statusesOfParts = new Set([206, 226]);

/**
 * Holds that an answer can be redacted: JSON or XML, UTF-8, neither compressed nor partial.
 * @throws RedactionError
 */
export function assertRedactable(answer: { status: number; contentType: string | undefined; contentEncoding: string | undefined }): void {
  if (statusesOfParts.has(answer.status)) throw new RedactionError('The answer is a part of a document.');
  if (!/^[ \t]*(?:identity)?[ \t]*$/i.test(answer.contentEncoding ?? '')) throw new RedactionError('The answer is compressed.');
  if (!statusesWithoutBody.has(answer.status)) formatOf(answer.contentType);
}

/** No write is larger. So what one takes is bounded, however large the chunks are. */
const maxPiece = 65_536;

/**
 * The document without its texts: `null` instead of them in JSON, an empty element in XML, and everything else byte for byte. Yields
 * only bytes that were parsed and redacted. Memory does not grow with the document. A body of no bytes has no texts, and stays empty.
 * @throws RedactionError when the document is malformed, or not to be followed: what was yielded before is free of texts
 */
export async function* redact(
  kind: RedactionKind,
  contentType: string | undefined,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let redactor: Redactor | undefined;
  for await (const chunk of body) {
    if (chunk.length === 0) continue;
    redactor ??= redactorFor(kind, contentType);
    for (let from = 0; from < chunk.length; from += maxPiece) {
      const redacted = attempt(redactor, (one) => one.write(chunk.subarray(from, from + maxPiece)));
      if (redacted.length > 0) yield redacted;
    }
  }
  if (redactor === undefined) return;
  const rest = attempt(redactor, (one) => one.end());
  if (rest.length > 0) yield rest;
}

function redactorFor(kind: RedactionKind, contentType: string | undefined): Redactor {
  const names = new TextNames(kind);
  return formatOf(contentType) === 'JSON' ? new JsonRedactor(names) : new XmlRedactor(names);
}

/** What a parser throws may quote the document, so only that it threw is told. */
function attempt(redactor: Redactor, step: (redactor: Redactor) => Uint8Array): Uint8Array {
  try {
    return step(redactor);
  } catch (error) {
    throw error instanceof RedactionError ? error : new RedactionError('The answer is not well-formed.');
  }
}
