import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How the record of an entry is written that its hash is over: 2 has the SHA-256 of the request's ID instead of the ID. A gateway of
 * the version before goes on writing 1, which is what its entries are without a word of it.
 */
export class HistoryRecordVersions1700000037000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE history ADD record_version smallint NOT NULL DEFAULT 1`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE history DROP record_version`);
  }
}
