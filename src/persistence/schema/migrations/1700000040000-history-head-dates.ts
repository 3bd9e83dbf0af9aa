import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When each chain was added to last. The statement that appends an entry takes the date for the row and for the hash from here. */
export class HistoryHeadDates1700000040000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE history_head ADD date timestamptz(3)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE history_head DROP date`);
  }
}
