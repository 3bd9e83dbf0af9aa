import { once } from 'node:events';
import { readConfig } from '../config.js';
import { parseSid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import { Database } from '../persistence/connection/database.js';
import { exportTree } from '../service/account-export.js';
import { NotDoneError, UsageError } from './failure.js';
import { createCommandLog } from './log.js';
import { openMigrated } from './operator.js';
import type { Shutdown } from './shutdown.js';
import { withDatabase } from './with-database.js';

/** `account-gateway export [SID]`: writes accounts, organizations, profiles and links to standard output, a line of JSON each. */
export async function exportAccounts(sid: string | undefined, shutdown: Shutdown): Promise<void> {
  if (sid !== undefined) assertSid(sid);
  const config = readConfig(undefined, { needsKey: false });
  await withDatabase({ config, log: createCommandLog(config), shutdown, needsKey: false, mustExist: true }, async (databaseUrl) => {
    const dataSource = await openMigrated(databaseUrl, 'read');
    try {
      const isFound = await shutdown.unlessRequested(exportTree(new Database(dataSource), sid, writeLines));
      if (!isFound) throw new NotDoneError(sid === undefined ? 'The gateway has no accounts yet.' : `There is no account ${sid}.`);
    } finally {
      await dataSource.destroy();
    }
  });
}

function assertSid(sid: string): void {
  try {
    parseSid('account', sid, 'sid');
  } catch (error) {
    throw error instanceof AppError ? new UsageError(error.message) : error;
  }
}

/** Waits for whoever reads, so that no more than a batch is kept. */
async function writeLines(lines: readonly object[]): Promise<void> {
  const isRoomLeft = process.stdout.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  if (!isRoomLeft) await once(process.stdout, 'drain');
}
