import { Query, types } from 'pg';
import { tracer } from '../../tracing/tracer.js';
import { startStatement } from './busy-time.js';
import { type Client, holdWrites, processIdOf } from './driver.js';
import { isOutdatedPlan } from './errors.js';

/** A statement that sessions prepare under a name, and how its rows were read last. */
interface PreparedStatement {
  readonly name: string;
  reader: RowReader | undefined;
}

/** Further statements are not prepared: a session should not have to keep more texts than these. */
const preparedAtMost = 500;

/** The prepared statements by their text; the same names on all connections. */
const prepared = new Map<string, PreparedStatement>();

/** How often all statements were renamed. Each session prepares a statement once for each name. */
let generation = 0;

/** Whether a connection has a session of PostgreSQL to itself; unknown until it was asked. */
const hasOwnSession = new WeakMap<Client, boolean>();

/**
 * Runs one statement and returns its rows as PostgreSQL gives them. Each session plans it once and keeps it under a name; behind
 * a pooler, where sessions are shared, it is planned each time, as is one whose best plan depends on its parameters. Statements
 * that are sent at the same time to the same connection go out in one packet.
 */
export async function queryRows<Row>(
  client: Client,
  sql: string,
  parameters: unknown[] = [],
  plannedForParameters = false,
): Promise<Row[]> {
  const statement = isOwnSession(client) && !plannedForParameters ? preparedAs(sql) : undefined;
  try {
    return (await send(client, statement, sql, parameters)) as Row[];
  } catch (error) {
    if (statement !== undefined && isOutdatedPlan(error)) {
      prepareAgain(sql, statement);
      // A transaction has failed as a whole, and is tried again as a whole.
      if (client.getTransactionStatus() === 'I') return (await send(client, preparedAs(sql), sql, parameters)) as Row[];
    }
    // The stack should show who sent the statement; pg's shows where its answer was read.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  }
}

function preparedAs(sql: string): PreparedStatement | undefined {
  let known = prepared.get(sql);
  if (known === undefined && prepared.size < preparedAtMost)
    prepared.set(sql, (known = { name: `s${generation}_${prepared.size}`, reader: undefined }));
  return known;
}

/**
 * Renames all statements, so that every session prepares them again. All at once, since others read the changed table too, and
 * would each fail once in each session. What sessions keep under the old names ends with them.
 */
function prepareAgain(sql: string, outdated: PreparedStatement): void {
  // Of those that failed at the same time, the first one has done it.
  if (prepared.get(sql) !== outdated) return;
  prepared.clear();
  generation += 1;
}

/**
 * Whether the connection has a session to itself. A pooler tells its clients process numbers of its own making, so that they can
 * cancel; the server itself then says that its process has another number.
 */
function isOwnSession(client: Client): boolean {
  const known = hasOwnSession.get(client);
  if (known !== undefined) return known;
  hasOwnSession.set(client, false);
  client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid').then(
    ({ rows }) => hasOwnSession.set(client, rows[0]!.pid === processIdOf(client)),
    // Whatever is wrong with the connection, the next statement finds it too.
    () => {},
  );
  return false;
}

function send(client: Client, statement: PreparedStatement | undefined, text: string, values: unknown[]): Promise<unknown[]> {
  holdWrites(client);
  const answered = startStatement(client);
  const span = tracer?.statement(text);
  return new Promise((resolve, reject) => {
    client.query(
      new PreparedQuery(statement, text, values, (error, rows) => {
        answered();
        span?.end(error);
        if (error) reject(error);
        else resolve(rows);
      }),
    );
  });
}

/** A column of an answer, as PostgreSQL describes it. */
interface Field {
  name: string;
  dataTypeID: number;
}

/** How the rows of an answer are read. */
interface RowReader {
  fields: readonly Field[];
  parsers: readonly ((text: string) => unknown)[];
  /** A row with nothing in it, to be copied. */
  empty: Record<string, unknown>;
}

/** Methods of pg's own query that it does not declare. */
declare module 'pg' {
  interface Query {
    handleRowDescription(description: { fields: Field[] }): void;
    handleDataRow(row: { fields: (string | null)[] }): void;
  }
}

/**
 * One statement under way. pg works out for each answer anew how to read its rows, which costs as much as to read a few of them;
 * here that is kept with the prepared statement.
 */
class PreparedQuery extends Query {
  readonly #rows: Record<string, unknown>[] = [];
  #reader: RowReader | undefined;
  #unreadable: { error: unknown } | undefined;

  constructor(
    private readonly statement: PreparedStatement | undefined,
    text: string,
    values: unknown[],
    answered: (error: Error | undefined, rows: Record<string, unknown>[]) => void,
  ) {
    super({ text, values, ...(statement !== undefined && { name: statement.name }) }, (error) =>
      answered(error ?? (this.#unreadable?.error as Error | undefined), this.#rows),
    );
  }

  override handleRowDescription({ fields }: { fields: Field[] }): void {
    const known = this.statement?.reader;
    this.#reader = known !== undefined && fits(known, fields) ? known : readerOf(fields);
    if (this.statement !== undefined) this.statement.reader = this.#reader;
  }

  override handleDataRow({ fields: texts }: { fields: (string | null)[] }): void {
    const { fields, parsers, empty } = this.#reader!;
    const row = { ...empty };
    try {
      for (let index = 0; index < texts.length; index++) {
        const text = texts[index]!;
        if (text !== null) row[fields[index]!.name] = parsers[index]!(text);
      }
    } catch (error) {
      this.#unreadable = { error };
    }
    this.#rows.push(row);
  }
}

function readerOf(fields: Field[]): RowReader {
  return {
    fields,
    parsers: fields.map(({ dataTypeID }) =>
      dataTypeID === types.builtins.TIMESTAMPTZ ? parseInstant : types.getTypeParser(dataTypeID, 'text'),
    ),
    empty: Object.fromEntries(fields.map(({ name }) => [name, null])),
  };
}

function fits(reader: RowReader, fields: readonly Field[]): boolean {
  return (
    fields.length === reader.fields.length &&
    fields.every(({ name, dataTypeID }, index) => name === reader.fields[index]!.name && dataTypeID === reader.fields[index]!.dataTypeID)
  );
}

const parseInstantSlowly = types.getTypeParser(types.builtins.TIMESTAMPTZ, 'text');

/** An instant as PostgreSQL writes it: like ISO 8601, but with a space for the `T`, and often with an offset of hours alone. */
function parseInstant(text: string): Date {
  const isOffsetOfHours = text.at(-3) === '+' || text.at(-3) === '-';
  const instant = new Date(`${text.slice(0, 10)}T${text.slice(11)}${isOffsetOfHours ? ':00' : ''}`);
  // Years before Christ, and of five digits, are written in other ways.
  return Number.isNaN(instant.getTime()) ? (parseInstantSlowly(text) as Date) : instant;
}
