import 'reflect-metadata';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/launcher.js';
import { migrate } from '../../src/persistence/schema/migrate.js';
import { bundleProgram } from './bundle.js';
import { inDatabase } from './database-url.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The PostgreSQL server of the tests, the migrated database on it that they clone, and the one from which they do so. */
    serverUrl: string;
    template: string;
    workshop: string;
    /** The bundled program, and where the data of a gateway are that was started once and stopped, as soon as a test asks for them. */
    program: string;
    startedBefore: string;
  }
}

/** Starts PostgreSQL for the tests (or uses the server at DATABASE_URL), migrates the database that they clone, and bundles the program. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const bundling = bundleProgram();
  const directory = await mkdtemp(join(tmpdir(), 'gateway-test-'));
  const given = process.env.DATABASE_URL;
  const embedded = given === undefined ? await startEmbeddedPostgres({ directory, settings: testSettings }) : undefined;
  const serverUrl = given ?? embedded!.url;
  const template = `gateway_template_${process.pid}`;
  const workshop = `gateway_workshop_${process.pid}`;

  await onServer(serverUrl, `CREATE DATABASE ${template}`);
  const dataSource = createDataSource({ url: inDatabase(serverUrl, template) });
  await dataSource.initialize();
  await migrate(dataSource);
  await dataSource.destroy();
  await onServer(serverUrl, `CREATE DATABASE ${workshop}`);
  await onServer(inDatabase(serverUrl, workshop), 'CREATE EXTENSION pg_stat_statements');

  provide('serverUrl', serverUrl);
  provide('template', template);
  provide('workshop', workshop);
  provide('startedBefore', join(directory, 'started-before'));
  const bundle = await bundling;
  provide('program', bundle.program);
  return async () => {
    await bundle.remove();
    for (const database of [template, workshop]) await onServer(serverUrl, `DROP DATABASE ${database}`);
    await embedded?.stop();
    await removeFolder(directory);
  };
}

/** Nothing here has to outlive a power failure. */
const testSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '400',
  // Counts statements; a server at DATABASE_URL has to preload it too.
  shared_preload_libraries: 'pg_stat_statements',
  // Room for the statements of all databases at a time: with the default, 5000, the ones just counted may be dropped.
  'pg_stat_statements.max': '50000',
};

async function onServer(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}
