import type { DataSource, QueryRunner } from 'typeorm';

/** An arbitrary number that nothing else locks; migrate.ts has another one. */
const onlineLock = 0x41_47_4d_33;

/** The index by which texts are found. Its statement is the same expression as that of `account-list-repository.ts`. */
const textIndex = 'account_text';

/**
 * What a large installation needs after the migrations, but would not survive inside their transaction: it takes minutes with
 * millions of accounts. Meanwhile instances of this version and the one before serve; they only find texts, and count, more slowly.
 * Each step finds out by itself whether it is needed, and goes on where one that was killed left it.
 *
 * One instance at a time does this, and the others serve at once: two that build an index of one table wait for each other, which
 * PostgreSQL ends as a deadlock. The lock is a transaction's, so it works behind a pooler. An index is not built inside a transaction,
 * so another connection holds it, in a transaction that sees nothing between its statements: the index waits for all that do.
 */
export async function runOnlineSteps(dataSource: DataSource): Promise<void> {
  const [guard, queryRunner] = [dataSource.createQueryRunner(), dataSource.createQueryRunner()];
  try {
    await guard.startTransaction('READ COMMITTED');
    // Without parameters: a statement that has some sees what it saw until the next one.
    const [{ isAlone }] = await guard.query(`SELECT pg_try_advisory_xact_lock(${onlineLock}) AS "isAlone"`);
    if (isAlone) {
      await buildTextIndex(queryRunner);
      await countTrees(queryRunner);
    }
  } finally {
    if (guard.isTransactionActive) await guard.rollbackTransaction();
    await guard.release();
    await queryRunner.release();
  }
}

async function buildTextIndex(queryRunner: QueryRunner): Promise<void> {
  const [index] = (await queryRunner.query(
    `SELECT pg_index.indisvalid AS "isValid" FROM pg_index WHERE pg_index.indexrelid = to_regclass($1)`,
    [textIndex],
  )) as { isValid: boolean }[];
  if (index?.isValid) return;
  // Whoever began to build it was killed.
  if (index !== undefined) await queryRunner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${textIndex}`);
  // A short list of entries that are not sorted in yet, since every search reads all of it.
  await queryRunner.query(
    `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${textIndex} ON account
     USING gin ((friendly_name || E'\\n' || email_address COLLATE "default") gin_trgm_ops) WITH (gin_pending_list_limit = 256)`,
  );
  await queryRunner.query(`ALTER INDEX ${textIndex} ALTER COLUMN 1 SET STATISTICS 500`);
}

/** A change of a head makes its trigger count, tree by tree: changes of a tree wait for its own count only. */
async function countTrees(queryRunner: QueryRunner): Promise<void> {
  const uncounted = (await queryRunner.query(
    `SELECT head.tree_sid AS sid FROM history_head AS head WHERE head.counts IS NULL ORDER BY head.tree_sid`,
  )) as { sid: string }[];
  for (const { sid } of uncounted) {
    await queryRunner.query(`UPDATE history_head SET counts = NULL WHERE history_head.tree_sid = $1 AND history_head.counts IS NULL`, [
      sid,
    ]);
  }
}
