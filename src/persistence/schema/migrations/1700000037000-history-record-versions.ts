import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The format of the record that an entry's hash covers: 2 has the SHA-256 of the request's ID instead of the ID. A gateway of the version
 * before writes format 1 and does not know the column; so 1 is the default.
 */
export class HistoryRecordVersions1700000037000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE history ADD record_version smallint NOT NULL DEFAULT 1`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE history DROP record_version`);
  }
}
