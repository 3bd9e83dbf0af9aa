import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Counts a tree by the index on paths, however many accounts there are besides. A path that comes from a joined row is no bound that PostgreSQL
 * can plan with: it expected a ninth of all accounts, and read all of them for each tree. What is counted stays the same, for the version
 * before too.
 */
export class CountsByIndex1700000061000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      countAccounts(`FROM account
          WHERE account.path >= (SELECT top.path FROM account AS top WHERE top.sid = tree)
            AND account.path < (
              SELECT top.path || CASE WHEN top.parent_sid IS NULL THEN '0' ELSE 'g' END FROM account AS top WHERE top.sid = tree
            )`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      countAccounts(`FROM account AS top JOIN account
            ON account.path >= top.path AND account.path < top.path || CASE WHEN top.parent_sid IS NULL THEN '0' ELSE 'g' END
          WHERE top.sid = tree`),
    );
  }
}

/** The function of the migration `AccountCounts`, with other accounts to count. */
const countAccounts = (ofTree: string): string => `
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
