import { afterEach, describe, expect, it } from 'vitest';
import { startGateway } from '../support/gateway-process.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { cloneDatabase } from '../support/database.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { startWithUpstreams } from '../support/subresources.js';
import { type Created, create } from '../support/tree.js';
import { type TestUpstream, bodyOf, startUpstream } from '../support/upstream.js';

let cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  cleanups = [];
});

/** What came as bodies. */
let bodies: string[] = [];

/** What the service answers to a request to remove something. */
let status = 204;

async function service(): Promise<TestUpstream> {
  status = 204;
  bodies = [];
  const upstream = await startUpstream(async (request, response) => {
    bodies.push((await bodyOf(request)).toString());
    response.writeHead(status).end();
  });
  cleanups.push(() => upstream.stop());
  return upstream;
}

async function start(upstreams: Record<string, object>): Promise<TestGateway> {
  const gateway = await startWithUpstreams(upstreams, { deliversEvents: true });
  cleanups.push(() => gateway.stop());
  return gateway;
}

const ask = async ({ url }: { url: string }, query: string, login: Login = admin): Promise<any> => {
  const { data, errors } = await postGraphql<any>(url, login, query);
  expect(errors).toBeUndefined();
  return data;
};
const make = (gateway: TestGateway, account: Parameters<typeof create>[1] = {}): Promise<Created> =>
  create(graphqlSurface(gateway.url), account);
const close = (gateway: { url: string }, sid: string, login?: Login) =>
  ask(gateway, `mutation { closeAccount(input: { sid: "${sid}" }) { reachedCount } }`, login);
const removalsOf = async (gateway: { url: string }, sid: string, login?: Login) =>
  (
    await ask(
      gateway,
      `{ account(by: { sid: "${sid}" }) { resourceRemoval { subresource state failures lastFailure since changedAt } } }`,
      login,
    )
  ).account.resourceRemoval as { subresource: string; state: string; failures: number; lastFailure: string | null }[];
const statesOf = async (gateway: { url: string }, sid: string) =>
  (await removalsOf(gateway, sid)).map(({ subresource, state }) => [subresource, state]);
/** Lets the next try of whatever has failed be made now. */
const hurry = ({ database }: TestGateway) =>
  database.query('UPDATE resource_removal SET due_at = now() WHERE due_at IS NOT NULL AND lease IS NULL');
const askedOf = ({ seen }: TestUpstream) => seen.map(({ method, url }) => `${method} ${url}`);

