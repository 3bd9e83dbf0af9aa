import { setTimeout as sleep } from 'node:timers/promises';
import { type DataSource, MigrationExecutor } from 'typeorm';
import { version } from '../../version.js';
import { migrationsTable } from '../connection/data-source.js';
import { isLostRace } from '../connection/errors.js';
import { migrationMark } from './database-check.js';
import { runOnlineSteps } from './online-steps.js';

/** An arbitrary number that nothing else locks. pg_locks shows it while migrations run. */
const migrationLock = 0x41_47_4d_31;

/**
 * Brings the schema up to date, in one transaction, then runs what large installations need online, and returns the names of the migrations that it ran. Instances that start at the
 * same time wait for each other here, and only the first finds something to do. The lock belongs to the transaction, not to the
 * session, so it works behind a pooler.
 *
 * The comment of the migrations' table says which version of the gateway ran them. An older version, which does not know them all,
 * can then say which version to use.
 */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const done = await runMigrations(dataSource);
  await runOnlineSteps(dataSource);
  return done;
}

/**
 * How often migrations are tried that meet a deadlock with the traffic of the version before: they lock one table after the other, and
 * cannot do so in the order of every change.
 */
const tries = 20;

async function runMigrations(dataSource: DataSource): Promise<string[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await runInOneTransaction(dataSource);
    } catch (error) {
      if (attempt === tries || !isLostRace(error)) throw error;
      await sleep(Math.random() * 50 * attempt);
    }
  }
}

async function runInOneTransaction(dataSource: DataSource): Promise<string[]> {
  const queryRunner = dataSource.createQueryRunner();
  try {
    await queryRunner.startTransaction();
    await queryRunner.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    const done = await new MigrationExecutor(dataSource, queryRunner).executePendingMigrations();
    if (done.length > 0) await queryRunner.query(`COMMENT ON TABLE ${migrationsTable} IS '${migrationMark(version)}'`);
    await queryRunner.commitTransaction();
    return done.map(({ name }) => name);
  } catch (error) {
    if (queryRunner.isTransactionActive) await queryRunner.rollbackTransaction();
    throw error;
  } finally {
    await queryRunner.release();
  }
}
