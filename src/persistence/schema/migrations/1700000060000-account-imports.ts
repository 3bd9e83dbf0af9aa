import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whether a root that is to be active may also be uninitialized. Checked afterwards, while accounts are read and changed. */
const rootMayBe = (condition: string): string[] => [
  `ALTER TABLE account DROP CONSTRAINT account_root_active`,
  `ALTER TABLE account ADD CONSTRAINT account_root_active CHECK (parent_sid IS NOT NULL OR ${condition}) NOT VALID`,
  `ALTER TABLE account VALIDATE CONSTRAINT account_root_active`,
];

/**
 * Rows of an import, before they are taken over (SPEC §11, ADR 55). And the root may be uninitialized, as an imported one is that nobody has
 * used: it becomes active with its password.
 */
export class AccountImports1700000060000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE account_import (
        id            text COLLATE "C" NOT NULL,
        key_id        bytea NOT NULL,
        date_created  timestamptz(3) NOT NULL DEFAULT now(),
        date_finished timestamptz(3),
        CONSTRAINT account_import_pk PRIMARY KEY (id)
      )`);
    await queryRunner.query(`
      CREATE TABLE account_import_row (
        import_id text COLLATE "C" NOT NULL,
        number    integer NOT NULL,
        kind      text COLLATE "C" NOT NULL,
        content   json NOT NULL,
        CONSTRAINT account_import_row_pk PRIMARY KEY (import_id, number)
      )`);
    for (const statement of rootMayBe(`status IN ('active', 'uninitialized')`)) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const statement of rootMayBe(`status = 'active'`)) await queryRunner.query(statement);
    await queryRunner.query(`DROP TABLE account_import, account_import_row`);
  }
}
