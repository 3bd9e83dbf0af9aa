import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { inDatabase } from './database-url.js';
import { ask } from './processes.js';

/** A database of the tests' server that nothing has migrated. */
export interface EmptyDatabase {
  name: string;
  url: string;
  drop(): Promise<void>;
}

/** Makes one; the options are those of `CREATE DATABASE`. */
export async function emptyDatabase(options = ''): Promise<EmptyDatabase> {
  const name = `gateway_empty_${randomBytes(6).toString('hex')}`;
  const server = inject('serverUrl');
  await ask(server, `CREATE DATABASE ${name} ${options}`);
  return { name, url: inDatabase(server, name), drop: async () => void (await ask(server, `DROP DATABASE ${name} WITH (FORCE)`)) };
}
