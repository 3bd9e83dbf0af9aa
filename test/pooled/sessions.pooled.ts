import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Role } from '../../src/domain/account.js';
import { cloneDatabase } from '../support/database.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { restJsonSurface } from '../support/rest-surface.js';
import { create } from '../support/tree.js';
import { sharedSessions } from './pgbouncer-setup.js';

let gateways: TestGateway[];
beforeAll(async () => {
  const database = await cloneDatabase();
  gateways = [await startTestGateway({ database }), await startTestGateway({ database })];
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.app.close();
  await gateways[0]!.database.drop();
});

/**
 * What every session says, by clients that are in a transaction at the same time, so that each has a session of its own.
 * They leave before it ends, and the pooler throws such sessions away: the next ones are new.
 */
async function inEverySession<Row extends object>(sql: string): Promise<Row[]> {
  const clients = Array.from({ length: sharedSessions }, () => new Client({ connectionString: gateways[0]!.database.url }));
  try {
    for (const client of clients) {
      await client.connect();
      await client.query('BEGIN');
    }
    const found: Row[] = [];
    for (const client of clients) found.push(...(await client.query<Row>(sql)).rows);
    return found;
  } finally {
    for (const client of clients) await client.end();
  }
}

/** Everything that a session remembers after a transaction. */
const remembered = `
  SELECT 'setting' AS kind, name AS what FROM pg_settings
  WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')
  UNION ALL SELECT 'prepared statement', statement FROM pg_prepared_statements
  UNION ALL SELECT 'channel', pg_listening_channels()
  UNION ALL SELECT 'lock', objid::text FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
  UNION ALL SELECT 'table', relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()`;

it('the sessions of PostgreSQL are shared by far more clients', async () => {
  const ask = (gateway: TestGateway) => postGraphql(gateway.url, admin, '{ viewer { descendants { totalCount } organization { sid } } }');
  const answers = await Promise.all(Array.from({ length: 40 }, (_, which) => ask(gateways[which % 2]!)));
  expect(answers.map(({ errors }) => errors)).toEqual(answers.map(() => undefined));
  for (const { app } of gateways) expect((app.dataSource.driver as any).master.totalCount).toBeGreaterThan(sharedSessions);
  const [sessions] = await gateways[0]!.database.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  expect(sessions!.count).toBeLessThanOrEqual(sharedSessions);
});

it('what a session remembers would show', async () => {
  const client = new Client({ connectionString: gateways[0]!.database.url });
  await client.connect();
  await client.query(`SET lock_timeout = '1s'; PREPARE left_behind AS SELECT 1; LISTEN left_behind; CREATE TEMPORARY TABLE left_behind ()`);
  await client.query('SELECT pg_advisory_lock(1)');
  await client.end();
  const kinds = (await inEverySession<{ kind: string }>(remembered)).map(({ kind }) => kind);
  expect(new Set(kinds)).toEqual(new Set(['setting', 'prepared statement', 'channel', 'lock', 'table']));
});

it('the gateway leaves nothing in them, whatever it is asked', async () => {
  for (const connect of [graphqlSurface, restJsonSurface]) {
    await Promise.all(
      gateways.map(async ({ url }) => {
        const surface = connect(url);
        const top = await create(surface);
        const child = await create(surface, { parent: top.sid, role: Role.DEVELOPER });
        await surface.update(admin, child.sid, { password: 'another password' });
        await surface.setStatus(admin, top.sid, 'suspended');
        await surface.setStatus(admin, top.sid, 'active');
        await surface.list(top.login);
        await surface.authToken(admin, child.sid);
        await surface.close(admin, top.sid);
        await surface.listOrganizations(admin);
        await surface.listProfiles(admin);
      }),
    );
  }
  expect(await inEverySession(remembered)).toEqual([]);
});
