import type { Client } from './driver.js';
import { lockTimeoutSettings } from './lock-timeout.js';

/** How long a change may take, and how long it may wait for all of its locks together, in milliseconds. */
export interface ChangeLimits {
  changeMilliseconds: number;
  lockMilliseconds: number;
}

/** Runs work in a transaction that may change something. */
export function changeTransaction<Result>(
  client: Client,
  { changeMilliseconds, lockMilliseconds }: ChangeLimits,
  work: () => Promise<Result>,
): Promise<Result> {
  // For the transaction, not for the session, which behind a pooler belongs to others too.
  const settings = Object.entries({ ...lockTimeoutSettings(lockMilliseconds), statement_timeout: changeMilliseconds }).map(
    ([name, value]) => `set_config('${name}', '${value}', true)`,
  );
  return transaction(client, `BEGIN; SELECT ${settings.join(', ')}`, work);
}

/** Runs reads in a transaction in which every statement sees what was committed when the first one began. */
export function snapshotTransaction<Result>(client: Client, work: () => Promise<Result>): Promise<Result> {
  return transaction(client, 'BEGIN ISOLATION LEVEL REPEATABLE READ', work);
}

async function transaction<Result>(client: Client, begin: string, work: () => Promise<Result>): Promise<Result> {
  try {
    await client.query(begin);
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // Where this fails, the connection is gone, and the server rolls back by itself.
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}
