import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How often each tree asked for an e-mail address of an account that is out of its sight (ADR 26). */
export class EmailConflicts1700000026000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE email_conflict (
        tree_sid    text COLLATE "C" NOT NULL,
        conflicts   integer NOT NULL,
        window_ends timestamptz(3) NOT NULL,
        CONSTRAINT email_conflict_pk PRIMARY KEY (tree_sid)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE email_conflict`);
  }
}
