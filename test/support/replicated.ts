import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded-postgres/launcher.js';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { migrate } from '../../src/persistence/schema/migrate.js';
import type { TestDatabase } from './database.js';
import { inDatabase } from './database-url.js';
import { eventually } from './patience.js';
import { ask, postmasterOf } from './processes.js';

const run = promisify(execFile);

/** A PostgreSQL server and a streaming replica of it, of the test's own. */
export interface Replicated {
  /** A migrated database on the primary, and where the replica has it. */
  database: TestDatabase;
  replicaUrl: string;
  /** Runs a statement on the replica. */
  onReplica<Row extends object = Record<string, any>>(sql: string): Promise<Row[]>;
  /** Waits until the replica has all that the primary has. */
  caughtUp(): Promise<void>;
  /** The replica goes on to receive, but shows nothing new until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the replica, and starts it again. */
  stopReplica(): Promise<void>;
  startReplica(): Promise<void>;
  /** The replica's folder, and the process of its server. */
  replicaFolder: string;
  replicaPid(): Promise<number>;
  stop(): Promise<void>;
}

const settings = {
  fsync: 'off',
  full_page_writes: 'off',
  shared_preload_libraries: 'pg_stat_statements',
  // After half a minute of pause, as on a busy machine, a replica that resumes cancels every statement in the way of what it replays.
  max_standby_streaming_delay: '-1',
};

/** Starts both: the replica on a copy of the primary's files, made while that is stopped. */
export async function startReplicated(): Promise<Replicated> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-replica-'));
  const [primaryFolder, replicaFolder] = ['primary', 'replica'].map((name) => join(directory, name)) as [string, string];
  // The replica, which does not run as root, comes to the primary's socket through these.
  for (const folder of [primaryFolder, replicaFolder]) await mkdir(folder);
  for (const folder of [directory, primaryFolder, replicaFolder]) await chmod(folder, 0o711);

  const startPrimary = () => startEmbeddedPostgres({ directory: primaryFolder, settings: { ...settings, wal_level: 'replica' } });
  await (await startPrimary()).stop();
  await run('cp', ['-a', join(primaryFolder, 'postgres'), join(replicaFolder, 'postgres')]);
  await run('cp', ['-a', join(replicaFolder, 'postgres/PG_VERSION'), join(replicaFolder, 'postgres/standby.signal')]);
  const primary = await startPrimary();
  const connection = `host=${join(primaryFolder, 'postgres')} user=postgres`;
  const startReplica = () =>
    startEmbeddedPostgres({
      directory: replicaFolder,
      settings: { ...settings, primary_conninfo: connection, wal_retrieve_retry_interval: '100ms' },
    });
  let replica: EmbeddedPostgres | undefined = await startReplica();

  const name = `gateway_${randomBytes(6).toString('hex')}`;
  await ask(primary.url, `CREATE DATABASE ${name}`);
  const url = inDatabase(primary.url, name);
  const replicaUrl = inDatabase(replica.url, name);
  await ask(url, 'CREATE EXTENSION pg_stat_statements');
  const dataSource = createDataSource({ url });
  await dataSource.initialize();
  await migrate(dataSource);
  await dataSource.destroy();

  const onReplica: Replicated['onReplica'] = (sql) => ask(replicaUrl, sql);
  const caughtUp = async (): Promise<void> => {
    const [written] = await ask<{ log: string }>(url, 'SELECT pg_current_wal_lsn() AS log');
    const isThere = `SELECT pg_last_wal_replay_lsn() >= '${written!.log}' AS "isThere"`;
    // Also when the database itself is not there yet.
    await eventually(async () => expect(await onReplica(isThere)).toEqual([{ isThere: true }]));
  };
  await caughtUp();
  return {
    database: { url, query: (sql, parameters) => ask(url, sql, parameters), drop: async () => {} },
    replicaUrl,
    onReplica,
    caughtUp,
    async pause() {
      await onReplica('SELECT pg_wal_replay_pause()');
      await eventually(async () =>
        expect(await onReplica('SELECT pg_get_wal_replay_pause_state() AS state')).toEqual([{ state: 'paused' }]),
      );
    },
    async resume() {
      await onReplica('SELECT pg_wal_replay_resume()');
      await caughtUp();
    },
    async stopReplica() {
      await replica?.stop();
      replica = undefined;
    },
    async startReplica() {
      replica ??= await startReplica();
    },
    replicaFolder,
    replicaPid: () => postmasterOf(replicaFolder),
    async stop() {
      await replica?.stop();
      await primary.stop();
      await removeFolder(directory);
    },
  };
}
