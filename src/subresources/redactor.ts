/** Redacts one document, which comes in pieces. What it throws says that the document must not be passed on. */
export interface Redactor {
  /** Takes the next piece. Returns what may leave: bytes that were parsed, without the texts. */
  write(piece: Uint8Array): Uint8Array;
  /** Holds that the document is complete. Returns the rest of it. */
  end(): Uint8Array;
}

/** No name, number, tag or character reference is longer: in bytes or UTF-16 units. Texts are of any length. */
export const maxTokenLength = 16_384;

/** No document nests deeper. */
export const maxDepth = 100;
