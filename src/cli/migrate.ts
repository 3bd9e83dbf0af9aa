import { readConfig } from '../config.js';
import { loadApp } from './load-app.js';
import { createLogBeside } from './log.js';
import type { Shutdown } from './shutdown.js';
import { print, printJson, tell } from './terminal.js';
import { withDatabase } from './with-database.js';

/** `account-gateway migrate`: runs the migrations, and creates the Super Admin if there is none, whatever MIGRATE_ON_START says. */
export async function migrate({ json }: { json?: boolean }, shutdown: Shutdown): Promise<void> {
  const config = { ...readConfig(), migrateOnStart: true };
  const log = createLogBeside(json, config);
  const appOn = loadApp(config, log, json ? tell : print);
  await withDatabase({ config, log, shutdown }, async (databaseUrl) => {
    const app = await shutdown.unlessRequested(appOn(databaseUrl));
    try {
      await shutdown.unlessRequested(app.prepare());
      if (json) printJson({ migrations: app.migrated });
      else print(resultOf(app.migrated));
    } finally {
      await app.close();
    }
  });
}

function resultOf(migrated: readonly string[]): string {
  if (migrated.length === 0) return 'Nothing to do: all migrations had already run.';
  return `${migrated.length === 1 ? '1 migration has run' : `${migrated.length} migrations have run`}: ${migrated.join(', ')}.`;
}
