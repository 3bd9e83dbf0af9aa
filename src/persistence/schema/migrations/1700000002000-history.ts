import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The history of changes, chained by hash for each tree (SPEC §7), and since when an account has its AuthToken. */
export class History1700000002000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE history (
        tree_sid    text COLLATE "C" NOT NULL,
        position    integer NOT NULL,
        date        timestamptz(3) NOT NULL,
        actor_sid   text COLLATE "C",
        operation   text NOT NULL,
        subject_sid text COLLATE "C" NOT NULL,
        request_id  text,
        before      text,
        after       text,
        hash        text NOT NULL,
        CONSTRAINT history_pk PRIMARY KEY (tree_sid, position),
        CONSTRAINT history_position_counted CHECK (position > 0),
        CONSTRAINT history_date_finite CHECK (isfinite(date))
      )`);
    await queryRunner.query(`CREATE INDEX history_of_subject ON history (subject_sid, position)`);
    await queryRunner.query(
      `CREATE INDEX history_of_cascades ON history (subject_sid, position) WHERE operation IN ('setAccountStatus', 'closeAccount', 'migrateAccount')`,
    );
    await queryRunner.query(
      `CREATE INDEX history_of_token_readers ON history (subject_sid, actor_sid, position) WHERE operation = 'readAuthToken'`,
    );
    await queryRunner.query(`
      CREATE TABLE history_head (
        tree_sid text COLLATE "C" NOT NULL,
        position integer NOT NULL,
        hash     text NOT NULL,
        CONSTRAINT history_head_pk PRIMARY KEY (tree_sid)
      )`);
    await queryRunner.query(`ALTER TABLE credential ADD token_date timestamptz(3) NOT NULL DEFAULT now()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE credential DROP token_date`);
    await queryRunner.query(`DROP TABLE history, history_head`);
  }
}
