import { existsSync } from 'node:fs';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/launcher.js';
import { serverEnvironment } from '../../src/embedded-postgres/system.js';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { migrate } from '../../src/persistence/schema/migrate.js';
import type { TestDatabase } from './database.js';
import { ask } from './processes.js';

/** A PostgreSQL server of the test's own, whose clock can be set. Its processes see another time by libfaketime (Debian's package). */
export interface FakedClock {
  database: TestDatabase;
  /** Sets PostgreSQL's clock so many hours ahead of the machine's, or behind it. Time goes on from there. */
  setClock(hours: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startWithFakedClock(): Promise<FakedClock> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-clock-'));
  const clock = join(directory, 'clock');
  const setClock = (hours: number): Promise<void> => writeFile(clock, `${hours < 0 ? '-' : '+'}${Math.abs(hours)}h`);
  await setClock(0);
  // PostgreSQL, which does not run as root, reads the clock through it.
  await chmod(directory, 0o711);
  const library = `/usr/lib/${arch() === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`;
  if (!existsSync(library)) throw new Error(`This test needs ${library}, of the package libfaketime.`);
  const faked = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  Object.assign(serverEnvironment, faked);
  const server = await startEmbeddedPostgres({ directory, settings: { fsync: 'off' } });
  const dataSource = createDataSource({ url: server.url });
  await dataSource.initialize();
  await migrate(dataSource);
  await dataSource.destroy();
  return {
    database: { url: server.url, query: (sql, parameters) => ask(server.url, sql, parameters), drop: async () => {} },
    setClock,
    async stop() {
      await server.stop();
      for (const name of Object.keys(faked)) delete (serverEnvironment as Record<string, string>)[name];
      await removeFolder(directory);
    },
  };
}
