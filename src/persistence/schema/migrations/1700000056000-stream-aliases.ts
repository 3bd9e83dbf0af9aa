import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whoever is told of events below a top-level account must not learn that account's SID, so each chain gets an alias for them: random, and
 * the same for good (ADR 50). The table is written anew, which takes some milliseconds for a thousand trees.
 */
export class StreamAliases1700000056000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE history_head ADD COLUMN alias uuid NOT NULL DEFAULT gen_random_uuid()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE history_head DROP COLUMN alias`);
  }
}
