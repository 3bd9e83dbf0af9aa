import { configuredCredentialsKeys } from '../credentials-key.js';
import type { Config } from '../config.js';
import { startEmbeddedPostgres } from '../embedded-postgres/launcher.js';
import { logSettings } from '../embedded-postgres/log.js';
import { availableMemory, memorySettings } from '../embedded-postgres/memory.js';
import { Database } from '../persistence/connection/database.js';
import { createDataSource } from '../persistence/connection/data-source.js';
import { openDatabase } from '../persistence/schema/database-check.js';
import { hasRightKey } from '../service/bootstrap.js';
import { Secrets } from '../service/secrets.js';
import { AppError } from '../errors.js';
import type { Shutdown } from './shutdown.js';
import { verifyHistoryOf } from './verify-history.js';

/** What was found of a copy of the database. */
export interface Trial {
  /** Whether its history is sound and its key the right one; null where this version cannot tell, before its migrations have run. */
  isSound: boolean | null;
  /** Sentences: what `verify-history` says, and that the key is the wrong one. */
  findings: string[];
}

/**
 * Starts a PostgreSQL from the copy, with which it recovers, and looks at what is in it. Afterwards the copy is a database that was shut
 * down cleanly.
 * @param directory holds the copy as a data folder does, with the key in it unless CREDENTIALS_KEY is set
 * @throws EmbeddedPostgresError when it does not start
 */
export async function tryOut(directory: string, config: Config, shutdown: Shutdown): Promise<Trial> {
  const { credentialsKeys } = await configuredCredentialsKeys({ ...config, dataDirectory: directory });
  const { signal } = shutdown;
  const server = await startEmbeddedPostgres({ directory, settings: { ...memorySettings(availableMemory()), ...logSettings }, signal });
  try {
    return await shutdown.unlessRequested(examine(server.url, credentialsKeys));
  } finally {
    await server.stop();
  }
}

async function examine(url: string, keys: readonly Buffer[]): Promise<Trial> {
  const dataSource = createDataSource({ url, poolSize: 1 });
  const pending = await openDatabase(dataSource, { migrates: false, rights: 'read history' });
  try {
    const history = await verifyHistoryOf(url);
    const fits = await hasRightKey(new Database(dataSource), new Secrets(keys));
    const mistakes = fits ? [] : ['The key is not the one that its AuthTokens are encrypted with.'];
    return { isSound: history.isSound && fits, findings: [history.sentence, ...mistakes] };
  } catch (error) {
    if (pending.length === 0 || !(error instanceof AppError)) throw error;
    return { isSound: null, findings: ['It is of an older version of the gateway, which alone can verify its history and its key.'] };
  } finally {
    await dataSource.destroy();
  }
}
