import { randomInt } from 'node:crypto';
import type { DataSource, QueryRunner } from 'typeorm';
import { UnfitDatabaseError } from '../connection/connection-failure.js';
import { codeOf, sqlState } from '../connection/errors.js';

/** Refuses a database on which changes would not exclude each other. Needs two connections. @throws UnfitDatabaseError */
export async function assertLocksExclude(dataSource: DataSource): Promise<void> {
  if (await locksExclude(dataSource)) return;
  throw new UnfitDatabaseError([
    'The database does not keep advisory locks (pg_advisory_xact_lock): two sessions had the same one at once. ' +
      'Changes would not exclude each other. Use PostgreSQL 15 or later.',
  ]);
}

/**
 * Whether the database's advisory locks do what all changes rest on (SPEC §2, "Concurrency"): who has one alone shuts out who
 * would share it, until its transaction ends. Some databases that speak PostgreSQL's protocol take such a lock and exclude nobody.
 * Shown by two sessions, with a lock of no meaning.
 */
async function locksExclude(dataSource: DataSource): Promise<boolean> {
  const lock = [randomInt(2 ** 47)];
  const [alone, sharing] = [dataSource.createQueryRunner(), dataSource.createQueryRunner()];
  const isShared = async (): Promise<boolean> => {
    const [{ locked }] = await sharing.query('SELECT pg_try_advisory_xact_lock_shared($1::bigint) AS locked', lock);
    return locked as boolean;
  };
  try {
    await alone.startTransaction();
    await alone.query('SELECT pg_advisory_xact_lock($1::bigint)', lock);
    await sharing.startTransaction();
    const isShutOut = !(await isShared());
    await alone.commitTransaction();
    return isShutOut && (await isShared());
  } catch (error) {
    if (codeOf(error) === sqlState.undefinedFunction) return false;
    throw error;
  } finally {
    await Promise.all([alone, sharing].map(giveBack));
  }
}

async function giveBack(runner: QueryRunner): Promise<void> {
  if (runner.isTransactionActive) await runner.rollbackTransaction();
  await runner.release();
}
