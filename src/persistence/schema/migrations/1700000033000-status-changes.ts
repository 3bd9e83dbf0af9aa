import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Since when an account has its status, and by whose act (SPEC §2). Of accounts that are there already neither is known. No index
 * has them, so that a cascade still rewrites none (ADR 9); and adding them rewrites no row.
 */
export class StatusChanges1700000033000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE account
        ADD COLUMN status_changed_at timestamptz(3),
        ADD COLUMN status_changed_by text COLLATE "C"`);
    // For new accounts only; the version before, which knows nothing of it, makes such too.
    await queryRunner.query(`ALTER TABLE account ALTER COLUMN status_changed_at SET DEFAULT now()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE account DROP COLUMN status_changed_at, DROP COLUMN status_changed_by`);
  }
}
