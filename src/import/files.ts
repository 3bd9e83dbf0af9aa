import { createReadStream, existsSync, statSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { jsonOrUndefined } from '../domain/json.js';
import { assertNotEndless, statementsOf } from './sql-statements.js';
import { type Dialect, readStatement } from './sql-values.js';
import { SourceError } from './errors.js';
import { type Source, type SourceRow, type SourceTable, restcommTables, rowOf } from './source.js';

/** A dump of MariaDB or MySQL, or HSQLDB's `restcomm.script`; `.gz` too. @throws SourceError */
export function sqlFile(file: string): Source {
  const dialect: Dialect = /\.script(\.gz)?$/.test(file) ? 'hsqldb' : 'mysql';
  if (dialect === 'hsqldb') assertWhole(file);
  return fileSource(file, true, (chunks) => rowsOfSql(chunks, dialect));
}

/** What `account-gateway export` writes. @throws SourceError */
export function ndjsonFile(file: string): Source {
  return fileSource(file, false, rowsOfNdjson);
}

function fileSource(
  file: string,
  hasSecrets: boolean,
  rowsOf: (chunks: AsyncIterable<string>) => AsyncIterable<readonly [SourceTable, SourceRow]>,
): Source {
  if (!existsSync(file)) throw new SourceError(`There is no file ${file}.`);
  let done = 0;
  return {
    hasSecrets,
    size: statSync(file).size,
    unit: 'bytes',
    done: () => done,
    rows: () => rowsOf(textOf(file, (bytes) => (done += bytes))),
  };
}

/** The text of a file, as it is read. @throws SourceError where it is not UTF-8 */
async function* textOf(file: string, onBytes: (bytes: number) => void): AsyncGenerator<string> {
  const bytes = createReadStream(file, { highWaterMark: 262_144 }).on('data', (chunk) => onBytes(chunk.length));
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of file.endsWith('.gz') ? bytes.compose(createGunzip()) : bytes) {
      yield decoder.decode(chunk as Buffer, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw new SourceError(`${file} cannot be read: ${(error as Error).message}.`);
    throw new SourceError(`${file} is not UTF-8. Write the dump with --default-character-set=utf8mb4.`);
  }
}

/** HSQLDB writes its script when it is shut down; what was changed since is in a log beside it. */
function assertWhole(file: string): void {
  const log = file.replace(/\.script(\.gz)?$/, '.log');
  if (!existsSync(log) || statSync(log).size === 0) return;
  throw new SourceError(
    `${log} holds changes that ${file} does not have yet. Stop Restcomm-Connect in an orderly way (SHUTDOWN), then import.`,
  );
}

async function* rowsOfSql(chunks: AsyncIterable<string>, dialect: Dialect): AsyncGenerator<readonly [SourceTable, SourceRow]> {
  const columnsOf = new Map<string, string[]>();
  const statements = dialect === 'mysql' ? statementsOf(untilRestored(chunks)) : linesOf(chunks);
  for await (const text of statements) {
    const statement = readStatement(text, dialect, (table) => Object.hasOwn(restcommTables, table));
    if (statement === undefined) continue;
    const { kind, table } = statement;
    if (kind === 'table') {
      columnsOf.set(table, statement.columns);
      continue;
    }
    const columns = statement.columns ?? columnsOf.get(table);
    if (columns === undefined)
      throw new SourceError(`The rows of ${table} come without its columns: neither CREATE TABLE nor their names.`);
    for (const values of statement.rows) {
      if (values.length !== columns.length)
        throw new SourceError(`A row of ${table} has ${values.length} values for ${columns.length} columns.`);
      yield [restcommTables[table]!, rowOf(columns, values)];
    }
  }
}

/** How many characters at the beginning and at the end of a dump are looked at: several times what mariadb-dump writes there. */
const frameLength = 8192;

/**
 * Passes on a dump that has its end. At the beginning, mariadb-dump and mysqldump set aside the session's settings, and put them back at
 * the end; so a dump that was cut between two statements shows. One that sets nothing aside (`--compact`, or made by hand) is taken as it is.
 */
async function* untilRestored(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let head = '';
  let tail = '';
  for await (const chunk of chunks) {
    if (head.length < frameLength) head += chunk.slice(0, frameLength);
    tail = (tail + chunk).slice(-frameLength);
    yield chunk;
  }
  if (head.includes('@OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS') && !tail.includes('FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS')) {
    throw new SourceError('The dump has no end: it was cut, and is not whole. Write it anew.');
  }
}

const tablesByKind: Readonly<Record<string, SourceTable>> = {
  account: 'accounts',
  organization: 'organizations',
  profile: 'profiles',
  link: 'links',
};

async function* rowsOfNdjson(chunks: AsyncIterable<string>): AsyncGenerator<readonly [SourceTable, SourceRow]> {
  let number = 0;
  for await (const line of linesOf(chunks)) {
    number++;
    if (line.trim() === '') continue;
    const { kind, ...row } = (jsonOrUndefined(line) ?? {}) as Record<string, string | null>;
    if (kind === 'end') return assertAll(Number(row.lines), number - 1);
    const table = Object.hasOwn(tablesByKind, kind ?? '') ? tablesByKind[kind!] : undefined;
    if (table === undefined || Object.values(row).some((value) => value !== null && typeof value !== 'string')) {
      throw new SourceError(`Line ${number} is not one of an export: a JSON object with a kind of account, organization, profile or link.`);
    }
    yield [table, row];
  }
  throw new SourceError('The file has no last line of an export: it is not whole.');
}

/** Holds that as many lines were before the last one as it says. */
function assertAll(lines: number, read: number): void {
  if (lines !== read) throw new SourceError(`The export had ${lines} lines, of which ${read} are there: the file is not whole.`);
}

/** The lines of a text. Not by `readline`, which also breaks at U+2028. */
async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    assertNotEndless(rest);
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
  if (rest !== '') yield rest;
}