describe('closing a tree', () => {
  it('has each service remove what each of its accounts had, but for records of what was billed', async () => {
    const upstream = await service();
    const gateway = await start({
      Recordings: { url: `${upstream.url}/restcomm` },
      Calls: { url: upstream.url },
      IncomingPhoneNumbers: { url: upstream.url, removal: true },
      Notifications: { url: upstream.url, removal: false },
    });
    const top = await make(gateway);
    const below = await make(gateway, { parent: top.sid });
    const other = await make(gateway);
    await close(gateway, top.sid);
    const done = [
      ['IncomingPhoneNumbers', 'DONE'],
      ['Recordings', 'DONE'],
    ];
    for (const { sid } of [top, below]) await eventually(async () => expect(await statesOf(gateway, sid)).toEqual(done));
    const path = (sid: string, subresource: string) => `/2012-04-24/Accounts/${sid}/${subresource}`;
    expect(askedOf(upstream).toSorted()).toEqual(
      [top, below]
        .flatMap(({ sid }) => [`DELETE ${path(sid, 'IncomingPhoneNumbers')}`, `DELETE /restcomm${path(sid, 'Recordings')}`])
        .toSorted(),
    );
    expect(await removalsOf(gateway, other.sid)).toEqual([]);
  });

  it('is told to whoever is above it, and to nobody else', async () => {
    const upstream = await service();
    const gateway = await start({ Recordings: { url: upstream.url } });
    const top = await make(gateway);
    const below = await make(gateway, { parent: top.sid });
    const developer = await make(gateway, { parent: top.sid, role: 'Developer' });
    await close(gateway, below.sid, top.login);
    await eventually(async () => expect(await statesOf(gateway, below.sid)).toEqual([['Recordings', 'DONE']]));
    expect(await removalsOf(gateway, below.sid, top.login)).toHaveLength(1);
    const { errors } = await postGraphql(gateway.url, developer.login, '{ viewer { resourceRemoval { state } } }');
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect(upstream.seen[0]!.headers).toMatchObject({ 'x-account-sid': below.sid, 'x-actor-sid': top.sid, 'x-actor-role': 'Gateway' });
  });

  it('tells by one signed request for up to 400 accounts, where the service wants that', async () => {
    const upstream = await service();
    const gateway = await start({
      '*': { url: 'http://127.0.0.1:1', secret: 'a secret that is long enough', removal: { url: `${upstream.url}/removals` } },
    });
    const top = await make(gateway);
    await plant(gateway.database, { below: top.sid, widths: [450] });
    await close(gateway, top.sid);
    await eventually(() => expect(bodies).toHaveLength(2));
    const told = bodies.map((body) => JSON.parse(body) as { subresource: string; accountSids: string[] });
    expect(told.map(({ subresource, accountSids }) => [subresource, accountSids.length])).toEqual([
      ['*', 400],
      ['*', 51],
    ]);
    expect(upstream.seen[0]).toMatchObject({
      method: 'POST',
      url: '/removals',
      headers: { 'x-gateway-signature': expect.stringMatching(/^t=\d+,v1=[0-9a-f]{64}$/) },
    });
    const sids = await gateway.database.query<{ sid: string }>('SELECT sid FROM account WHERE top_level_sid = $1 ORDER BY path', [top.sid]);
    expect(told.flatMap(({ accountSids }) => accountSids)).toEqual(sids.map(({ sid }) => sid));
  });
});

describe('a service that', () => {
  it('fails is asked again, until it confirms', async () => {
    const upstream = await service();
    const gateway = await start({ Recordings: { url: upstream.url } });
    const { sid } = await make(gateway);
    status = 503;
    await close(gateway, sid);
    await eventually(async () =>
      expect(await removalsOf(gateway, sid)).toMatchObject([
        { state: 'PENDING', failures: 1, lastFailure: 'The service answered with status 503.' },
      ]),
    );
    status = 404;
    await eventually(async () => {
      await hurry(gateway);
      expect(await removalsOf(gateway, sid)).toMatchObject([{ state: 'DONE', lastFailure: null }]);
    });
  });

  it.each([405, 501])('does not remove anything, and says so by %i, is not asked again', async (answer) => {
    const upstream = await service();
    const gateway = await start({ Recordings: { url: upstream.url } });
    const { sid } = await make(gateway);
    status = answer;
    await close(gateway, sid);
    await eventually(async () =>
      expect(await removalsOf(gateway, sid)).toMatchObject([
        { state: 'UNSUPPORTED', lastFailure: `The service answered with status ${answer}.` },
      ]),
    );
    expect(upstream.seen).toHaveLength(1);
  });

  it('fails for three days is given up, and asked again when somebody says so', async () => {
    const upstream = await service();
    const gateway = await start({ Recordings: { url: upstream.url } });
    const { sid } = await make(gateway);
    status = 500;
    await close(gateway, sid);
    await eventually(async () => expect(await removalsOf(gateway, sid)).toMatchObject([{ failures: 1 }]));
    await eventually(async () => {
      await gateway.database.query(
        `UPDATE resource_removal SET failing_since = now() - interval '3 days' WHERE failures > 0 AND lease IS NULL`,
      );
      await hurry(gateway);
      expect(await statesOf(gateway, sid)).toEqual([['Recordings', 'FAILED']]);
    });
    status = 204;
    await ask(gateway, `mutation { retryResourceRemoval(input: { sid: "${sid}" }) { account { sid } } }`);
    await eventually(async () => expect(await statesOf(gateway, sid)).toEqual([['Recordings', 'DONE']]));
    const open = await make(gateway);
    const { errors } = await postGraphql(
      gateway.url,
      admin,
      `mutation { retryResourceRemoval(input: { sid: "${open.sid}" }) { account { sid } } }`,
    );
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'sid' });
  });
});

