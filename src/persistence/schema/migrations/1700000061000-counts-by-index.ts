import type { MigrationInterface, QueryRunner } from 'typeorm';
import { countAccounts, joinedTree } from './1700000050000-account-counts.js';

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
    await queryRunner.query(countAccounts(joinedTree));
  }
}
