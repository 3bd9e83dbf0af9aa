import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which accounts each cascade reached, in parts of at most 400 (SPEC §7, ADR 48): rows that never change. Cascades of the version before
 * have none.
 */
export class CascadeParts1700000054000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE cascade_part (
        tree_sid   text COLLATE "C" NOT NULL,
        position   integer NOT NULL,
        part       integer NOT NULL,
        first_path text COLLATE "C" NOT NULL,
        last_path  text COLLATE "C" NOT NULL,
        sids       bytea NOT NULL,
        CONSTRAINT cascade_part_pk PRIMARY KEY (tree_sid, position, part),
        CONSTRAINT cascade_part_counted CHECK (part > 0),
        CONSTRAINT cascade_part_in_order CHECK (first_path <= last_path),
        CONSTRAINT cascade_part_whole CHECK (octet_length(sids) BETWEEN 16 AND 6400 AND octet_length(sids) % 16 = 0)
      )`);
    // Random bytes cannot be compressed.
    await queryRunner.query(`ALTER TABLE cascade_part ALTER sids SET STORAGE EXTERNAL`);
    await queryRunner.query(`
      CREATE FUNCTION refuse_change_of_cascade_part() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'Parts of cascades never change.' USING ERRCODE = 'restrict_violation';
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER cascade_part_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON cascade_part
        EXECUTE FUNCTION refuse_change_of_cascade_part()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE cascade_part`);
    await queryRunner.query(`DROP FUNCTION refuse_change_of_cascade_part`);
  }
}
