import { Client } from 'pg';
import { expect, it } from 'vitest';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { migrate } from '../../src/persistence/schema/migrate.js';
import { emptyDatabase } from '../support/databases.js';

it('migrations that meet a deadlock with a change are tried again', async () => {
  const database = await emptyDatabase();
  const change = new Client({ connectionString: database.url });
  await change.connect();
  // The change makes the migrations wait, and then waits for them. PostgreSQL ends whoever looks for deadlocks first: the migrations.
  await change.query(`SET deadlock_timeout = '1h'; BEGIN; CREATE TABLE webhook (sid text)`);
  const waiting = change.query(`DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database WHERE locktype = 'advisory' AND datname = current_database())
    LOOP PERFORM pg_sleep(0.01); END LOOP;
    PERFORM pg_advisory_xact_lock(x'41474d31'::bigint);
  END $$`);
  const dataSource = await createDataSource({ url: database.url, poolSize: 3 }).initialize();
  const migrating = migrate(dataSource);
  await waiting;
  await change.query('ROLLBACK');
  expect(await migrating).toHaveLength(dataSource.migrations.length);
  await change.end();
  await dataSource.destroy();
  await database.drop();
});
