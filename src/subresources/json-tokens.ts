import { TokenType, Tokenizer } from '@streamparser/json';
import { maxTokenLength } from './redactor.js';

/** What the tokenizer tells. */
export type Token = Parameters<Tokenizer['onToken']>[0];

/** The tokenizer, with a bound for numbers. They stay as they are written, so nobody needs their value. */
export class BoundedTokenizer extends Tokenizer {
  /** A number is too long. That is not thrown, since the tokenizer ignores what is thrown about a number that is still open. */
  isExceeded = false;

  override parseNumber(digits: string): number {
    this.isExceeded ||= digits.length > maxTokenLength;
    return 0;
  }
}

const byte = (character: string): number => character.charCodeAt(0);

/** The bytes that may stand between tokens. */
export const space = new Set([...' \t\r\n'].map(byte));

/** What a document in UTF-8 may begin with. */
export const byteOrderMark = new Uint8Array([0xef, 0xbb, 0xbf]);

/** What a string begins and ends with. */
export const quote = new Uint8Array([byte('"')]);

/** The bytes that a token can begin with. That they are there shows that offsets are counted right. */
export const beginnings = new Map<TokenType, ReadonlySet<number>>(
  (
    [
      [TokenType.LEFT_BRACE, '{'],
      [TokenType.RIGHT_BRACE, '}'],
      [TokenType.LEFT_BRACKET, '['],
      [TokenType.RIGHT_BRACKET, ']'],
      [TokenType.COLON, ':'],
      [TokenType.COMMA, ','],
      [TokenType.TRUE, 't'],
      [TokenType.FALSE, 'f'],
      [TokenType.NULL, 'n'],
      [TokenType.STRING, '"'],
      [TokenType.NUMBER, '-0123456789'],
    ] as const
  ).map(([token, characters]) => [token, new Set([...characters].map(byte))]),
);

/** The tokens that are one byte long, so that they end where they begin. */
export const punctuation: ReadonlySet<TokenType> = new Set([
  TokenType.LEFT_BRACE,
  TokenType.RIGHT_BRACE,
  TokenType.LEFT_BRACKET,
  TokenType.RIGHT_BRACKET,
  TokenType.COLON,
  TokenType.COMMA,
]);
