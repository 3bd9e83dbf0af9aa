import type { Client } from './driver.js';
import { queryRows } from './prepared-query.js';

/**
 * PostgreSQL's `lock_timeout` begins anew with each lock. A transaction is given one amount of time for all of its locks
 * together: that is kept in a setting of the gateway's own, and `lock_timeout` is lowered to what is left of it after each lock.
 */
const timeForAllLocks = 'gateway.lock_timeout';

/** The settings that a transaction begins with. */
export function lockTimeoutSettings(milliseconds: number): Record<string, number> {
  return { lock_timeout: milliseconds, [timeForAllLocks]: milliseconds };
}

/** SQL that lowers `lock_timeout` to the time that is left; at least 1 ms, since 0 would mean no limit. */
export const lowerLockTimeout = `set_config('lock_timeout', least(
  current_setting('${timeForAllLocks}')::float,
  greatest(1, current_setting('${timeForAllLocks}')::float - extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000)
)::integer::text, true)`;

/** Runs a statement for the locks that it takes, and lowers `lock_timeout`. */
export async function takeLocks(client: Client, sql: string, parameters: unknown[]): Promise<void> {
  await queryRows(
    client,
    `WITH held AS MATERIALIZED (${sql}) SELECT ${lowerLockTimeout} FROM (SELECT count(*) FROM held) AS counted`,
    parameters,
  );
}
