/** A text that occurs in another, and where. */
export interface Occurrence {
  text: string;
  at: number;
}

const pieceLength = 8;
const shortestText = 2 * pieceLength - 1;

/**
 * Looks for tens of thousands of texts in a long one, in one pass: to search for one after the other takes minutes of a long text. It is
 * read a piece at a time, from the first character on. Wherever a text stands, one of these pieces lies whole within its first 15
 * characters, at an offset of 0 to 7. So each text is listed by what it has at each of these offsets, and compared where that comes.
 * @throws Error for a text that is too short to be found so
 */
export function finderOf(texts: Iterable<string>): (long: string) => Occurrence[] {
  const byPiece = new Map<string, { text: string; offset: number }[]>();
  for (const text of new Set(texts)) {
    if (text.length < shortestText) throw new Error(`A text to look for has ${shortestText} characters or more, not ${text.length}.`);
    for (let offset = 0; offset < pieceLength; offset++) {
      const piece = text.slice(offset, offset + pieceLength);
      const listed = byPiece.get(piece);
      if (listed === undefined) byPiece.set(piece, [{ text, offset }]);
      else listed.push({ text, offset });
    }
  }
  return (long) => {
    const found: Occurrence[] = [];
    for (let start = 0; start < long.length; start += pieceLength) {
      for (const { text, offset } of byPiece.get(long.slice(start, start + pieceLength)) ?? []) {
        if (long.startsWith(text, start - offset)) found.push({ text, at: start - offset });
      }
    }
    return found;
  };
}
