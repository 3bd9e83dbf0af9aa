import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the services behind the subresources are told to remove of closed accounts (SPEC §6, ADR 53). What was closed before is not: each tree
 * begins at the present end of its history.
 */
export class ResourceRemovals1700000058000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE removal_place (
        tree_sid text COLLATE "C" NOT NULL CONSTRAINT removal_place_pk PRIMARY KEY,
        position integer NOT NULL
      )`);
    await queryRunner.query(`INSERT INTO removal_place (tree_sid, position) SELECT tree_sid, position FROM history_head`);
    await queryRunner.query(`
      CREATE TABLE resource_removal (
        tree_sid      text COLLATE "C" NOT NULL,
        position      integer NOT NULL,
        subresource   text COLLATE "C" NOT NULL,
        part          integer NOT NULL DEFAULT 1,
        removed       integer NOT NULL DEFAULT 0,
        state         text NOT NULL DEFAULT 'pending',
        due_at        timestamp(3) with time zone,
        lease         uuid,
        failures      integer NOT NULL DEFAULT 0,
        failing_since timestamp(3) with time zone,
        last_failure  text,
        date_created  timestamp(3) with time zone NOT NULL DEFAULT now(),
        date_updated  timestamp(3) with time zone NOT NULL DEFAULT now(),
        CONSTRAINT resource_removal_pk PRIMARY KEY (tree_sid, position, subresource),
        CONSTRAINT resource_removal_state_known CHECK (state IN ('pending', 'done', 'unsupported', 'failed'))
      )`);
    await queryRunner.query(`CREATE INDEX resource_removal_due ON resource_removal (due_at) WHERE due_at IS NOT NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE resource_removal, removal_place`);
  }
}
