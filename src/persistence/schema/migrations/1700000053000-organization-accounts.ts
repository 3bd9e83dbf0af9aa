import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whether the transaction does not say that it keeps the lists by itself. */
const isKeptHere = `(current_setting('account_gateway.keeps', true) LIKE '%organization_accounts%') IS NOT TRUE`;

/**
 * The lists of organizations' accounts get a table of their own, so that a migration of a tree touches no index of `account` (ADR 47).
 * While it is filled, which takes one scan of the accounts, these can be neither read nor changed.
 *
 * The version before reads these lists from the accounts themselves, from now on without an index.
 */
export class OrganizationAccounts1700000053000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX account_of_organization_by_date, account_of_organization_by_name`);
    await queryRunner.query(`
      CREATE TABLE organization_account (
        organization_sid text COLLATE "C" NOT NULL,
        date_created     timestamptz(3) NOT NULL,
        account_sid      text COLLATE "C" NOT NULL,
        name_key         text COLLATE "C" NOT NULL
      )`);
    await queryRunner.query(
      `INSERT INTO organization_account (organization_sid, date_created, account_sid, name_key)
       SELECT organization_sid, date_created, sid, lower(friendly_name) FROM account`,
    );
    await queryRunner.query(
      `ALTER TABLE organization_account ADD CONSTRAINT organization_account_pk PRIMARY KEY (organization_sid, date_created, account_sid)`,
    );
    await queryRunner.query(`CREATE INDEX organization_account_by_name ON organization_account (organization_sid, name_key, account_sid)`);

    // With the rights of the owner, since a role of the version before may have none on the new table.
    await queryRunner.query(`
      CREATE FUNCTION keep_organization_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
      BEGIN
        IF TG_OP = 'INSERT' THEN
          INSERT INTO organization_account (organization_sid, date_created, account_sid, name_key)
          VALUES (NEW.organization_sid, NEW.date_created, NEW.sid, lower(NEW.friendly_name));
        ELSIF TG_OP = 'UPDATE' THEN
          UPDATE organization_account
          SET organization_sid = NEW.organization_sid, date_created = NEW.date_created, name_key = lower(NEW.friendly_name)
          WHERE organization_sid = OLD.organization_sid AND date_created = OLD.date_created AND account_sid = OLD.sid;
        ELSE
          DELETE FROM organization_account
          WHERE organization_sid = OLD.organization_sid AND date_created = OLD.date_created AND account_sid = OLD.sid;
        END IF;
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER account_organization_of_row AFTER INSERT OR DELETE ON account FOR EACH ROW
        WHEN (${isKeptHere}) EXECUTE FUNCTION keep_organization_account()`);
    await queryRunner.query(`
      CREATE TRIGGER account_organization_changed AFTER UPDATE OF organization_sid, date_created, friendly_name ON account FOR EACH ROW
        WHEN ((OLD.organization_sid, OLD.date_created, OLD.friendly_name) <> (NEW.organization_sid, NEW.date_created, NEW.friendly_name)
              AND ${isKeptHere})
        EXECUTE FUNCTION keep_organization_account()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TRIGGER account_organization_of_row ON account`);
    await queryRunner.query(`DROP TRIGGER account_organization_changed ON account`);
    await queryRunner.query(`DROP FUNCTION keep_organization_account`);
    await queryRunner.query(`DROP TABLE organization_account`);
    await queryRunner.query(`CREATE INDEX account_of_organization_by_date ON account (organization_sid, date_created, sid)`);
    await queryRunner.query(
      `CREATE INDEX account_of_organization_by_name ON account (organization_sid, (lower(friendly_name) COLLATE "C"), sid)`,
    );
  }
}
