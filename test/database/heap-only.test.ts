import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { create } from '../support/tree.js';

let gateway: TestGateway;
beforeAll(async () => void (gateway = await startTestGateway()));
afterAll(() => gateway.stop());

const width = 500;

/** How many rows of the table were updated so far, and how many of these were added to its indexes. */
async function updates(table: string): Promise<{ rows: number; ofIndexes: number }> {
  const [counted] = await gateway.database.query<{ rows: number; ofIndexes: number }>(
    `SELECT n_tup_upd::integer AS rows, (n_tup_upd - n_tup_hot_upd)::integer AS "ofIndexes"
     FROM pg_stat_user_tables WHERE relname = $1`,
    [table],
  );
  return counted!;
}

it.each([
  ['suspending', (sid: string) => `setAccountStatus(input: { sid: "${sid}", status: SUSPENDED })`],
  ['closing', (sid: string) => `closeAccount(input: { sid: "${sid}" })`],
  [
    'migrating',
    (sid: string, organization: string) => `migrateAccount(input: { sid: "${sid}", organization: { sid: "${organization}" } })`,
  ],
])('%s a tree changes no index of the table of accounts (ADR 47)', async (_what, change) => {
  const { data } = await postGraphql(
    gateway.url,
    admin,
    `mutation { createOrganization(input: { domainName: "${Math.random()}.test" }) { organization { sid } } }`,
  );
  const top = await create(graphqlSurface(gateway.url));
  await plant(gateway.database, { below: top.sid, widths: [width] });
  const before = await updates('account');
  const document = `mutation { ${change(top.sid, data!.createOrganization.organization.sid)} { reachedCount } }`;
  expect((await postGraphql(gateway.url, admin, document)).data).toMatchObject({});
  // A session tells the statistics what it did once it has been idle for a while.
  await eventually(async () => expect(await updates('account')).toEqual({ rows: before.rows + width + 1, ofIndexes: before.ofIndexes }));
});

describe('a change of a chain', () => {
  it('finds its head in an index by when it changed, of which only the pages that changed since are read', async () => {
    const { query } = gateway.database;
    await query(
      `INSERT INTO history_head (tree_sid, position, hash, date)
       SELECT 'old ' || number, 1, repeat('0', 64), now() - interval '1 day' FROM generate_series(1, 20000) AS number`,
    );
    const top = await create(graphqlSurface(gateway.url));
    await query('VACUUM (ANALYZE) history_head');
    const changed = `SELECT tree_sid AS sid FROM history_head WHERE date >= now() - interval '1 minute'`;
    expect(await query(changed)).toContainEqual({ sid: top.sid });
    const [{ plan }] = (await query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${changed}`)).map((row) => ({
      plan: (row['QUERY PLAN'] as { Plan: { 'Node Type': string; 'Shared Hit Blocks': number; 'Shared Read Blocks': number } }[])[0]!.Plan,
    })) as [{ plan: { 'Node Type': string; 'Shared Hit Blocks': number; 'Shared Read Blocks': number } }];
    const [{ pages }] = (await query(`SELECT pg_relation_size('history_head') / 8192 AS pages`)) as [{ pages: string }];
    expect(plan['Node Type']).toBe('Bitmap Heap Scan');
    expect(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']).toBeLessThan(Number(pages) / 10);
    await query(`DELETE FROM history_head WHERE tree_sid LIKE 'old %'`);
  });

  it('adds its head to no index again, since PostgreSQL 16', async () => {
    const top = await create(graphqlSurface(gateway.url));
    const heads = (): Promise<{ rows: number; ofIndexes: number }> => updates('history_head');
    const before = await eventually(heads);
    const changes = 10;
    for (let change = 0; change < changes; change++) {
      const rename = `mutation { updateAccount(input: { sid: "${top.sid}", friendlyName: "Name ${change}" }) { account { sid } } }`;
      expect((await postGraphql(gateway.url, admin, rename)).errors).toBeUndefined();
    }
    await eventually(async () => expect((await heads()).rows).toBeGreaterThanOrEqual(before.rows + changes));
    const [{ version }] = (await gateway.database.query(`SELECT current_setting('server_version_num')::integer AS version`)) as [
      { version: number },
    ];
    const ofIndexes = (await heads()).ofIndexes - before.ofIndexes;
    if (version >= 160_000) expect(ofIndexes).toBe(0);
    else expect(ofIndexes).toBeGreaterThan(0);
  });
});
