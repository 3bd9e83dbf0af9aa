import type { TestDatabase } from './database.js';

export interface Statement {
  query: string;
  calls: number;
}

/** The statements that PostgreSQL itself counted in the database while the work was done, but for those of the counting, and of new connections. */
export async function statementsOf({ query }: TestDatabase, work: () => Promise<unknown>): Promise<Statement[]> {
  await query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  await query('SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)');
  await work();
  return query<Statement>(
    `SELECT query, calls::integer AS calls FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query !~ 'pg_stat_statements|pg_backend_pid'
     ORDER BY query`,
  );
}

export function callsIn(statements: readonly Statement[]): number {
  return statements.reduce((sum, { calls }) => sum + calls, 0);
}