it('a gateway that is killed in the middle goes on where it was, and every account is asked for', async () => {
  const upstream = await service();
  const database = await cloneDatabase();
  cleanups.push(() => database.drop());
  const environment = {
    DATABASE_URL: database.url,
    CREDENTIALS_KEY: 'a'.repeat(64),
    SUBRESOURCE_UPSTREAMS: JSON.stringify({ Recordings: { url: upstream.url } }),
  };
  let gateway = await startGateway({ environment });
  const login = { login: gateway.adminEmail, secret: gateway.adminPassword };
  const { account } = (
    await ask(
      gateway,
      'mutation { createAccount(input: { emailAddress: "tree@tests.test", role: ADMINISTRATOR }) { account { sid } } }',
      login,
    )
  ).createAccount;
  await plant(database, { below: account.sid, widths: [999] });
  await close(gateway, account.sid, login);
  await eventually(() => expect(upstream.seen.length).toBeGreaterThan(300), 5);
  await gateway.end('SIGKILL');
  const before = upstream.seen.length;
  expect(before).toBeLessThan(1000);
  // A lease runs out by itself, in minutes.
  await database.query('UPDATE resource_removal SET due_at = now() WHERE lease IS NOT NULL');
  gateway = await startGateway({ environment, dataDirectory: gateway.dataDirectory });
  cleanups.push(() => gateway.stop());
  await eventually(async () => expect((await removalsOf(gateway, account.sid, login)).map(({ state }) => state)).toEqual(['DONE']));
  await eventually(async () => expect(await database.query(`SELECT state FROM resource_removal`)).toEqual([{ state: 'done' }]));
  const asked = upstream.seen.map(({ url }) => url!.split('/')[3]!);
  expect(new Set(asked).size).toBe(1000);
  // What was not recorded before the end is asked for again: a batch at most.
  expect(asked.length - 1000).toBeLessThanOrEqual(20);
});

it('what a clock that has been put back since put off, or leased, is not waited for', async () => {
  const upstream = await service();
  const gateway = await start({ Recordings: { url: upstream.url } });
  const tops = [await make(gateway), await make(gateway)];
  status = 503;
  for (const { sid } of tops) await close(gateway, sid);
  for (const { sid } of tops) await eventually(async () => expect(await removalsOf(gateway, sid)).toMatchObject([{ failures: 1 }]));
  await gateway.database.query(`UPDATE resource_removal SET due_at = now() + interval '26 hours'`);
  await gateway.database.query(`UPDATE resource_removal SET lease = gen_random_uuid() WHERE tree_sid = $1`, [tops[0]!.sid]);
  status = 204;
  // The first look of a process is as the one that finds the clock put back.
  const other = await startWithUpstreams({ Recordings: { url: upstream.url } }, { database: gateway.database, deliversEvents: true });
  cleanups.push(() => other.stop());
  for (const { sid } of tops) await eventually(async () => expect(await statesOf(gateway, sid)).toEqual([['Recordings', 'DONE']]));
});

it('what is closed while no service is configured is removed once one is', async () => {
  const upstream = await service();
  const without = await startTestGateway({ deliversEvents: true });
  cleanups.push(() => without.stop());
  const { sid } = await make(without);
  await close(without, sid);
  expect(await removalsOf(without, sid)).toEqual([]);
  const gateway = await startWithUpstreams({ Recordings: { url: upstream.url } }, { database: without.database, deliversEvents: true });
  cleanups.push(() => gateway.stop());
  await eventually(async () => expect(await statesOf(without, sid)).toEqual([['Recordings', 'DONE']]));
  expect(upstream.seen).toHaveLength(1);
});
