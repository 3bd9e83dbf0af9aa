import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The failed sign-ins that the limits count (SPEC §5). */
export class SignInFailures1700000004000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE sign_in_failure (
        subject     text COLLATE "C" NOT NULL,
        address     text COLLATE "C" NOT NULL,
        failures    integer NOT NULL,
        window_ends timestamptz(3) NOT NULL,
        CONSTRAINT sign_in_failure_pk PRIMARY KEY (subject, address)
      )`);
    await queryRunner.query(`CREATE INDEX sign_in_failure_by_end ON sign_in_failure (window_ends)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE sign_in_failure`);
  }
}
