import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { plant } from '../support/plant.js';
import { create } from '../support/tree.js';

let gateway: TestGateway;
beforeAll(async () => void (gateway = await startTestGateway()));
afterAll(() => gateway.stop());

/** Of the accounts of a tree, how many are in each page of the table. */
async function pagesOf(topLevelSid: string): Promise<{ page: number; accounts: number }[]> {
  return gateway.database.query(
    `SELECT (ctid::text::point)[0]::integer AS page, count(*)::integer AS accounts
     FROM account WHERE top_level_sid = $1 GROUP BY page ORDER BY page`,
    [topLevelSid],
  );
}

// The deeper an account, the longer its path, and so the fewer rows fill a page. One depth alone might have room by luck.
it.each([[[400]], [[1, 400]], [[1, 1, 400]], [[1, 1, 1, 400]], [[1, 1, 1, 1, 1, 400]]])(
  'the first suspension of accounts, after which their rows are longer, leaves each on its page: %j below a top-level account',
  async (widths) => {
    const top = await create(graphqlSurface(gateway.url));
    await plant(gateway.database, { below: top.sid, widths });
    const before = await pagesOf(top.sid);
    const { data } = await postGraphql(
      gateway.url,
      admin,
      `mutation { setAccountStatus(input: { sid: "${top.sid}", status: SUSPENDED }) { reachedCount } }`,
    );
    expect(data).toEqual({ setAccountStatus: { reachedCount: widths.length + 400 } });
    expect(await pagesOf(top.sid)).toEqual(before);
  },
);
