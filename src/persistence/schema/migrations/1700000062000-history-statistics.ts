import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Tells PostgreSQL that an account has its whole history in one tree. It took the two for independent, expected a few entries where there were
 * thousands, and read and sorted them all for one page.
 */
export class HistoryStatistics1700000062000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE STATISTICS history_tree_of_subject (dependencies) ON tree_sid, subject_sid FROM history`);
    // It reads a sample, however long the history is.
    await queryRunner.query(`ANALYZE history`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP STATISTICS history_tree_of_subject`);
  }
}
