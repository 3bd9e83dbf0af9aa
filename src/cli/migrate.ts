import { readConfig } from '../config.js';
import { loadApp } from './load-app.js';
import { createLog } from './log.js';
import type { Shutdown } from './shutdown.js';
import { print } from './terminal.js';
import { withDatabase } from './with-database.js';

/** `npm run migrate`: runs the migrations, and creates the Super Admin if there is none, whatever MIGRATE_ON_START says. */
export async function migrate(shutdown: Shutdown): Promise<void> {
  const config = { ...readConfig(), migrateOnStart: true };
  const log = createLog(config);
  const appOn = loadApp(config, log);
  await withDatabase({ config, log, shutdown }, async (databaseUrl) => {
    const app = await shutdown.unlessRequested(appOn(databaseUrl));
    try {
      await shutdown.unlessRequested(app.prepare());
      print(resultOf(app.migrated));
    } finally {
      await app.close();
    }
  });
}

function resultOf(migrated: readonly string[]): string {
  if (migrated.length === 0) return 'Nothing to do: all migrations had already run.';
  return `${migrated.length === 1 ? '1 migration has run' : `${migrated.length} migrations have run`}: ${migrated.join(', ')}.`;
}
