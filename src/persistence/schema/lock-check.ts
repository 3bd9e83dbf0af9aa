import { randomInt } from 'node:crypto';
import type { DataSource, QueryRunner } from 'typeorm';
import { UnfitDatabaseError } from '../connection/connection-failure.js';
import { codeOf, sqlState } from '../connection/errors.js';

/** Makes sure that changes exclude each other on the database. Needs two connections. @throws UnfitDatabaseError */
export async function assertLocksExclude(dataSource: DataSource): Promise<void> {
  if (await locksExclude(dataSource)) return;
  throw new UnfitDatabaseError([
    'The database does not keep advisory locks (pg_advisory_xact_lock): two sessions had the same one at once. ' +
      'Changes would not exclude each other. Use PostgreSQL 15 or later.',
  ]);
}

/**
 * Whether advisory locks exclude each other, which all changes depend on (SPEC §2, "Concurrency"): nobody can share a lock that another
 * transaction holds exclusively. Some databases that speak PostgreSQL's protocol accept such locks and exclude nobody. Two sessions try
 * it with an arbitrary lock.
 */
async function locksExclude(dataSource: DataSource): Promise<boolean> {
  const lock = [randomInt(2 ** 47)];
  const [exclusive, sharing] = [dataSource.createQueryRunner(), dataSource.createQueryRunner()];
  const isShared = async (): Promise<boolean> => {
    const [{ locked }] = await sharing.query('SELECT pg_try_advisory_xact_lock_shared($1::bigint) AS locked', lock);
    return locked as boolean;
  };
  try {
    await exclusive.startTransaction();
    await exclusive.query('SELECT pg_advisory_xact_lock($1::bigint)', lock);
    await sharing.startTransaction();
    const isExcluded = !(await isShared());
    await exclusive.commitTransaction();
    return isExcluded && (await isShared());
  } catch (error) {
    if (codeOf(error) === sqlState.undefinedFunction) return false;
    throw error;
  } finally {
    await Promise.all([exclusive, sharing].map(end));
  }
}

async function end(runner: QueryRunner): Promise<void> {
  if (runner.isTransactionActive) await runner.rollbackTransaction();
  await runner.release();
}
