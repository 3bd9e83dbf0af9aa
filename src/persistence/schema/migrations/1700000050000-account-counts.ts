import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How many accounts each tree has, by status, role and type, at the head of its history (SPEC §12); and trigrams, by which texts are
 * found. Transactions that say `account_gateway.keeps` = 'counts' keep the counts themselves. For all others, as those of the version
 * before, a trigger counts the tree anew when its head changes. It runs after the head was locked, and sees all that was committed
 * until then, so it misses no account.
 */
export class AccountCounts1700000050000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE EXTENSION IF NOT EXISTS pg_trgm`);
    await queryRunner.query(`ALTER TABLE history_head ADD counts integer[]`);
    await queryRunner.query(countAccounts(joinedTree));
    await queryRunner.query(`
      CREATE FUNCTION count_accounts_of_head() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          NEW.counts := count_accounts(NEW.tree_sid);
          RETURN NEW;
        END
      $$`);
    await queryRunner.query(`
      CREATE TRIGGER history_head_counted BEFORE INSERT OR UPDATE ON history_head FOR EACH ROW
      WHEN (current_setting('account_gateway.keeps', true) IS DISTINCT FROM 'counts')
      EXECUTE FUNCTION count_accounts_of_head()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TRIGGER history_head_counted ON history_head`);
    await queryRunner.query(`DROP FUNCTION count_accounts_of_head, count_accounts`);
    await queryRunner.query(`DROP INDEX IF EXISTS account_text`);
    await queryRunner.query(`ALTER TABLE history_head DROP counts`);
  }
}

/** The accounts of the tree, as the account `top` with its SID and everything below it. The path tells the tree: the root's own has the root alone. */
export const joinedTree = `
  FROM account AS top JOIN account
    ON account.path >= top.path AND account.path < top.path || CASE WHEN top.parent_sid IS NULL THEN '0' ELSE 'g' END
  WHERE top.sid = tree`;

/** The function that counts the accounts of a tree, which are found as the SQL says. The place of a count follows from status, role and type. */
export const countAccounts = (ofTree: string): string => `
  CREATE OR REPLACE FUNCTION count_accounts(tree text) RETURNS integer[] LANGUAGE sql VOLATILE AS $$
    SELECT array_agg(coalesce(counted.count, 0) ORDER BY place)
    FROM generate_series(1, 24) AS place
    LEFT JOIN (
      SELECT (array_position(ARRAY['uninitialized', 'active', 'suspended', 'closed'], account.status) - 1) * 6
           + (array_position(ARRAY['Administrator', 'Developer', 'ProvisioningAgent'], account.role) - 1) * 2
           + array_position(ARRAY['Full', 'Trial'], account.type) AS place, count(*)::integer AS count
      ${ofTree}
      GROUP BY 1
    ) AS counted USING (place)
  $$`;
