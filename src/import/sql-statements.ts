import { SourceError } from './errors.js';

/** How long a statement or a line may be, in characters: far longer than any that programs write. */
const longest = 64 * 1024 * 1024;

/** Holds that a statement or line, as far as it was read, has not gone on for too long. @throws SourceError */
export function assertNotEndless(text: string): void {
  if (text.length > longest) throw new SourceError('The file has a statement of more than 64 MB: perhaps a quote in it is never closed.');
}

/**
 * Splits SQL text into its statements, without their semicolons and comments, as it comes in. No more than one statement is kept at a
 * time; dumps put about a megabyte of rows into each. Strings are in quotes that a backslash or another quote escapes.
 */
export async function* statementsOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let text = '';
  /** The parts of the statement that were read already, and from where on the text is neither read nor part of one. */
  let statement = '';
  let from = 0;
  let at = 0;
  for await (const chunk of chunks) {
    text = text.slice(from) + chunk;
    assertNotEndless(text);
    at -= from;
    from = 0;
    for (;;) {
      special.lastIndex = at;
      const found = special.exec(text);
      if (found === null) {
        // The last two characters may begin a comment.
        at = Math.max(at, text.length - 2);
        break;
      }
      const start = found.index;
      const mark = found[0];
      if (mark === ';') {
        yield (statement + text.slice(from, start)).trim();
        statement = '';
        at = from = start + 1;
        continue;
      }
      const end = quotes.has(mark) ? endOfQuoted(text, start) : endOfComment(text, start, mark);
      if (end === undefined) {
        at = start;
        break;
      }
      if (!quotes.has(mark)) {
        statement += `${text.slice(from, start)} `;
        from = end;
      }
      at = end;
    }
  }
  const rest = (statement + text.slice(from)).trim();
  if (rest !== '') throw new SourceError('The dump ends in the middle of a statement: it is not whole.');
}

const special = /[;'"`#]|--(?=\s)|\/\*/g;
const quotes: ReadonlySet<string> = new Set(["'", '"', '`']);

function endOfComment(text: string, start: number, mark: string): number | undefined {
  const close = mark === '/*' ? '*/' : '\n';
  const index = text.indexOf(close, start + mark.length);
  return index < 0 ? undefined : index + close.length;
}

/** Where the quoted text that begins at the position has ended; undefined while that is not known. */
function endOfQuoted(text: string, start: number): number | undefined {
  const quote = text[start]!;
  for (let at = start + 1; ;) {
    const close = text.indexOf(quote, at);
    if (close < 0) return undefined;
    if (quote !== '`' && isEscaped(text, at, close)) at = close + 1;
    else if (close + 1 === text.length) return undefined;
    else if (text[close + 1] === quote) at = close + 2;
    else return close + 1;
  }
}

/** Whether an odd number of backslashes is before the position. */
function isEscaped(text: string, from: number, position: number): boolean {
  let at = position;
  while (at > from && text[at - 1] === '\\') at--;
  return (position - at) % 2 === 1;
}
