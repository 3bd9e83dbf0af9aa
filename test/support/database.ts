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

/** A database of the tests' server as gateways reach it: in the pooled pass, through the pooler. */
export function urlForGateways(name: string): string {
  return inDatabase(inject('poolerUrl') ?? inject('serverUrl'), name);
}

/** Clones the migrated template: about 30 ms. */
export async function cloneDatabase(): Promise<TestDatabase> {
  const name = `gateway_${randomBytes(6).toString('hex')}`;
  const server = new Client({ connectionString: inject('serverUrl') });
  await server.connect();
  await server.query(`CREATE DATABASE ${name} TEMPLATE ${inject('template')}`);

  const client = new Client({ connectionString: inDatabase(inject('serverUrl'), name) });
  // A test that kills the server breaks this connection too.
  client.on('error', () => {});
  server.on('error', () => {});
  await client.connect();
  return {
    url: urlForGateways(name),
    query: async <Row extends object>(sql: string, parameters: unknown[] = []) => (await client.query<Row>(sql, parameters)).rows,
    async drop() {
      await client.end();
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.end();
    },
  };
}
