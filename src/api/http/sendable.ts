/** Node.js sends a text up to this length in one piece with the headers; of a longer one, it makes more copies than of bytes. In characters. */
const shortText = 16_384;

/** The body of an answer, in the form that takes Node.js least to send. */
export function sendable(text: string): string | Buffer {
  return text.length <= shortText ? text : Buffer.from(text);
}
