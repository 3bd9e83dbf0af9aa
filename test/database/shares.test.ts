import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { Database, defaultBounds } from '../../src/persistence/connection/database.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { untilWaitingForLocks, waitingForLocks } from '../support/locks.js';
import { sendRest } from '../support/rest-client.js';
import { type Created, create, uniqueEmail } from '../support/tree.js';

let gateway: TestGateway;
let hostile: Created;
let other: Created;
beforeAll(async () => {
  // Lists that show AuthTokens write that down, and would wait for what the tests lock.
  gateway = await startTestGateway({ config: { readMilliseconds: 60_000, lockMilliseconds: 60_000, authTokensInLists: false } });
  hostile = await create(graphqlSurface(gateway.url));
  other = await create(graphqlSurface(gateway.url));
});
afterAll(() => gateway.stop());

const makeAccount = ({ login, sid }: { login: Login; sid: string }) =>
  postGraphql(
    gateway.url,
    login,
    'mutation($sid: ID, $email: EmailAddress!) { createAccount(input: { parentSid: $sid, emailAddress: $email, role: DEVELOPER }) { account { sid } } }',
    { sid, email: uniqueEmail() },
  );

/** Holds what the statement locks while the work goes on; what waited for it goes on afterwards. */
async function whileLocked(statement: string, work: () => Promise<void>): Promise<void> {
  const holder = new Client({ connectionString: gateway.database.url });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query(statement);
  try {
    await work();
  } finally {
    await holder.end();
  }
}

/** Of the pool of 10, so many connections of a kind one tree can have. */
const most = 3;

describe('while one tree', () => {
  it('has more reads under way than there are connections, and none of them ends, others read at once', async () => {
    let under: Promise<{ status: number }[]> | undefined;
    await whileLocked('LOCK TABLE history', async () => {
      const ask = () => postGraphql(gateway.url, hostile.login, '{ viewer { history { nodes { position } } } }');
      under = Promise.all(Array.from({ length: 40 }, ask));
      await untilWaitingForLocks(gateway.database, most);
      for (const login of [other.login, admin]) {
        expect((await postGraphql(gateway.url, login, '{ viewer { sid } accounts { totalCount nodes { sid } } }')).status).toBe(200);
        expect((await sendRest(gateway.url, login, { path: '/Accounts.json?Page=0' })).status).toBe(200);
      }
      // Its own look-ups have a lane too.
      expect((await postGraphql(gateway.url, hostile.login, '{ viewer { sid organization { sid } } }')).status).toBe(200);
      expect(await waitingForLocks(gateway.database)).toBe(most);
    });
    const answered = (await under!).map(({ status }) => status);
    expect(answered.filter((status) => status === 200).length).toBeGreaterThanOrEqual(most);
  });

  it('makes accounts on 100 connections, and none of them gets its lock, others make theirs, and its suspension waits for nothing but the lock', async () => {
    let under: Promise<unknown> | undefined;
    await whileLocked(`SELECT 1 FROM account WHERE sid = '${hostile.sid}' FOR UPDATE`, async () => {
      under = Promise.all(Array.from({ length: 100 }, () => makeAccount(hostile)));
      await untilWaitingForLocks(gateway.database, most);
      for (let count = 0; count < 5; count++) expect((await makeAccount(other)).errors).toBeUndefined();
      const suspension = postGraphql(
        gateway.url,
        admin,
        'mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { reachedCount } }',
        { sid: hostile.sid },
      );
      await untilWaitingForLocks(gateway.database, most + 1);
      under = Promise.all([under, suspension.then(({ errors }) => expect(errors).toBeUndefined())]);
      expect((await makeAccount(other)).errors).toBeUndefined();
    });
    await under;
    expect(await gateway.database.query('SELECT status FROM account WHERE sid = $1', [hostile.sid])).toEqual([{ status: 'suspended' }]);
  });
});

it('what this process is late by is not charged as time of the database', async () => {
  const dataSource = createDataSource({ url: gateway.database.url });
  await dataSource.initialize();
  let charged = 0;
  const database = new Database(dataSource, { ...defaultBounds, onUsed: (_payer, milliseconds) => void (charged += milliseconds) });
  const readOften = async (milliseconds: number): Promise<number> => {
    const start = performance.now();
    while (performance.now() - start < milliseconds)
      await database.lookUp({ sid: other.sid, topLevelSid: other.sid }, ({ accounts }) => accounts.find(other.sid));
    return performance.now() - start;
  };
  const busy = setInterval(() => {
    const start = performance.now();
    while (performance.now() - start < 40);
  }, 1);
  await sleep(0);
  // By then it knows how late it is.
  await readOften(1500);
  // The machine can be slow, and the database with it: of several shares of the time, the least counts.
  let share = 1;
  for (let tries = 0; tries < 6 && share > 0.5; tries++) {
    charged = 0;
    const elapsed = await readOften(500);
    share = Math.min(share, charged / elapsed);
  }
  clearInterval(busy);
  await database.close();
  expect(share).toBeLessThan(0.5);
});
