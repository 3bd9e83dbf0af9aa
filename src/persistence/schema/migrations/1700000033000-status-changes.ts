import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Since when an account has its status, and which account changed it (SPEC §2). For existing accounts neither is known. The columns are
 * in no index, so that a cascade still changes no index (ADR 9). To add them rewrites no row.
 */
export class StatusChanges1700000033000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE account
        ADD COLUMN status_changed_at timestamptz(3),
        ADD COLUMN status_changed_by text COLLATE "C"`);
    // For new accounts only. The version before, which does not know the column, creates accounts too.
    await queryRunner.query(`ALTER TABLE account ALTER COLUMN status_changed_at SET DEFAULT now()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE account DROP COLUMN status_changed_at, DROP COLUMN status_changed_by`);
  }
}
