import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The constraints on paths compare bytes instead of counting characters (ADR 23), since they are evaluated for every account that a
 * cascade changes. While the table is altered, which takes one scan of it, accounts can be neither read nor changed.
 */
export class ConstraintsByBytes1700000005000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE account
        DROP CONSTRAINT account_path_ends_with_sid,
        DROP CONSTRAINT account_path_leads_through_parent,
        DROP CONSTRAINT account_path_leads_through_top_level,
        ADD CONSTRAINT account_path_leads_through_parent CHECK (
          octet_length(sid) = 34 AND
          CASE WHEN parent_sid IS NULL THEN path = substr(sid, 3) ELSE path LIKE '%' || substr(parent_sid, 3) || substr(sid, 3) END
        ),
        ADD CONSTRAINT account_path_leads_through_top_level CHECK (
          top_level_sid = 'AC' || CASE WHEN octet_length(path) = 32 THEN path ELSE substr(path, 33, 32) END
        )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE account
        DROP CONSTRAINT account_path_leads_through_parent,
        DROP CONSTRAINT account_path_leads_through_top_level,
        ADD CONSTRAINT account_path_ends_with_sid CHECK (right(path, 32) = substr(sid, 3)),
        ADD CONSTRAINT account_path_leads_through_parent CHECK (
          CASE WHEN parent_sid IS NULL THEN length(path) = 32 ELSE length(path) >= 64 AND parent_sid = 'AC' || left(right(path, 64), 32) END
        ),
        ADD CONSTRAINT account_path_leads_through_top_level CHECK (
          top_level_sid = 'AC' || CASE WHEN length(path) = 32 THEN path ELSE substr(path, 33, 32) END
        )`);
  }
}
