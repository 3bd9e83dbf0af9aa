import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Config, ConfigError } from '../config.js';
import { configuredCredentialsKeys, makeFirstCredentialsKey } from '../credentials-key.js';
import { writableFolder } from '../embedded-postgres/folders.js';
import { type EmbeddedPostgres, startEmbeddedPostgres, urlOfRunning } from '../embedded-postgres/launcher.js';
import { PostgresLog, logSettings } from '../embedded-postgres/log.js';
import { availableMemory, memorySettings } from '../embedded-postgres/memory.js';
import type { Shutdown } from './shutdown.js';

interface WithDatabaseOptions {
  config: Config;
  log: Logger;
  shutdown: Shutdown;
  /** Whether the work reads or makes AuthTokens. */
  needsKey?: boolean;
  /** Whether the work is about what is in a database already, so that an empty one would only hide a wrong DATA_DIR. */
  mustExist?: boolean;
  /** Whether no gateway may run on the embedded database meanwhile, since it would go on with the key that it read when it started. */
  isAlone?: boolean;
  /** Whether it shares the embedded PostgreSQL with nobody that has started it, as the gateway itself. */
  isServer?: boolean;
}

/**
 * Gives the work the URL of the database. Without DATABASE_URL, that is an embedded PostgreSQL: the one of the gateway that runs, or one that
 * runs for as long as the work.
 * @throws ConfigError, DataFolderError, EmbeddedPostgresError
 */
export async function withDatabase(options: WithDatabaseOptions, work: (databaseUrl: string) => Promise<void>): Promise<void> {
  const { databaseUrl, dataDirectory } = options.config;
  if (databaseUrl !== undefined) return work(databaseUrl);
  const runningUrl = options.isServer ? undefined : await urlOfRunning(dataDirectory);
  if (runningUrl !== undefined && options.isAlone) {
    throw new ConfigError([`A gateway runs on ${dataDirectory}, with the key that it read when it started. Stop it first.`]);
  }
  if (runningUrl !== undefined) return work(runningUrl);
  if (options.mustExist && !existsSync(join(dataDirectory, 'postgres'))) {
    throw new ConfigError([`There is no database in ${dataDirectory}. Set DATA_DIR to the folder of the gateway, or DATABASE_URL.`]);
  }
  const embedded = await startPostgres(options);
  try {
    await work(embedded.url);
  } finally {
    await embedded.stop();
  }
}

/** Starts the embedded PostgreSQL. Anything wrong with its folder, or with the key in it, is reported before it starts. */
async function startPostgres({ config, log, shutdown, needsKey = true }: WithDatabaseOptions): Promise<EmbeddedPostgres> {
  const directory = await writableFolder(config.dataDirectory);
  if (config.credentialsKeys === undefined) await makeFirstCredentialsKey(directory);
  if (needsKey) await configuredCredentialsKeys(config);
  return startEmbeddedPostgres({
    directory,
    settings: { ...memorySettings(availableMemory()), ...logSettings },
    onLog: new PostgresLog(directory, log).add,
    signal: shutdown.signal,
  });
}

/** @throws ConfigError when the database is on a server of its own */
export function assertEmbedded({ databaseUrl }: Config, command: string, how: string): void {
  if (databaseUrl === undefined) return;
  throw new ConfigError([
    `${command} is for the embedded database, and DATABASE_URL names a PostgreSQL server. That is ${how}; see "Backup and restore" in docs/operating.md.`,
  ]);
}
