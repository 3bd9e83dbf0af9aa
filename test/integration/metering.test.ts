import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/domain/account.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { plant } from '../support/plant.js';
import { mount } from '../support/rest-client.js';
import { callsIn, statementsOf } from '../support/statements.js';
import { type Created, create } from '../support/tree.js';

const costPerMinute = 6000;
let gateway: TestGateway;
let top: Created;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { ACCOUNT_COST_PER_MINUTE: String(costPerMinute) } });
  top = await create(graphqlSurface(gateway.url));
  await plant(gateway.database, { below: top.sid, widths: [20, 3] });
});
afterAll(() => gateway.stop());

const rest = (login: Login, path: string, method = 'GET') =>
  fetch(`${gateway.url}${mount}${path}`, { method, headers: { authorization: basic(login) } });

async function metric(name: string): Promise<number> {
  const text = await (await fetch(gateway.metricsUrl)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1) ?? 0,
  );
}

/** What the work cost, as the metric says that operators see. */
async function costOf(surface: 'graphql' | 'rest', work: () => Promise<unknown>): Promise<number> {
  const name = `gateway_request_cost_sum{surface="${surface}"}`;
  const before = await metric(name);
  await work();
  return (await metric(name)) - before;
}

const request = 1;
const batch = 1;
const connection = 1;

describe('an operation costs', () => {
  const cost = (query: string, variables = {}) =>
    costOf('graphql', async () => expect((await postGraphql(gateway.url, top.login, query, variables)).errors).toBeUndefined());

  it('the objects that it brought, and the batches that they were read in; not those that it could have brought', async () => {
    expect(await cost('{ viewer { sid status } }')).toBe(request + 1);
    expect(await cost('{ accounts { nodes { sid } } }')).toBe(request + connection + batch + 20);
    expect(await cost('{ accounts { nodes { subAccounts { nodes { sid } } } } }')).toBe(
      request + connection + batch + 20 * (1 + connection + 3) + batch,
    );
    expect(await cost('{ accounts { edges { node { organization { sid } } } } }')).toBe(request + connection + batch + 20 * 3 + batch);
  });

  it('as much for each alias', async () => {
    const once = await cost('{ a: accounts { nodes { sid } } }');
    expect(await cost('{ a: accounts { nodes { sid } } b: accounts { nodes { sid } } c: accounts { nodes { sid } } }')).toBe(
      request + 3 * (once - request - batch) + batch,
    );
  });

  it('more where PostgreSQL has to count or to search, and where a change is made', async () => {
    expect(await cost('{ viewer { descendantCount } }')).toBe(request + 1 + 20 + batch);
    expect(await cost('{ accounts(first: 1, filter: { text: "Planted 7" }) { nodes { sid } } }')).toBe(
      request + connection + 2500 + batch + 1,
    );
    expect(
      await cost('mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "New" }) { account { sid } } }', { sid: top.sid }),
    ).toBe(request + 10 + 1);
  });

  it('the length of the documents that it brought', async () => {
    const create = 'mutation($document: JSONObject!) { createProfile(input: { document: $document }) { profile { sid } } }';
    const { data } = await postGraphql(gateway.url, admin, create, { document: { text: 'x'.repeat(25_600 - 11) } });
    const read = 'query($sid: ID!) { profile(sid: $sid) { document } }';
    expect(await costOf('graphql', () => postGraphql(gateway.url, admin, read, data!.createProfile.profile))).toBe(
      request + 1 + batch + 100,
    );
    expect(await costOf('rest', () => rest(admin, `/Profiles/${data!.createProfile.profile.sid}`))).toBe(request + 1 + 100);
  });

  it('by REST the same: the rows that it gave out', async () => {
    const cost = (path: string, method?: string) => costOf('rest', async () => void (await (await rest(top.login, path, method)).text()));
    expect(await cost(`/Accounts/${top.sid}.json`)).toBe(request + 1);
    expect(await cost('/Accounts.json')).toBe(request + batch + 20);
    expect(await cost('/Accounts?Page=0&PageSize=5')).toBe(request + batch + 5);
    expect(await cost(`/Accounts/${top.sid}`, 'PUT')).toBe(request + 10 + 1);
  });
});

describe('an account that has used up its budget', () => {
  let spender: Created;
  beforeAll(async () => {
    spender = await create(graphqlSurface(gateway.url));
    const search = '{ a: accounts(filter: { text: "x" }) { nodes { sid } } b: accounts(filter: { text: "y" }) { nodes { sid } } }';
    for (let requests = 0; requests < 2; requests++) await postGraphql(gateway.url, spender.login, search);
  });

  it.each<[string, () => Promise<Response | Awaited<ReturnType<typeof postGraphql>>>]>([
    ['GraphQL', () => postGraphql(gateway.url, spender.login, '{ viewer { sid } }')],
    ['REST', () => rest(spender.login, '/Accounts.json')],
  ])('is refused by %s, after the sign-in and before anything else', async (surface, ask) => {
    const refusals = `gateway_requests_refused_total{surface="${surface.toLowerCase()}",code="RATE_LIMITED"}`;
    const before = await metric(refusals);
    let answer: Awaited<ReturnType<typeof ask>> | undefined;
    const statements = await statementsOf(gateway.database, async () => {
      answer = await ask();
    });
    const signIn = 1;
    expect(callsIn(statements)).toBe(signIn);
    expect(answer!.status).toBe(429);
    // Some 4,000 too much wear off in 40 seconds, at 6,000 a minute.
    const seconds = Number(answer!.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(10);
    expect(seconds).toBeLessThanOrEqual(42);
    const shown = answer instanceof Response ? await answer.json() : { ...answer!.errors![0], ...answer!.errors![0]!.extensions };
    expect(shown).toMatchObject({ code: 'RATE_LIMITED', message: 'The account has used up what it may cost in a minute.' });
    expect(await metric(refusals)).toBe(before + 1);
  });

  it('changes nothing by a mutation', async () => {
    const { data, errors } = await postGraphql(
      gateway.url,
      spender.login,
      'mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Changed" }) { account { sid } } }',
      { sid: spender.sid },
    );
    expect([data, errors![0]!.extensions.code]).toEqual([undefined, 'RATE_LIMITED']);
    expect(await gateway.database.query('SELECT 1 FROM account WHERE sid = $1 AND version = 1', [spender.sid])).toHaveLength(1);
  });

  it('takes nothing from the others', async () => {
    const other = await create(graphqlSurface(gateway.url), { parent: spender.sid, role: Role.DEVELOPER });
    for (const login of [admin, other.login]) expect((await postGraphql(gateway.url, login, '{ viewer { sid } }')).status).toBe(200);
  });

  it('is no label of a metric', async () => {
    expect(await (await fetch(gateway.metricsUrl)).text()).not.toMatch(/AC[0-9a-f]{32}|@/);
  });
});
