import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, inject, it, vi } from 'vitest';
import { inDatabase } from '../support/database-url.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { untilWaitingForLocks } from '../support/locks.js';
import { eventually } from '../support/patience.js';
import { create } from '../support/tree.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    environment: { SIGN_IN_FAILURES_PER_ACCOUNT: '1', SIGN_IN_FAILURES_SECONDS: '6', LOCK_TIMEOUT_SECONDS: '300' },
  });
});
afterAll(() => gateway.stop());
afterEach(() => vi.useRealTimers());

const day = 86_400_000;

/** Sets the wall clock of this process, in which the gateway runs; timers go on as they did. */
function setClock(milliseconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });
}

it('a clock that is set back two days makes no lockout longer', async () => {
  const account = await create(graphqlSurface(gateway.url));
  const status = async (secret: string) => (await postGraphql(gateway.url, { ...account.login, secret }, '{ viewer { sid } }')).status;
  expect([await status('a wrong password'), await status(account.login.secret)]).toEqual([401, 429]);
  setClock(-2 * day);
  await eventually(async () => expect(await status(account.login.secret)).toBe(200), 500);
});

it('a clock that is set a day ahead cancels no change that runs', async () => {
  const { sid } = await create(graphqlSurface(gateway.url));
  const holder = new Client({ connectionString: inDatabase(inject('serverUrl'), new URL(gateway.database.url).pathname.slice(1)) });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT 1 FROM account WHERE sid = $1 FOR UPDATE', [sid]);
  const rename = 'mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Renamed" }) { account { friendlyName } } }';
  const answer = postGraphql(gateway.url, admin, rename, { sid });
  await untilWaitingForLocks(gateway.database);
  setClock(day);
  // Longer than a running statement is left alone between two looks at it, and than a cancelled one has to end.
  await sleep(4_000);
  await holder.end();
  expect(await answer).toMatchObject({ status: 200, data: { updateAccount: { account: { friendlyName: 'Renamed' } } } });
});
