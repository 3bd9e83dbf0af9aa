import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The domain name of a closed organization can be used again. The unique index keeps its name, by which the version before knows what a
 * violation means. The other index is for lists by name.
 */
export class NamesOfClosedOrganizations1700000035100 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX organization_domain_name`);
    await queryRunner.query(`CREATE UNIQUE INDEX organization_domain_name ON organization (domain_name) WHERE status <> 'closed'`);
    await queryRunner.query(`CREATE INDEX organization_by_name ON organization (domain_name, sid)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX organization_by_name`);
    await queryRunner.query(`DROP INDEX organization_domain_name`);
    await queryRunner.query(`CREATE UNIQUE INDEX organization_domain_name ON organization (domain_name)`);
  }
}
