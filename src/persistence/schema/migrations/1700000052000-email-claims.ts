import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whether the transaction does not say that it keeps the claims by itself. */
const isKeptHere = `(current_setting('account_gateway.keeps', true) LIKE '%email_claims%') IS NOT TRUE`;

/** The trigger that counts accounts, under a condition. */
const countingWhen = (condition: string): string => `
  CREATE OR REPLACE TRIGGER history_head_counted BEFORE INSERT OR UPDATE ON history_head FOR EACH ROW
    WHEN (${condition}) EXECUTE FUNCTION count_accounts_of_head()`;

/**
 * The e-mail addresses of accounts that are not closed get a table of their own, so that closing touches no index of `account`
 * (ADR 47). While it is filled, which takes one scan of the accounts, these can be neither read nor changed.
 *
 * The version before looks addresses up in `open_email_address`. That was computed from the status, so closing changed it, and with it
 * every index. It stays as an ordinary column that is unique as before, and closing leaves it as it is: until the address is
 * used again, the version before still finds the closed account by it.
 *
 * What a transaction keeps by itself becomes a list, in which counts are one word.
 */
export class EmailClaims1700000052000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE account ALTER open_email_address DROP EXPRESSION`);
    await queryRunner.query(`
      CREATE TABLE email_claim (
        email_address text COLLATE "C" NOT NULL,
        account_sid   text COLLATE "C" NOT NULL
      )`);
    await queryRunner.query(
      `INSERT INTO email_claim (email_address, account_sid) SELECT email_address, sid FROM account WHERE status <> 'closed'`,
    );
    await queryRunner.query(`ALTER TABLE email_claim ADD CONSTRAINT email_claim_pk PRIMARY KEY (email_address)`);

    // With the rights of the owner, since a role of the version before may have none on the new table.
    await queryRunner.query(`
      CREATE FUNCTION keep_email_claim() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
      BEGIN
        IF TG_OP <> 'INSERT' THEN
          DELETE FROM email_claim WHERE email_address = OLD.email_address AND account_sid = OLD.sid;
        END IF;
        IF TG_OP <> 'DELETE' THEN
          INSERT INTO email_claim (email_address, account_sid) SELECT NEW.email_address, NEW.sid WHERE NEW.status <> 'closed';
        END IF;
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER account_email_claim_of_row AFTER INSERT OR DELETE ON account FOR EACH ROW
        WHEN (${isKeptHere}) EXECUTE FUNCTION keep_email_claim()`);
    await queryRunner.query(`
      CREATE TRIGGER account_email_claim_changed AFTER UPDATE OF email_address, status ON account FOR EACH ROW
        WHEN ((OLD.email_address <> NEW.email_address OR (OLD.status = 'closed') <> (NEW.status = 'closed')) AND ${isKeptHere})
        EXECUTE FUNCTION keep_email_claim()`);

    await queryRunner.query(countingWhen(`(current_setting('account_gateway.keeps', true) LIKE '%counts%') IS NOT TRUE`));

    // For the version before, whoever writes.
    await queryRunner.query(`
      CREATE FUNCTION fill_open_email_address() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE account SET open_email_address = NULL WHERE open_email_address = NEW.email_address AND status = 'closed';
        NEW.open_email_address := NEW.email_address;
        RETURN NEW;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER account_open_email_address_of_row BEFORE INSERT ON account FOR EACH ROW
        WHEN (NEW.status <> 'closed') EXECUTE FUNCTION fill_open_email_address()`);
    await queryRunner.query(`
      CREATE TRIGGER account_open_email_address_changed BEFORE UPDATE OF email_address ON account FOR EACH ROW
        WHEN (OLD.email_address <> NEW.email_address) EXECUTE FUNCTION fill_open_email_address()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(countingWhen(`current_setting('account_gateway.keeps', true) IS DISTINCT FROM 'counts'`));
    await queryRunner.query(`DROP TRIGGER account_open_email_address_of_row ON account`);
    await queryRunner.query(`DROP TRIGGER account_open_email_address_changed ON account`);
    await queryRunner.query(`DROP TRIGGER account_email_claim_of_row ON account`);
    await queryRunner.query(`DROP TRIGGER account_email_claim_changed ON account`);
    await queryRunner.query(`DROP FUNCTION fill_open_email_address, keep_email_claim`);
    await queryRunner.query(`DROP TABLE email_claim`);
    await queryRunner.query(`
      ALTER TABLE account DROP COLUMN open_email_address,
        ADD COLUMN open_email_address text COLLATE "C" GENERATED ALWAYS AS (CASE WHEN status <> 'closed' THEN email_address END) STORED`);
    await queryRunner.query(`CREATE UNIQUE INDEX account_open_email_address ON account (open_email_address)`);
  }
}
