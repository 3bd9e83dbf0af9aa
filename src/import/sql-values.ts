import { SourceError } from './errors.js';
import { columnOf } from './source.js';

/** How a database writes strings. */
export type Dialect = 'mysql' | 'hsqldb';

/** Statements that an import reads; all others are passed over. */
export type ReadStatement =
  | { kind: 'table'; table: string; columns: string[] }
  | { kind: 'rows'; table: string; columns: string[] | undefined; rows: Iterable<(string | null)[]> };

const name = /(?:[`"]?[\w$]+[`"]?\.)?[`"]?([\w$]+)[`"]?\s*/y;
const createTable = /\s*CREATE\s+(?:(?:MEMORY|CACHED|TEXT|TEMPORARY)\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?/iy;
const insertInto = /\s*(?:INSERT\s+(?:IGNORE\s+)?|REPLACE\s+)INTO\s+/iy;

/** Reads a statement, if it makes one of the tables or fills it. @throws SourceError for what it cannot read */
export function readStatement(text: string, dialect: Dialect, isWanted: (table: string) => boolean): ReadStatement | undefined {
  const create = matchAt(createTable, text, 0);
  const insert = create === undefined ? matchAt(insertInto, text, 0) : undefined;
  const start = create ?? insert;
  if (start === undefined) return undefined;
  const named = matchAt(name, text, start.end);
  const table = named?.groups[1]?.toLowerCase();
  if (named === undefined || table === undefined || !isWanted(table)) return undefined;
  if (create !== undefined) {
    // Rows of cached tables are in a file of the database's own.
    if (/CACHED/i.test(text.slice(0, create.end))) {
      throw new SourceError(
        `The table ${table} is not in this file but in the .data file beside it. Let HSQLDB write all: SCRIPT 'dump.script'.`,
      );
    }
    return { kind: 'table', table, columns: columnsIn(text, named.end) };
  }
  const columns = text[named.end] === '(' ? columnsIn(text, named.end) : undefined;
  const values = /\bVALUES\s*/iy;
  const from = columns === undefined ? named.end : text.indexOf(')', named.end) + 1;
  const begun = matchAt(values, text, from + /^\s*/.exec(text.slice(from, from + 100))![0].length);
  if (begun === undefined) throw new SourceError(`An INSERT INTO ${table} has no VALUES.`);
  return { kind: 'rows', table, columns, rows: tuplesIn(text, begun.end, dialect) };
}

function matchAt(pattern: RegExp, text: string, position: number): { end: number; groups: RegExpExecArray } | undefined {
  pattern.lastIndex = position;
  const groups = pattern.exec(text);
  return groups === null ? undefined : { end: pattern.lastIndex, groups };
}

const notColumns = /^(?:PRIMARY|UNIQUE|KEY|INDEX|CONSTRAINT|FOREIGN|CHECK|FULLTEXT|SPATIAL)$/i;

/** The names at the beginning of each item of a list in parentheses. */
function columnsIn(text: string, start: number): string[] {
  const columns: string[] = [];
  let depth = 0;
  let isFirst = true;
  const token = /'(?:[^'\\]|\\.|'')*'|([`"])([^`"]*)\1|[\w$]+|[^\s]/gs;
  token.lastIndex = start;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [word, , quoted] = found;
    if (word === ')' && --depth === 0) break;
    if (word === '(' && ++depth === 1) continue;
    if (depth === 1 && isFirst && (quoted !== undefined || !notColumns.test(word))) columns.push(columnOf(quoted ?? word));
    isFirst = depth === 1 && word === ',';
  }
  return columns;
}

/** A value that is not in quotes: a number, a word, or hexadecimal digits. */
const bare = /\s*(?:_[a-z0-9]+\s*|N(?='))?(?:(?<hex>0x[0-9a-f]+|x'[0-9a-f]*')|(?<open>')|(?<word>[-+\w.]+))/iy;
const separator = /\s*([,()])/y;

/** The tuples of values, each in parentheses. */
function* tuplesIn(text: string, start: number, dialect: Dialect): Generator<(string | null)[]> {
  let at = start;
  const next = (): string => {
    const found = matchAt(separator, text, at);
    if (found === undefined) throw unreadable(text, at);
    at = found.end;
    return found.groups[1]!;
  };
  for (;;) {
    if (next() !== '(') throw unreadable(text, at);
    const values: (string | null)[] = [];
    let mark: string;
    do {
      const found = matchAt(bare, text, at);
      if (found === undefined) throw unreadable(text, at);
      const { hex, open, word } = found.groups.groups!;
      at = found.end;
      if (open !== undefined) {
        const end = endOfString(text, at, dialect);
        values.push(unescaped(text.slice(at, end), dialect));
        at = end + 1;
      } else if (hex !== undefined) values.push(Buffer.from(hex.replaceAll(/^0x|^x|'/gi, ''), 'hex').toString());
      else values.push(word!.toUpperCase() === 'NULL' ? null : word!);
      mark = next();
    } while (mark === ',');
    yield values;
    if (matchAt(/\s*,/y, text, at) === undefined) return;
    at = text.indexOf(',', at) + 1;
  }
}

function unreadable(text: string, at: number): SourceError {
  // Not the text itself, which may hold a secret.
  return new SourceError(`A statement cannot be read, ${at} characters after its beginning: ${text.slice(0, 40)} …`);
}

/** Where the closing quote of the string is. */
function endOfString(text: string, start: number, dialect: Dialect): number {
  for (let at = start; ;) {
    const close = text.indexOf("'", at);
    if (close < 0) throw unreadable(text, at);
    let backslashes = 0;
    if (dialect === 'mysql') while (close - backslashes > at && text[close - backslashes - 1] === '\\') backslashes++;
    if (backslashes % 2 === 1) at = close + 1;
    else if (text[close + 1] === "'") at = close + 2;
    else return close;
  }
}

const mysqlEscapes: Readonly<Record<string, string>> = { '0': '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\u001a' };

/** HSQLDB writes characters outside of ASCII, and backslashes that could be taken for such, as \uXXXX. */
function unescaped(text: string, dialect: Dialect): string {
  const quoted = text.includes("'") ? text.replaceAll("''", "'") : text;
  if (!quoted.includes('\\')) return quoted;
  return dialect === 'mysql'
    ? quoted.replaceAll(/\\(.)/gs, (_, letter: string) => mysqlEscapes[letter] ?? letter)
    : quoted.replaceAll(/\\u([0-9a-f]{4})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
