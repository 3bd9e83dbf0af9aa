import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneDatabase } from '../support/database.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { sendRest } from '../support/rest-client.js';
import { type Created, create, uniqueEmail } from '../support/tree.js';

let gateway: TestGateway;
let account: Created;
beforeAll(async () => {
  gateway = await startTestGateway();
  account = await create(graphqlSurface(gateway.url));
});
afterAll(() => gateway.stop());

const terminate = (condition: string) =>
  gateway.database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = 'account-gateway' AND datname = current_database() AND ${condition}`,
  );

const update = () =>
  postGraphql(
    gateway.url,
    admin,
    'mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Again" }) { account { sid } } }',
    {
      sid: account.sid,
    },
  );

it('connections that break at any moment cost some requests a 503, and the process nothing', async () => {
  let running = true;
  const statuses = new Map<number, number>();
  const client = async (ask: () => Promise<{ status: number }>) => {
    while (running) {
      const { status } = await ask();
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const read = () => postGraphql(gateway.url, admin, '{ accounts { totalCount nodes { sid } } }');
  const clients = [client(read), client(read), client(read), client(update), client(update)];
  for (let round = 0; round < 150; round++) {
    await terminate(round % 2 === 0 ? 'true' : `state LIKE 'idle in transaction%'`);
    await sleep(Math.random() * 20);
  }
  running = false;
  await Promise.all(clients);

  expect([...statuses.keys()].toSorted()).toEqual([200, 503]);
  expect(await update()).toMatchObject({ status: 200 });
});

it('a statement that fails leaves none of its parameters in the log', async () => {
  const { query } = gateway.database;
  await query('BEGIN');
  await query('LOCK TABLE credential IN EXCLUSIVE MODE');
  const creating = postGraphql(
    gateway.url,
    admin,
    'mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { sid } } }',
    {
      input: { emailAddress: uniqueEmail(), password: 'a secret password', role: 'DEVELOPER' },
    },
  );
  while ((await terminate(`wait_event_type = 'Lock'`)).length === 0);
  await query('COMMIT');
  expect(await creating).toMatchObject({ status: 503, errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
  const failure = gateway.log.filter((line) => line.includes('INSERT') || line.includes('57P01'));
  expect(failure).not.toEqual([]);
  expect(gateway.log.join('\n')).not.toMatch(/argon2id|"Buffer"|parameters|a secret password/);
});

it('a database that is not there is told as unavailable, on every surface', async () => {
  const database = await cloneDatabase();
  const orphan = await startTestGateway({ database });
  await database.drop();
  try {
    expect(await postGraphql(orphan.url, admin, '{ viewer { sid } }')).toMatchObject({
      status: 503,
      errors: [{ extensions: { code: 'UNAVAILABLE' } }],
    });
    for (const path of ['/Accounts', '/Accounts.json', '/Profiles']) {
      const { status, headers } = await sendRest(orphan.url, admin, { path });
      expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    }
    expect((await fetch(`${orphan.url}/health/ready`)).status).toBe(503);
  } finally {
    await orphan.stop();
  }
});
