import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Endpoints that are told of events, how far each is, and what came of each delivery (SPEC §7, ADR 51). */
export class Webhooks1700000057000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE webhook (
        sid                        text COLLATE "C" NOT NULL CONSTRAINT webhook_pk PRIMARY KEY,
        account_sid                text COLLATE "C" NOT NULL CONSTRAINT webhook_account_fk REFERENCES account (sid),
        tree_sid                   text COLLATE "C" NOT NULL,
        is_of_root                 boolean NOT NULL,
        url                        text NOT NULL,
        description                text NOT NULL,
        types                      text[],
        state                      text NOT NULL DEFAULT 'enabled',
        state_reason               text,
        state_changed_at           timestamp(3) with time zone NOT NULL DEFAULT now(),
        secret                     bytea NOT NULL,
        previous_secret            bytea,
        previous_secret_expires_at timestamp(3) with time zone,
        date_created               timestamp(3) with time zone NOT NULL DEFAULT now(),
        date_updated               timestamp(3) with time zone NOT NULL DEFAULT now(),
        version                    integer NOT NULL DEFAULT 1,
        CONSTRAINT webhook_state_known CHECK (state IN ('enabled', 'disabled', 'paused')),
        CONSTRAINT webhook_previous_secret_whole CHECK ((previous_secret IS NULL) = (previous_secret_expires_at IS NULL))
      )`);
    await queryRunner.query(`CREATE INDEX webhook_of_account ON webhook (account_sid)`);

    // Each delivery changes its row twice, so pages have room for new versions of their rows.
    await queryRunner.query(`
      CREATE TABLE webhook_place (
        webhook_sid   text COLLATE "C" NOT NULL CONSTRAINT webhook_place_webhook_fk REFERENCES webhook (sid) ON DELETE CASCADE,
        tree_sid      text COLLATE "C" NOT NULL,
        position      integer NOT NULL,
        part          integer NOT NULL,
        latest        integer NOT NULL,
        due_at        timestamp(3) with time zone,
        lease         uuid,
        failures      integer NOT NULL DEFAULT 0,
        failing_since timestamp(3) with time zone,
        CONSTRAINT webhook_place_pk PRIMARY KEY (webhook_sid, tree_sid)
      ) WITH (fillfactor = 70)`);
    await queryRunner.query(`CREATE INDEX webhook_place_of_tree ON webhook_place (tree_sid, latest)`);
    await queryRunner.query(`CREATE INDEX webhook_place_due ON webhook_place (due_at) WHERE due_at IS NOT NULL`);

    await queryRunner.query(`
      CREATE TABLE webhook_attempt (
        id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT webhook_attempt_pk PRIMARY KEY,
        webhook_sid  text COLLATE "C" NOT NULL,
        event_id     text NOT NULL,
        event_type   text NOT NULL,
        date         timestamp(3) with time zone NOT NULL DEFAULT now(),
        status       integer,
        milliseconds integer NOT NULL,
        answer       text NOT NULL,
        failure      text
      )`);
    await queryRunner.query(`CREATE INDEX webhook_attempt_of_webhook ON webhook_attempt (webhook_sid, id)`);
    await queryRunner.query(`CREATE INDEX webhook_attempt_by_date ON webhook_attempt (date)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE webhook_attempt, webhook_place, webhook`);
  }
}
