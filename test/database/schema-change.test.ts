import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { sendRest } from '../support/rest-client.js';
import { type Created, create } from '../support/tree.js';

let gateway: TestGateway;
let account: Created;
beforeAll(async () => {
  gateway = await startTestGateway();
  account = await create(graphqlSurface(gateway.url));
});
afterAll(() => gateway.stop());

const rename = 'mutation($sid: ID!, $name: String!) { updateAccount(input: { sid: $sid, friendlyName: $name }) { account { sid } } }';
const read = async () =>
  (await postGraphql(gateway.url, admin, '{ viewer { sid } accounts { totalCount nodes { sid friendlyName } } }')).status;
const write = async () => (await postGraphql(gateway.url, admin, rename, { sid: account.sid, name: `Name ${Math.random()}` })).status;
const readByRest = async () => (await sendRest(gateway.url, account.login, { path: `/Accounts/${account.sid}.json` })).status;

it.each([
  ['the type of a column', 'ALTER TABLE account ALTER role TYPE varchar(300)', 'ALTER TABLE account ALTER role TYPE text'],
  ['the columns of a table', 'ALTER TABLE organization ADD later text', 'ALTER TABLE organization DROP later'],
])('a change of %s under traffic costs no request more than a retry', async (_what, change, back) => {
  let isOver = false;
  const statuses: number[] = [];
  const client = async (work: () => Promise<number>): Promise<void> => {
    while (!isOver) statuses.push(await work());
  };
  const clients = [read, read, read, write, write, readByRest, readByRest].map(client);
  // Until every connection has prepared what it is asked, and some more.
  while (statuses.length < 200) await sleep(50);
  for (const statement of [change, back, change, back]) {
    await gateway.database.query(statement);
    const before = statuses.length;
    while (statuses.length < before + 50) await sleep(20);
  }
  isOver = true;
  await Promise.all(clients);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  expect(gateway.log.filter((line) => line.includes('"level":50'))).toEqual([]);
});

it('a change of a table between two requests costs neither a failure, whatever connection each has', async () => {
  const rounds = async (): Promise<number[]> =>
    Promise.all(Array.from({ length: 12 }, (_, index) => [read, write, readByRest][index % 3]!()));
  for (let warm = 0; warm < 3; warm++) await rounds();
  await gateway.database.query('ALTER TABLE account ALTER role TYPE varchar(300)');
  expect(await rounds()).toEqual(Array.from({ length: 12 }, () => 200));
  await gateway.database.query('ALTER TABLE account ALTER role TYPE text');
  expect(await rounds()).toEqual(Array.from({ length: 12 }, () => 200));
});
