import { TokenParser, TokenType } from '@streamparser/json';
import { HeldBytes } from './held-bytes.js';
import { BoundedTokenizer, type Token, beginnings, byteOrderMark, punctuation, quote, space } from './json-tokens.js';
import { RedactionError } from './redaction-error.js';
import { type Redactor, maxDepth, maxTokenLength } from './redactor.js';
import type { TextNames } from './text-names.js';

/**
 * JSON, with `null` for each value that stands under the name of a text.
 *
 * The tokenizer says where each token begins, the token parser whether it may stand there. Bytes leave only up to the last token
 * that both have seen whole: of a token that is still open, nobody knows yet whether it may stand where it does. Where it began, the
 * tokenizer says at the end of each write (a *partial* token), but not while it is within an escape or a character of several bytes.
 * Then the next bytes are written one by one, until it does.
 *
 * The tokenizer keeps a string whole, and texts can be of any length. So a long string is cut: a quotation mark that the document
 * does not have closes it, which makes it a token, and another one opens it again. The tokenizer minds no two strings in a row, and
 * the token parser, which would, is told of the first alone. Each cut moves the tokenizer's offsets by two.
 */
export class JsonRedactor implements Redactor {
  private readonly tokenizer = new BoundedTokenizer({ emitPartialTokens: true });
  /** It sees each kind of token, and none of the texts. It emits no values, and keeps none. */
  private readonly grammar = new TokenParser({ paths: [], keepStack: false });
  private readonly held = new HeldBytes();
  private readonly leaving: Uint8Array[] = [];

  private depth = 0;
  /** The last string, which is a name if a colon follows. Undefined if it was too long for one. */
  private lastString: string | undefined;
  /** The colon behind a text's name was read; the text is next. */
  private textIsNext = false;
  /** Where it is within a text: nowhere, in a string or another single token, or in the list or object that is open at a depth. */
  private withinText: false | 'token' | number = false;
  /** The token that is a text was read whole. It ends before the next token and the space in front of that. */
  private textTokenEnded = false;

  /** How many bytes of a byte order mark were read. The tokenizer is not given it. */
  private marked = 0;
  private cuts = 0;
  private lastCut = 0;
  /** A string is being closed by a cut. */
  private isCutting = false;
  /** The open string was cut, and the token parser knows of it. */
  private wasCut = false;

  /** Of the last write: the token that it left open, the last one that it completed. */
  private open: { start: number; length: number } | undefined;
  private completed: { start: number; isPunctuation: boolean } | undefined;
  /** It is known where the last write left off. */
  private isSettled = true;

  constructor(private readonly names: TextNames) {
    // Until its first string or number, the tokenizer would take a byte order mark anywhere. So it is given a string that the document
    // does not have, as by a cut.
    this.tokenizer.onToken = () => {};
    this.tokenizer.write('""');
    this.cuts += 1;
    this.tokenizer.onToken = (token) => this.read(token);
  }

  write(piece: Uint8Array): Uint8Array {
    let from = this.skipByteOrderMark(piece);
    while (from < piece.length) {
      const to = this.isSettled ? piece.length : from + 1;
      this.tokenize(piece.subarray(from, to));
      from = to;
    }
    return this.takeLeaving();
  }

  end(): Uint8Array {
    this.tokenizer.end();
    if (!this.grammar.isEnded) throw new RedactionError('The JSON is incomplete.');
    this.assertNumberLength();
    this.release(this.held.end);
    return this.takeLeaving();
  }

  /** Returns how many bytes of the piece belong to the mark that the document begins with. */
  private skipByteOrderMark(piece: Uint8Array): number {
    let length = 0;
    while (this.held.end === this.marked && this.marked < byteOrderMark.length && piece[length] === byteOrderMark[this.marked]) {
      this.held.append(piece.subarray(length, length + 1));
      this.marked += 1;
      length += 1;
    }
    const isWhole = this.marked === 0 || this.marked === byteOrderMark.length;
    if (!isWhole && length < piece.length) throw new RedactionError('The JSON begins with half a byte order mark.');
    return length;
  }

  private tokenize(bytes: Uint8Array): void {
    this.held.append(bytes);
    this.open = undefined;
    this.completed = undefined;
    this.tokenizer.write(bytes);
    this.assertNumberLength();
    this.leaveSettled(bytes);
    if (this.open !== undefined && this.openLength > maxTokenLength) this.cut();
  }

