import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Organizations, the tree of accounts, and credentials (SPEC §2, §5). */
export class Accounts1700000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE organization (
        sid          text COLLATE "C" NOT NULL,
        domain_name  text COLLATE "C" NOT NULL,
        status       text NOT NULL,
        date_created timestamptz(3) NOT NULL DEFAULT now(),
        date_updated timestamptz(3) NOT NULL DEFAULT now(),
        CONSTRAINT organization_pk PRIMARY KEY (sid),
        CONSTRAINT organization_status_known CHECK (status IN ('active', 'closed')),
        CONSTRAINT organization_domain_name_lower CHECK (domain_name = lower(domain_name))
      )`);
    await queryRunner.query(`CREATE UNIQUE INDEX organization_domain_name ON organization (domain_name)`);
    await queryRunner.query(`CREATE INDEX organization_by_date ON organization (date_created, sid)`);

    // No index mentions the status, and half of each page is left free. So PostgreSQL can write the new version of a row beside the
    // old one (a heap-only tuple) when the status changes, instead of adding it to every index. To suspend 100,000 accounts takes a
    // tenth of the time (ADR 9).
    await queryRunner.query(`
      CREATE TABLE account (
        sid              text COLLATE "C" NOT NULL,
        parent_sid       text COLLATE "C",
        top_level_sid    text COLLATE "C" NOT NULL,
        path             text COLLATE "C" NOT NULL,
        organization_sid text COLLATE "C" NOT NULL,
        email_address    text COLLATE "C" NOT NULL,
        open_email_address text COLLATE "C" GENERATED ALWAYS AS (CASE WHEN status <> 'closed' THEN email_address END) STORED,
        friendly_name    text NOT NULL,
        type             text NOT NULL,
        status           text NOT NULL,
        role             text NOT NULL,
        date_created     timestamptz(3) NOT NULL DEFAULT now(),
        date_updated     timestamptz(3) NOT NULL DEFAULT now(),
        version          integer NOT NULL DEFAULT 1,
        CONSTRAINT account_pk PRIMARY KEY (sid),
        CONSTRAINT account_parent_fk FOREIGN KEY (parent_sid) REFERENCES account (sid),
        CONSTRAINT account_top_level_fk FOREIGN KEY (top_level_sid) REFERENCES account (sid),
        CONSTRAINT account_organization_fk FOREIGN KEY (organization_sid) REFERENCES organization (sid),
        CONSTRAINT account_type_known CHECK (type IN ('Full', 'Trial')),
        CONSTRAINT account_status_known CHECK (status IN ('uninitialized', 'active', 'suspended', 'closed')),
        CONSTRAINT account_role_known CHECK (role IN ('Administrator', 'Developer', 'ProvisioningAgent')),
        CONSTRAINT account_email_address_lower CHECK (email_address = lower(email_address)),
        CONSTRAINT account_root_active CHECK (parent_sid IS NOT NULL OR status = 'active'),
        CONSTRAINT account_path_ends_with_sid CHECK (right(path, 32) = substr(sid, 3)),
        CONSTRAINT account_path_leads_through_parent CHECK (
          CASE WHEN parent_sid IS NULL THEN length(path) = 32 ELSE length(path) >= 64 AND parent_sid = 'AC' || left(right(path, 64), 32) END
        ),
        CONSTRAINT account_path_leads_through_top_level CHECK (
          top_level_sid = 'AC' || CASE WHEN length(path) = 32 THEN path ELSE substr(path, 33, 32) END
        )
      ) WITH (fillfactor = 50)`);
    await queryRunner.query(`CREATE UNIQUE INDEX account_one_root ON account ((true)) WHERE parent_sid IS NULL`);
    await queryRunner.query(`CREATE UNIQUE INDEX account_open_email_address ON account (open_email_address)`);
    await queryRunner.query(`CREATE UNIQUE INDEX account_path ON account (path)`);
    await queryRunner.query(`CREATE INDEX account_children_by_date ON account (parent_sid, date_created, sid)`);
    await queryRunner.query(`CREATE INDEX account_children_by_name ON account (parent_sid, (lower(friendly_name) COLLATE "C"), sid)`);
    await queryRunner.query(`CREATE INDEX account_of_organization_by_date ON account (organization_sid, date_created, sid)`);
    await queryRunner.query(
      `CREATE INDEX account_of_organization_by_name ON account (organization_sid, (lower(friendly_name) COLLATE "C"), sid)`,
    );

    await queryRunner.query(`
      CREATE TABLE credential (
        account_sid               text COLLATE "C" NOT NULL,
        password_hash             text NOT NULL,
        token_ciphertext          bytea NOT NULL,
        token_hash                bytea NOT NULL,
        previous_token_hash       bytea,
        previous_token_expires_at timestamptz(3),
        CONSTRAINT credential_pk PRIMARY KEY (account_sid),
        CONSTRAINT credential_account_fk FOREIGN KEY (account_sid) REFERENCES account (sid)
      )`);
    await queryRunner.query(`
      CREATE TABLE password_reset_token (
        token_hash  bytea NOT NULL,
        account_sid text COLLATE "C" NOT NULL,
        expires_at  timestamptz(3) NOT NULL,
        CONSTRAINT password_reset_token_pk PRIMARY KEY (token_hash),
        CONSTRAINT password_reset_token_account_fk FOREIGN KEY (account_sid) REFERENCES account (sid)
      )`);
    await queryRunner.query(`CREATE INDEX password_reset_token_of_account ON password_reset_token (account_sid)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE password_reset_token, credential, account, organization`);
  }
}
