import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The history has one entry for each reader and list of AuthTokens in a clock hour (SPEC §4, ADR 35). */
export class TokenLists1700000035000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `CREATE UNIQUE INDEX history_of_token_lists ON history (subject_sid, actor_sid, (date_trunc('hour', date AT TIME ZONE 'UTC')))
       WHERE operation = 'listAuthTokens'`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX history_of_token_lists`);
  }
}
