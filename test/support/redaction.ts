import type { RedactionKind } from '../../src/domain/subresource-request.js';
import { RedactionError, redact } from '../../src/subresources/redaction.js';

export const json = 'application/json';
export const xml = 'application/xml';

/** What left, and what it ended with. */
export interface Outcome {
  bytes: Buffer;
  refused: boolean;
}

async function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
  // Copied, and overwritten once the next one is asked for, as a reader's buffer might be.
  for (const [index, to] of places.slice(1).entries()) {
    const chunk = Uint8Array.from(bytes.subarray(places[index], to));
    yield chunk;
    chunk.fill(0x3f);
  }
}

/** Redacts a document that comes cut at these offsets. Throws what is no refusal. */
export async function redacted(kind: RedactionKind, type: string, document: string | Uint8Array, cuts: number[] = []): Promise<Outcome> {
  const left: Uint8Array[] = [];
  try {
    for await (const chunk of redact(kind, type, chunksOf(Buffer.from(document), cuts))) left.push(chunk);
    return { bytes: Buffer.concat(left), refused: false };
  } catch (error) {
    if (!(error instanceof RedactionError)) throw error;
    return { bytes: Buffer.concat(left), refused: true };
  }
}

/** Every way to cut a document in two, not at all, and byte by byte. */
export function cutsOf(document: string | Uint8Array): number[][] {
  const offsets = [...Buffer.from(document).keys()];
  return [[], offsets, ...offsets.map((offset) => [offset])];
}
