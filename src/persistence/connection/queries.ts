import type { Client } from 'pg';
import { type Prepared, send } from './prepared-query.js';

/** More statements than these are not prepared: they are too many texts for a session to keep. */
const preparedAtMost = 500;

/** What is known of each statement that is prepared, by its text; the same on all connections. */
const prepared = new Map<string, Prepared>();

/** How often all statements got other names: each session prepares a statement once for each name. */
let generation = 0;

/** Whether a connection is a session of PostgreSQL itself; unknown until it was asked. */
const isSession = new WeakMap<Client, boolean>();

/**
 * Runs one statement of ours and returns its rows as PostgreSQL gives them. It is planned once for each session, by the
 * name that it has there; behind a pooler, where a session is everybody's, each time.
 */
export async function queryRows<Row>(client: Client, sql: string, parameters: unknown[] = []): Promise<Row[]> {
  const statement = isOwnSession(client) ? preparedAs(sql) : undefined;
  try {
    return (await send(client, statement, sql, parameters)) as Row[];
  } catch (error) {
    if (statement !== undefined && isOutdated(error)) {
      prepareAnew(sql, statement);
      // A transaction has failed as a whole, and begins again as a whole.
      if (client.getTransactionStatus() === 'I') return (await send(client, preparedAs(sql), sql, parameters)) as Row[];
    }
    // Where it was sent from; where its answer came in tells nothing.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  }
}

function preparedAs(sql: string): Prepared | undefined {
  let known = prepared.get(sql);
  if (known === undefined && prepared.size < preparedAtMost)
    prepared.set(sql, (known = { name: `s${generation}_${prepared.size}`, shape: undefined }));
  return known;
}

/**
 * Whether a table was changed under the running program (as by a migration of a newer one), so that a statement which the session had
 * prepared would have other columns. PostgreSQL refuses it from then on, until it is prepared anew.
 */
export function isOutdated(error: unknown): boolean {
  return error instanceof Error && (error as { code?: string }).code === '0A000' && error.message.startsWith('cached plan');
}

/**
 * Gives all statements other names, by which every session prepares them anew. All at once: other statements read the table too, and
 * each session would find that out by a failure of its own. What sessions keep by the old names ends with them.
 */
function prepareAnew(sql: string, outdated: Prepared): void {
  // Of those that failed together, the first one did it.
  if (prepared.get(sql) !== outdated) return;
  prepared.clear();
  generation += 1;
}

/**
 * Whether the connection has a session to itself. A pooler tells clients a process of its own making, by which they cancel
 * what runs; so the process that the server says it is, is another one.
 */
function isOwnSession(client: Client): boolean {
  const known = isSession.get(client);
  if (known !== undefined) return known;
  isSession.set(client, false);
  const { processID } = client as unknown as { processID: number };
  client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid').then(
    ({ rows }) => isSession.set(client, rows[0]!.pid === processID),
    // Whatever is wrong with the connection, the statement that comes next finds it out too.
    () => {},
  );
  return false;
}

/**
 * The results of statements that are sent together, in one round trip. They run one after the other, and the first one that
 * fails is the reason why those after it did.
 */
export async function pipelined<Results extends unknown[]>(
  ...statements: { [Index in keyof Results]: Promise<Results[Index]> | Results[Index] }
): Promise<Results> {
  const settled = await Promise.allSettled(statements);
  const failed = settled.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  return settled.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value) as Results;
}

/** Less time for the next lock: what is left of the time that a transaction may wait for all of its locks; see database.ts. */
export const timeLeftForLocks = `set_config('lock_timeout', least(
  current_setting('gateway.lock_timeout')::float,
  greatest(1, current_setting('gateway.lock_timeout')::float - extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000)
)::integer::text, true)`;

/**
 * Runs a statement for the locks that it takes. PostgreSQL's `lock_timeout` begins anew with each lock; so what was waited for
 * one is taken off the time that there is for the next.
 */
export async function lockedBy(client: Client, sql: string, parameters: unknown[]): Promise<void> {
  await queryRows(
    client,
    `WITH held AS MATERIALIZED (${sql}) SELECT ${timeLeftForLocks} FROM (SELECT count(*) FROM held) AS counted`,
    parameters,
  );
}

/**
 * Lists of texts as rows, side by side: the parameters from `$1` on. PostgreSQL is kept from seeing how long they are. A plan
 * for just so many keys looks cheaper to it than one that it can keep, so it would plan the statement anew each time, which
 * takes longer than to run it.
 */
export function unnestedKeys(count: number): string {
  return `unnest(${Array.from({ length: count }, (_, index) => `(SELECT $${index + 1}::text[])`).join(', ')})`;
}

/** Whatever is in the list `$1`, which PostgreSQL is kept from seeing in the same way. */
export const anyOfList = 'ANY ((SELECT $1::text[])::text[])';

/** The condition that a keyed hash was not made by the key with the id `$1`, with which it would begin. Without an id it has 32 bytes. */
export function ofAnotherKey(column: string): string {
  return `(octet_length(${column}) = 32 OR substring(${column} FROM 1 FOR octet_length($1::bytea)) <> $1)`;
}
