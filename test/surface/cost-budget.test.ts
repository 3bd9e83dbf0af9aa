import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Role } from '../../src/domain/account.js';
import { inWords } from '../../src/errors.js';
import { Passwords, defaultPasswordCost } from '../../src/service/passwords.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, byExecutor, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { plant } from '../support/plant.js';
import { mount, sendRest } from '../support/rest-client.js';
import { callsIn, statementsOf } from '../support/statements.js';
import { type Created, create } from '../support/tree.js';

const costPerMinute = 6000;
let gateway: TestGateway;
let top: Created;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { ACCOUNT_COST_PER_MINUTE: String(costPerMinute) } });
  top = await make();
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

/** Uses up so much of the budget of a top-level account, or of the root. */
const spend = ({ sid }: { sid: string }, cost: number): void => gateway.app.budgets.charge({ sid, topLevelSid: sid }, cost);

/** Creates an account. What that costs the Super Admin is given back: the tests are about others. */
async function make(account: Parameters<typeof create>[1] = {}): Promise<Created> {
  const made = await create(graphqlSurface(gateway.url), account);
  const [root] = await gateway.database.query<{ sid: string }>('SELECT sid FROM account WHERE parent_sid IS NULL');
  spend(root!, -costPerMinute);
  return made;
}

const request = 1;
const batch = 1;
const connection = 1;

describe('an operation costs', () => {
  // How long PostgreSQL takes is charged as well, and is not what these are about: each request finds the whole budget.
  const refill = (): void => spend(top, -10 * costPerMinute);
  const ask = (query: string, variables = {}) => {
    refill();
    return postGraphql(gateway.url, top.login, query, variables);
  };
  const cost = (query: string, variables = {}) =>
    costOf('graphql', async () => expect((await ask(query, variables)).errors).toBeUndefined());

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

  it('no more where PostgreSQL has to count or to search, which is charged by the time that it takes; but more for a change', async () => {
    expect(await cost('{ viewer { descendantCount } }')).toBe(request + 1 + batch);
    expect(await cost('{ accounts(first: 1, filter: { text: "Planted 7" }) { nodes { sid } } }')).toBe(request + connection + batch + 1);
    expect(
      await cost('mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "New" }) { account { sid } } }', { sid: top.sid }),
    ).toBe(request + 10 + 1);
  });

  it('as much as a change for each AuthToken that it shows, which is written down', async () => {
    expect(await cost('query($sid: ID!) { authToken(sid: $sid) }', { sid: top.sid })).toBe(request + 10);
    expect(await cost('query($sid: ID!) { a: authToken(sid: $sid) b: authToken(sid: $sid) }', { sid: top.sid })).toBe(request + 20);
  });

  it('what the executor makes of it where a field of it fails: what its plan did before is not counted too', async () => {
    const failing = [
      '{ accounts { nodes { sid } } nothing: accounts(first: 0) { nodes { sid } } }',
      '{ viewer { sid subAccounts(first: 0) { nodes { sid } } } }',
      // Beside others of its level, which wait for what they read when it fails.
      '{ accounts { nodes { sid organization { sid } subAccounts(first: 0) { nodes { sid } } } } }',
      '{ accounts { nodes { parent { sid } ancestors { sid } subAccounts(first: 0) { nodes { sid } } } } }',
    ];
    for (const query of failing) {
      const failed = (spelled: string) => costOf('graphql', async () => expect((await ask(spelled)).errors).toBeDefined());
      const byItsPlan = await failed(query);
      expect([query, byItsPlan]).toEqual([query, await failed(byExecutor(query))]);
    }
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
    const cost = (path: string, method?: string) => {
      refill();
      return costOf('rest', async () => void (await (await rest(top.login, path, method)).text()));
    };
    expect(await cost(`/Accounts/${top.sid}.json`)).toBe(request + 1);
    expect(await cost('/Accounts.json')).toBe(request + batch + 20);
    expect(await cost('/Accounts?Page=0&PageSize=5')).toBe(request + batch + 5);
    expect(await cost(`/Accounts/${top.sid}`, 'PUT')).toBe(request + 10 + 1);
  });
});

