import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';
import { inDatabase } from './database-url.js';

/** A database of the test's own. */
export interface TestDatabase {
  /** As gateways reach it. */
  url: string;
  /** Runs a statement beside the program, and returns its rows. */
  query<Row extends object = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** Matches statements after which each tree's accounts are counted again: a trigger does so when its head changes. */
const changesAccounts = /\b(INSERT INTO|UPDATE|DELETE FROM) account\b/;

/** A database of the tests' server as gateways reach it: in the pooled pass, through the pooler. */
export function urlForGateways(name: string): string {
  return inDatabase(inject('poolerUrl') ?? inject('serverUrl'), name);
}

/** Clones the migrated template: about 30 ms. */
export async function cloneDatabase(): Promise<TestDatabase> {
  const name = `gateway_${randomBytes(6).toString('hex')}`;
  const server = new Client({ connectionString: inDatabase(inject('serverUrl'), inject('workshop')) });
  await server.connect();
  await server.query(`CREATE DATABASE ${name} TEMPLATE ${inject('template')}`);

  const client = new Client({ connectionString: inDatabase(inject('serverUrl'), name) });
  // A test that kills the server breaks this connection too.
  client.on('error', () => {});
  server.on('error', () => {});
  await client.connect();
  return {
    url: urlForGateways(name),
    async query<Row extends object>(sql: string, parameters: unknown[] = []) {
      const { rows } = await client.query<Row>(sql, parameters);
      // The program keeps the counts of accounts for its own changes only.
      if (changesAccounts.test(sql)) await client.query('UPDATE history_head SET counts = NULL');
      return rows;
    },
    async drop() {
      await client.end();
      // Whoever counts statements reads those of all databases.
      await server.query('SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = $1), 0)', [name]);
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.end();
    },
  };
}
