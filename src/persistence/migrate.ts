import { type DataSource, MigrationExecutor } from 'typeorm';

/** Any number that no one else locks; `psql` shows it in pg_locks while a migration runs. */
const migrationLock = 0x41_47_4d_31;

/**
 * Brings the schema up to date, in one transaction. Instances that start at once wait for each other here, and all but
 * the first find nothing to do. The lock belongs to the transaction, not to the session, so it works behind a pooler.
 */
export async function migrate(dataSource: DataSource): Promise<void> {
  const queryRunner = dataSource.createQueryRunner();
  try {
    await queryRunner.startTransaction();
    await queryRunner.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    await new MigrationExecutor(dataSource, queryRunner).executePendingMigrations();
    await queryRunner.commitTransaction();
  } catch (error) {
    if (queryRunner.isTransactionActive) await queryRunner.rollbackTransaction();
    throw error;
  } finally {
    await queryRunner.release();
  }
}
