import { type DataSource, MigrationExecutor } from 'typeorm';
import { version } from '../../version.js';
import { migrationsTable } from '../connection/data-source.js';
import { markOf } from './database-check.js';

/** Any number that no one else locks; `psql` shows it in pg_locks while a migration runs. */
const migrationLock = 0x41_47_4d_31;

/**
 * Brings the schema up to date, in one transaction, and returns the names of the migrations that it ran. Instances that start at
 * once wait for each other here, and all but the first find nothing to do. The lock belongs to the transaction, not to the session,
 * so it works behind a pooler.
 *
 * The version of the gateway that ran them stays in the comment of their table: an older one, which does not know them all, can
 * then say which version to use.
 */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const queryRunner = dataSource.createQueryRunner();
  try {
    await queryRunner.startTransaction();
    await queryRunner.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    const done = await new MigrationExecutor(dataSource, queryRunner).executePendingMigrations();
    if (done.length > 0) await queryRunner.query(`COMMENT ON TABLE ${migrationsTable} IS '${markOf(version)}'`);
    await queryRunner.commitTransaction();
    return done.map(({ name }) => name);
  } catch (error) {
    if (queryRunner.isTransactionActive) await queryRunner.rollbackTransaction();
    throw error;
  } finally {
    await queryRunner.release();
  }
}
