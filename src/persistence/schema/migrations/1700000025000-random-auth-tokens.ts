import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which of an account's AuthTokens are known to be random (SPEC §5, ADR 25), by their hashes. A gateway of the version before sets
 * and rotates tokens without this column; a hash that it leaves here then matches no token.
 */
export class RandomAuthTokens1700000025000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE credential ADD random_token_hashes bytea[]`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE credential DROP random_token_hashes`);
  }
}
