/** The bytes of a document that came and did not leave yet, by their offset in it. Its size follows what is held, not what came. */
export class HeldBytes {
  private bytes = Buffer.alloc(0);
  private from = 0;
  private to = 0;
  /** The offset of the first one. */
  private first = 0;

  /** The offset behind the last one. */
  get end(): number {
    return this.first + this.to - this.from;
  }

  /** Takes more of the document. */
  append(piece: Uint8Array): void {
    if (this.to + piece.length > this.bytes.length) this.makeRoom(piece.length);
    this.bytes.set(piece, this.to);
    this.to += piece.length;
  }

  /** The byte at an offset; undefined if it is not held. */
  at(offset: number): number | undefined {
    const index = this.from + offset - this.first;
    return index >= this.from && index < this.to ? this.bytes[index] : undefined;
  }

  /** Gives what is held before an offset, and holds it no longer. */
  take(until: number): Uint8Array {
    const start = this.from;
    this.drop(until);
    return Buffer.from(this.bytes.subarray(start, this.from));
  }

  /** Forgets what is held before an offset. */
  drop(until: number): void {
    const count = Math.max(0, until - this.first);
    this.from += count;
    this.first += count;
  }

  private makeRoom(length: number): void {
    const held = this.bytes.subarray(this.from, this.to);
    const needed = held.length + length;
    if (2 * needed > this.bytes.length) this.bytes = Buffer.alloc(2 * needed);
    this.bytes.set(held);
    this.from = 0;
    this.to = held.length;
  }
}
