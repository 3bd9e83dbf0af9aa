import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which of the AuthTokens that are kept are known to be random (SPEC §5, ADR 25). Named by their hashes: a gateway of the
 * version before sets and rotates tokens without this column, and what it says of a token then is said of that one no more.
 */
export class RandomAuthTokens1700000025000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE credential ADD random_token_hashes bytea[]`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE credential DROP random_token_hashes`);
  }
}
