import { onTestFailed } from 'vitest';
import type { TestDatabase } from './database.js';

export interface Statement {
  query: string;
  calls: number;
}

interface CountedStatement extends Statement {
  /** How many pages all its calls read, or found in memory. */
  pages: number;
}

/**
 * What is no statement of a request: the counting itself, what a new connection asks, whether the database answers, asked by us or by a pooler,
 * and the name of its client, which a pooler gives to a session that another one had before.
 */
const beside = /pg_stat_statements|pg_backend_pid|migration\.name FROM migration|^select [$]?1;?$|^SET application_name=/i;

/**
 * The text of each statement, as it was first counted. Of one and the same statement PostgreSQL tells now with its constants, now with parameters in
 * place of them: without them if a session has parsed it since the last count began.
 */
const texts = new Map<string, string>();

/** The statements that PostgreSQL itself counted in the database while the work was done, by their texts. A test that fails prints them. */
export async function statementsOf(database: TestDatabase, work: () => Promise<unknown>): Promise<Statement[]> {
  return (await countStatements(database, work)).map(({ query, calls }) => ({ query, calls }));
}

/** Those of them that touched more pages, all their calls together. */
export async function statementsTouching(
  database: TestDatabase,
  { moreThan }: { moreThan: number },
  work: () => Promise<unknown>,
): Promise<Statement[]> {
  return (await countStatements(database, work)).filter(({ pages }) => pages > moreThan);
}

async function countStatements({ query }: TestDatabase, work: () => Promise<unknown>): Promise<CountedStatement[]> {
  await query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  await query('SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)');
  await work();
  const counted = await query<CountedStatement & { id: string }>(
    `SELECT queryid::text AS id, query, calls::integer AS calls, (shared_blks_hit + shared_blks_read)::integer AS pages
     FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  for (const { id, query: text } of counted) if (!texts.has(id)) texts.set(id, text);
  const statements = counted
    .filter(({ query: text }) => !beside.test(text))
    .map(({ id, calls, pages }) => ({ query: texts.get(id)!, calls, pages }))
    .toSorted((one, other) => (one.query < other.query ? -1 : 1));
  onTestFailed(() => console.error('PostgreSQL counted:', statements));
  return statements;
}

export function callsIn(statements: readonly Statement[]): number {
  return statements.reduce((sum, { calls }) => sum + calls, 0);
}