describe('an account that has used up its budget', () => {
  let spender: Created;
  let child: Created;
  beforeAll(async () => {
    spender = await make();
    child = await make({ parent: spender.sid });
    // Nobody else of its tree has asked: it may use all of the budget.
    spend(spender, costPerMinute + 40_000);
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
    // 40,000 too much wear off in 400 seconds, at 6,000 a minute.
    const seconds = Number(answer!.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(100);
    expect(seconds).toBeLessThanOrEqual(402);
    const shown = answer instanceof Response ? await answer.json() : { ...answer!.errors![0], error: answer!.errors![0]!.extensions.code };
    expect(shown).toMatchObject({
      error: 'RATE_LIMITED',
      message: `The account has used up what it may use in a minute. Try again in ${inWords(seconds)}.`,
    });
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

  const refusedBy = { setAccountStatus: 'status: SUSPENDED', closeAccount: '' };
  it.each(Object.entries(refusedBy))('is let in to %s, and to nothing beside it', async (mutation, input) => {
    const ask = (more: string, selected = 'reachedCount account { sid status }', beside = '') =>
      postGraphql(
        gateway.url,
        spender.login,
        `mutation($sid: ID!) { ${mutation}(input: { sid: $sid, ${more} }) { ${selected} } ${beside} }`,
        { sid: child.sid },
      );
    for (const refused of [
      await ask(`${input} dryRun: true`),
      await ask(input, 'account { descendants(first: 100) { nodes { sid } } }'),
      await ask(input, 'account { subAccounts(first: 1, filter: { role: DEVELOPER }) { nodes { sid } } }'),
      await ask(input, 'reachedCount', 'updateAccount(input: { sid: $sid, friendlyName: "New" }) { account { sid } }'),
      ...(mutation === 'setAccountStatus' ? [await ask('status: ACTIVE')] : []),
    ]) {
      expect([refused.data, refused.errors![0]!.extensions.code]).toEqual([undefined, 'RATE_LIMITED']);
    }
    expect((await ask(input)).errors).toBeUndefined();
  });

  it('is let in to suspend and close by REST, and to nothing else', async () => {
    const ask = async (method: string, form?: Record<string, string>) => {
      const { sid } = await make({ parent: spender.sid });
      const answer = await sendRest(gateway.url, spender.login, { method, path: `/Accounts/${sid}.json`, ...(form && { form }) });
      return [answer.status, answer.status === 200 && JSON.parse(answer.text).status];
    };
    for (const method of ['PUT', 'POST']) {
      expect(await ask(method, { Status: 'Suspended', FriendlyName: 'Form' })).toEqual([200, 'suspended']);
      expect(await ask(method, { Status: 'closed' })).toEqual([200, 'closed']);
      for (const form of [{ Status: 'active' }, { FriendlyName: 'Name' }, { Status: 'closed', Password: 'a decent password' }]) {
        expect(await ask(method, form)).toEqual([429, false]);
      }
    }
    expect(await ask('DELETE')).toEqual([200, 'closed']);
    const made = { EmailAddress: 'made@tests.test', Password: 'a decent password', Status: 'suspended' };
    for (const path of ['/Accounts', `/Accounts/${spender.sid}`]) {
      expect((await sendRest(gateway.url, spender.login, { method: 'POST', path, form: made })).status).toBe(429);
    }
  });

  it('takes nothing from the others, nor half of the budget from those of its own tree', async () => {
    const other = await make({ parent: spender.sid, role: Role.DEVELOPER });
    for (const login of [admin, other.login]) expect((await postGraphql(gateway.url, login, '{ viewer { sid } }')).status).toBe(200);
    expect((await postGraphql(gateway.url, spender.login, '{ viewer { sid } }')).status).toBe(429);
  });

  it('is no label of a metric', async () => {
    expect(await (await fetch(gateway.metricsUrl)).text()).not.toMatch(/AC[0-9a-f]{32}|@/);
  });
});

describe('what PostgreSQL takes', () => {
  let owner: Created;
  let parent: Created;
  beforeAll(async () => {
    owner = await make();
    parent = await make({ parent: owner.sid });
    await plant(gateway.database, { below: [owner.sid, parent.sid], widths: [20_000] });
  });
  const below = (sid: string, list: string) => postGraphql(gateway.url, owner.login, `{ account(by: { sid: "${sid}" }) { ${list} } }`);

  it.each<[string, (parent: Created) => Promise<{ status: number }>]>([
    ['a filter', ({ sid }) => below(sid, 'subAccounts(filter: { role: DEVELOPER }) { nodes { sid } }')],
    ['a search', ({ sid }) => below(sid, 'descendants(filter: { text: "planted 1" }) { nodes { sid } }')],
    ['a count', ({ sid }) => below(sid, 'descendantCount')],
    ['a page by its number', () => rest(owner.login, '/Accounts.json?Page=19999&PageSize=1')],
    // The last: the others read what it closes.
    ['a change of a whole tree', ({ sid }) => rest(owner.login, `/Accounts/${sid}`, 'DELETE')],
  ])('is paid by whoever asked: %s', async (_what, ask) => {
    // What the others took is theirs.
    spend(owner, -10 * costPerMinute);
    const charge = vi.spyOn(gateway.app.budgets, 'charge');
    try {
      expect((await ask(parent)).status).toBe(200);
      expect(new Set(charge.mock.calls.map(([{ sid, topLevelSid }]) => `${sid} of ${topLevelSid}`))).toEqual(
        new Set([`${owner.sid} of ${owner.sid}`]),
      );
      // A millisecond costs 25. Each of them reads thousands of rows, which takes a fifth of one on every machine.
      expect(charge.mock.calls.reduce((sum, [, cost]) => sum + cost, 0)).toBeGreaterThan(5);
    } finally {
      charge.mockRestore();
    }
  });
});

describe('what is weighed before it runs', () => {
  it.each([
    ['a filter', 'accounts', '{ accounts(filter: { role: DEVELOPER }) { nodes { sid } } }'],
    ['a search', 'found', '{ found: accounts(filter: { text: "nowhere" }) { nodes { sid } } }'],
    ['a count', 'accounts.totalCount', '{ accounts { totalCount } }'],
    ['the heaviest of several', 'b', '{ a: accounts { totalCount } b: accounts(filter: { text: "nowhere" }) { nodes { sid } } }'],
  ])('is refused when it does not fit in what is left, and nothing is read: %s', async (_what, path, query) => {
    const caller = await make();
    spend(caller, costPerMinute * 0.9);
    let answer: Awaited<ReturnType<typeof postGraphql>> | undefined;
    const statements = await statementsOf(gateway.database, async () => {
      answer = await postGraphql(gateway.url, caller.login, query);
    });
    expect(callsIn(statements)).toBe(1);
    expect([answer!.status, answer!.errors![0]!.extensions.code]).toEqual([429, 'RATE_LIMITED']);
    expect(answer!.errors![0]!.message).toMatch(
      new RegExp(`^${path} may cost more than is left of the account's budget for this minute. Try again in \\d+ seconds.$`),
    );
    expect(Number(answer!.headers.get('retry-after'))).toBeGreaterThan(10);
    // What an index leads to is answered.
    expect((await postGraphql(gateway.url, caller.login, '{ accounts { nodes { sid } } }')).status).toBe(200);
  });

  it('is refused by REST too: a page that is named by its number', async () => {
    const caller = await make();
    spend(caller, costPerMinute * 0.9);
    const statements = await statementsOf(gateway.database, async () => {
      const answer = await rest(caller.login, '/Accounts.json?Page=1&PageSize=1');
      expect([answer.status, Number(answer.headers.get('retry-after')) > 10]).toEqual([429, true]);
      expect(await answer.json()).toMatchObject({
        error: 'RATE_LIMITED',
        message: expect.stringMatching(/^This page may cost more than .* Try again in \d+ seconds\.$/),
      });
    });
    expect(callsIn(statements)).toBe(1);
    expect((await rest(caller.login, '/Accounts.json')).status).toBe(200);
  });

  it('is let go of when the request is over', async () => {
    const caller = await make();
    for (let requests = 0; requests < 5; requests++) {
      expect((await postGraphql(gateway.url, caller.login, '{ accounts(filter: { role: DEVELOPER }) { nodes { sid } } }')).status).toBe(
        200,
      );
      expect((await rest(caller.login, '/Accounts.json?Page=1&PageSize=1')).status).toBe(200);
    }
  });
});

it('a password is paid for by whoever sets it, by the time that it took to hash, and not when the change is refused before', async () => {
  const other = await startTestGateway({ passwordCost: defaultPasswordCost });
  const charge = vi.spyOn(other.app.budgets, 'charge');
  const { sid, login } = await create(graphqlSurface(other.url));
  // While it hashes, the request asks the database for nothing: what is charged by then is the hash.
  const paid: number[][] = [];
  const { hash } = Passwords.prototype;
  const hashing = vi.spyOn(Passwords.prototype, 'hash').mockImplementation(async function (this: Passwords, ...password) {
    const before = charge.mock.calls.length;
    const hashed = await hash.apply(this, password);
    paid.push(charge.mock.calls.slice(before).flatMap(([payer, cost]) => (payer.sid === sid ? [cost] : [])));
    return hashed;
  });
  try {
    const set = async (version: number): Promise<string> => {
      const document = `mutation($sid: ID!, $password: String!, $version: Int) {
        updateAccount(input: { sid: $sid, password: $password, version: $version }) { account { version } } }`;
      const { errors } = await postGraphql(other.url, login, document, { sid, password: login.secret, version });
      return errors?.[0]?.extensions.code ?? 'OK';
    };
    for (let count = 0; count < 5; count++) expect(await set(99)).toBe('VERSION_CONFLICT');
    expect(paid).toEqual([]);
    for (let version = 1; version <= 3; version++) expect([await set(version), paid.length]).toEqual(['OK', version]);
    // A millisecond costs 25. No machine goes through twice 19 MB in one.
    expect(paid).toEqual(paid.map(() => [expect.toSatisfy((cost: number) => cost > 25)]));
  } finally {
    hashing.mockRestore();
    charge.mockRestore();
    await other.stop();
  }
});
