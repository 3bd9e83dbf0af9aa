import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The places of an endpoint that are due are found by an index (ADR 51), failing ones by one of their own: a place is in one of the two. The
 * version before, which sorts all that are due, reads the whole table for that.
 */
export class DuePlaces1700000059000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX webhook_place_due`);
    await queryRunner.query(
      `CREATE INDEX webhook_place_next ON webhook_place (webhook_sid, due_at) WHERE due_at IS NOT NULL AND failures = 0`,
    );
    await queryRunner.query(
      `CREATE INDEX webhook_place_retry ON webhook_place (webhook_sid, due_at) WHERE due_at IS NOT NULL AND failures > 0`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX webhook_place_next, webhook_place_retry`);
    await queryRunner.query(`CREATE INDEX webhook_place_due ON webhook_place (due_at) WHERE due_at IS NOT NULL`);
  }
}
