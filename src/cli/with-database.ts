import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { configuredCredentialsKeys, makeFirstCredentialsKey } from '../credentials-key.js';
import { writableFolder } from '../embedded-postgres/folders.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded-postgres/launcher.js';
import { PostgresLog, logSettings } from '../embedded-postgres/log.js';
import { availableMemory, memorySettings } from '../embedded-postgres/memory.js';
import type { Shutdown } from './shutdown.js';

interface WithDatabaseOptions {
  config: Config;
  log: Logger;
  shutdown: Shutdown;
  /** Whether the work reads or makes AuthTokens. */
  needsKey?: boolean;
}

/**
 * Gives the work the URL of the database. Without DATABASE_URL, that is an embedded PostgreSQL, which runs for as long as the work.
 * @throws ConfigError, DataFolderError, EmbeddedPostgresError
 */
export async function withDatabase(options: WithDatabaseOptions, work: (databaseUrl: string) => Promise<void>): Promise<void> {
  const { databaseUrl } = options.config;
  if (databaseUrl !== undefined) return work(databaseUrl);
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
