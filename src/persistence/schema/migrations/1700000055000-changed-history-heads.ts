import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * By the dates of the heads, whoever waits for new entries finds the chains that have some (ADR 48). A BRIN index only knows which pages
 * have which dates, so since PostgreSQL 16 it does not keep a head's new version from standing beside the old one, and half of each page is
 * left free for that. A b-tree would get an entry for each change, and so would the primary key.
 */
export class ChangedHistoryHeads1700000055000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE history_head SET (fillfactor = 50)`);
    await queryRunner.query(
      `CREATE INDEX history_head_changed ON history_head USING brin (date) WITH (pages_per_range = 4, autosummarize = on)`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX history_head_changed`);
    await queryRunner.query(`ALTER TABLE history_head RESET (fillfactor)`);
  }
}
