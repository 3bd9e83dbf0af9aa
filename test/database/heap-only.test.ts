import { afterAll, beforeAll, expect, it } from 'vitest';
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

/** How many rows of `account` were updated so far, and how many of these were added to its indexes. */
async function updates(): Promise<{ rows: number; ofIndexes: number }> {
  const [counted] = await gateway.database.query<{ rows: number; ofIndexes: number }>(
    `SELECT n_tup_upd::integer AS rows, (n_tup_upd - n_tup_hot_upd)::integer AS "ofIndexes"
     FROM pg_stat_user_tables WHERE relname = 'account'`,
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
  const before = await updates();
  const document = `mutation { ${change(top.sid, data!.createOrganization.organization.sid)} { reachedCount } }`;
  expect((await postGraphql(gateway.url, admin, document)).data).toMatchObject({});
  // A session tells the statistics what it did once it has been idle for a while.
  await eventually(async () => expect(await updates()).toEqual({ rows: before.rows + width + 1, ofIndexes: before.ofIndexes }));
});
