import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The results of requests that clients may repeat (SPEC §2). */
export class Idempotency1700000003000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE idempotency_key (
        account_sid  text COLLATE "C" NOT NULL,
        key          text COLLATE "C" NOT NULL,
        request_hash bytea NOT NULL,
        result       text NOT NULL,
        date_created timestamptz(3) NOT NULL DEFAULT now(),
        CONSTRAINT idempotency_key_pk PRIMARY KEY (account_sid, key)
      )`);
    await queryRunner.query(`CREATE INDEX idempotency_key_by_date ON idempotency_key (date_created)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE idempotency_key`);
  }
}
