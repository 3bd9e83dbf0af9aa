import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { expect, inject, it } from 'vitest';
import { Client } from 'pg';
import { inDatabase } from '../support/database-url.js';
import { emptyDatabase } from '../support/databases.js';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { spawnGateway } from '../support/gateway-process.js';
import { eventually } from '../support/patience.js';
import { ask, runGateway } from '../support/processes.js';

const folder = useGatewayFolder();

/** What a database is made of: its columns, indexes and constraints. */
const shape = `SELECT 'column' AS kind, concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) AS text
                 FROM information_schema.columns WHERE table_schema = 'public'
         UNION ALL SELECT 'index', indexdef || CASE WHEN pg_index.indisvalid THEN '' ELSE ' INVALID' END
                 FROM pg_indexes JOIN pg_index ON pg_index.indexrelid = to_regclass(indexname) WHERE schemaname = 'public'
         UNION ALL SELECT 'constraint', conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
         UNION ALL SELECT 'migration', name FROM migration ORDER BY 1, 2`;

it.each([
  ['the migrations', 'CREATE TABLE webhook (sid text)', `CREATE TABLE "?webhook"?`],
  ['the index that is built after them', 'CREATE TABLE later (sid text)', 'CREATE INDEX CONCURRENTLY'],
])('a gateway that is killed in the middle of %s leaves none by half: the next one has them all', async (_what, statement, waiting) => {
  const database = await emptyDatabase();
  folder.cleanUp(database.drop);
  const settings = { DATABASE_URL: database.url, CREDENTIALS_KEY: randomBytes(32).toString('hex') };
  const migrate = () => runGateway(folder.environment(settings), ['migrate']);

  // Another transaction that makes a table of the same name, or is older than the index, has the migration wait at that place.
  const inTheWay = new Client({ connectionString: database.url });
  await inTheWay.connect();
  await inTheWay.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await inTheWay.query(statement);
  const { child } = spawnGateway(folder.environment(settings), ['migrate']);
  const ended = once(child, 'exit');
  await eventually(async () => {
    const waits = await ask(
      database.url,
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ '${waiting}'`,
    );
    expect(waits).toHaveLength(1);
  });
  child.kill('SIGKILL');
  await ended;
  await inTheWay.query('ROLLBACK');
  await inTheWay.end();

  expect(await migrate()).toMatchObject({ code: 0, mistakes: [] });
  expect(await migrate()).toMatchObject({ code: 0, output: 'Nothing to do: all migrations had already run.\n' });
  expect(await ask(database.url, shape)).toEqual(await ask(inDatabase(inject('serverUrl'), inject('template')), shape));
  const verified = await runGateway(folder.environment(settings), ['verify-history']);
  expect(verified).toMatchObject({ code: 0, output: expect.stringContaining('The history is sound') });
});