  /** A getter, since the compiler takes it that a write changes nothing. */
  private get openLength(): number {
    return this.open?.length ?? 0;
  }

  private leaveSettled(written: Uint8Array): void {
    const { end } = this.held;
    const settledUpTo = this.settledUpTo(written, end);
    this.isSettled = settledUpTo !== undefined;
    if (this.textTokenEnded) this.endTextToken(end);
    if (this.withinText !== false) this.held.drop(end);
    else this.release(settledUpTo ?? this.completed?.start ?? 0);
  }

  /** Up to where the document was read: whole tokens and the space between them. Undefined if that is not known. */
  private settledUpTo(written: Uint8Array, end: number): number | undefined {
    if (this.open !== undefined) return this.open.start;
    if (this.completed === undefined) return written.every((one) => space.has(one)) ? end : undefined;
    return this.completed.isPunctuation && this.completed.start === end - 1 ? end : undefined;
  }

  /** Closes the open string for the tokenizer, and opens it again. */
  private cut(): void {
    const { end } = this.held;
    this.isCutting = true;
    this.tokenizer.write(quote);
    this.isCutting = false;
    this.cuts += 1;
    this.lastCut = end;
    this.wasCut = true;
    this.tokenizer.write(quote);
    if (this.withinText !== false) this.held.drop(end);
    else this.release(end);
  }

  private read({ token, value, offset, partial }: Token): void {
    const start = Math.max(offset + this.marked - 2 * this.cuts, this.lastCut);
    if (partial === true) {
      this.open = { start, length: typeof value === 'string' ? value.length : 0 };
      return;
    }
    if (this.textTokenEnded) this.endTextToken(start);
    this.completed = { start, isPunctuation: punctuation.has(token) };
    if (this.wasCut) {
      this.wasCut = this.isCutting;
      if (!this.wasCut) this.textTokenEnded = this.withinText === 'token';
      return;
    }
    // Within a text, what is held was dropped up to the last write.
    const first = this.held.at(start);
    if (first !== undefined ? !beginnings.get(token)!.has(first) : this.withinText === false) {
      throw new RedactionError('The JSON was not followed.');
    }
    this.grammar.write({ token, value: '' });
    if (this.textIsNext) this.beginText(token, start);
    this.follow(token, value, start);
  }

  private follow(token: TokenType, value: Token['value'], start: number): void {
    switch (token) {
      case TokenType.LEFT_BRACE:
      case TokenType.LEFT_BRACKET:
        this.depth += 1;
        if (this.depth > maxDepth) throw new RedactionError(`The JSON is nested more than ${maxDepth} levels deep.`);
        break;
      case TokenType.RIGHT_BRACE:
      case TokenType.RIGHT_BRACKET:
        if (this.withinText === this.depth) this.endText(start + 1);
        this.depth -= 1;
        break;
      case TokenType.STRING:
        this.lastString = this.isCutting || typeof value !== 'string' || value.length > maxTokenLength ? undefined : value;
        break;
      case TokenType.COLON:
        if (this.lastString === undefined) throw new RedactionError(`A name in the JSON is longer than ${maxTokenLength} characters.`);
        this.textIsNext = this.withinText === false && this.names.elementFor(this.lastString) !== undefined;
        break;
    }
  }

  private beginText(token: TokenType, start: number): void {
    this.textIsNext = false;
    this.release(start);
    this.leaving.push(Buffer.from('null'));
    if (token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET) this.withinText = this.depth + 1;
    else this.withinText = 'token';
    this.textTokenEnded = this.withinText === 'token' && !this.isCutting;
  }

  /** The text was a single token, and what follows begins at an offset: space in front of that is no part of the text. */
  private endTextToken(next: number): void {
    let end = next;
    while (space.has(this.held.at(end - 1) ?? 0)) end -= 1;
    this.textTokenEnded = false;
    this.endText(end);
  }

  private endText(end: number): void {
    this.held.drop(end);
    this.withinText = false;
  }

  private release(until: number): void {
    this.leaving.push(this.held.take(until));
  }

  private takeLeaving(): Uint8Array {
    return Buffer.concat(this.leaving.splice(0));
  }

  private assertNumberLength(): void {
    if (this.tokenizer.isExceeded) throw new RedactionError(`A number in the JSON is longer than ${maxTokenLength} digits.`);
  }
}
