import { type GraphQLObjectType, getNamedType, isLeafType, isObjectType } from 'graphql';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createSchema } from '../../src/api/graphql/schema.js';
import { queryRows } from '../../src/persistence/connection/prepared-query.js';
import { inDatabase } from '../support/database-url.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { plant } from '../support/plant.js';
import { sendRest } from '../support/rest-client.js';
import { callsIn, statementsOf } from '../support/statements.js';
import { create } from '../support/tree.js';

let gateway: TestGateway;
let top: { sid: string };

beforeAll(async () => {
  gateway = await startTestGateway();
  top = await create(graphqlSurface(gateway.url));
  await plant(gateway.database, { below: top.sid, widths: [50, 50, 2] });
  await gateway.database.query('UPDATE account SET status_changed_by = $1', [top.sid]);
  // So that the profile in effect comes from somewhere.
  const { data } = await postGraphql(gateway.url, admin, 'mutation { createProfile(input: { document: {} }) { profile { sid } } }');
  const [owner] = await gateway.database.query<{ organizationSid: string }>(
    'SELECT organization_sid AS "organizationSid" FROM account WHERE sid = $1',
    [top.sid],
  );
  await gateway.database.query('INSERT INTO organization_profile (organization_sid, profile_sid) VALUES ($1, $2)', [
    owner!.organizationSid,
    data!.createProfile.profile.sid,
  ]);
});
afterAll(() => gateway.stop());

/** How many statements PostgreSQL saw for one request; it must be answered without errors. */
async function statementsFor(query: string, variables: Record<string, unknown> = {}): Promise<number> {
  let answer;
  const statements = await statementsOf(gateway.database, async () => {
    answer = await postGraphql(gateway.url, admin, query, variables);
  });
  expect(answer).toMatchObject({ status: 200 });
  expect(answer).not.toHaveProperty('errors');
  return callsIn(statements);
}

/** It reads the caller, and the account that the request is about. */
const signIn = 1;

describe('a request costs, beside one statement to sign in,', () => {
  it('nothing for the viewer', async () => {
    expect(await statementsFor('{ viewer { sid capabilities { restApi } viewerCan { close } subresources { uri } } }')).toBe(signIn);
  });

  it('one statement for each of three levels, however wide', async () => {
    const tree = `query($sid: ID!, $width: Int!) { account(by: { sid: $sid }) { sid
      subAccounts(first: $width) { nodes { sid subAccounts(first: $width) { nodes { sid subAccounts(first: 2) { nodes { sid } } } } } } } }`;
    const levels = 3;
    for (const width of [1, 10, 50]) {
      expect(await statementsFor(tree, { sid: top.sid, width })).toBe(signIn + levels);
    }
  });

  it('one more for the organizations of all accounts of a level', async () => {
    const tree = `query($sid: ID!) { account(by: { sid: $sid }) {
      subAccounts { nodes { organization { domainName } subAccounts { nodes { organization { domainName } } } } } } }`;
    const [levels, organization] = [2, 1];
    expect(await statementsFor(tree, { sid: top.sid })).toBe(signIn + levels + organization);
  });

  it('one more for all total counts of a level, and none when they are not asked for', async () => {
    const tree = (total: string) => `query($sid: ID!) { account(by: { sid: $sid }) {
      subAccounts(first: 20) { nodes { subAccounts(first: 1) { ${total} nodes { sid } } } } } }`;
    const [levels, counts] = [2, 1];
    expect(await statementsFor(tree(''), { sid: top.sid })).toBe(signIn + levels);
    expect(await statementsFor(tree('totalCount'), { sid: top.sid })).toBe(signIn + levels + counts);
  });

  it('one for the same count, whichever pages it is asked for with', async () => {
    const query = `query($sid: ID!) { account(by: { sid: $sid }) {
      a: subAccounts(first: 1) { totalCount } b: subAccounts(first: 2) { totalCount } c: subAccounts(last: 3) { totalCount } } }`;
    const [pages, counts] = [3, 1];
    expect(await statementsFor(query, { sid: top.sid })).toBe(signIn + pages + counts);
  });

  it('one for the parents, one for the ancestors and one for the descendants of all accounts of a level', async () => {
    const tree = (field: string) => `query($sid: ID!) { account(by: { sid: $sid }) { subAccounts { nodes { ${field} } } } }`;
    const before = signIn + 1;
    expect(await statementsFor(tree('sid'), { sid: top.sid })).toBe(before);
    expect(await statementsFor(tree('parent { sid }'), { sid: top.sid })).toBe(before + 1);
    expect(await statementsFor(tree('ancestors { sid }'), { sid: top.sid })).toBe(before + 1);
    expect(await statementsFor(tree('descendantCount'), { sid: top.sid })).toBe(before + 1);
    expect(await statementsFor(tree('descendants(first: 3) { nodes { sid } }'), { sid: top.sid })).toBe(before + 1);
  });

  it('one for the accounts that gave all accounts of a level their status', async () => {
    const tree = `query($sid: ID!) { account(by: { sid: $sid }) { subAccounts { nodes { statusAuthor { emailAddress } } } } }`;
    const [level, authors] = [1, 1];
    expect(await statementsFor(tree, { sid: top.sid })).toBe(signIn + level + authors);
  });

  it('one for a page of the history, and one for all accounts that it names', async () => {
    const { data } = await postGraphql(
      gateway.url,
      admin,
      `query($sid: ID!) { account(by: { sid: $sid }) { subAccounts(first: 3) { nodes { sid } } } }`,
      {
        sid: top.sid,
      },
    );
    for (const { sid } of data!.account.subAccounts.nodes) {
      const renamed = 'mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Renamed" }) { account { sid } } }';
      await postGraphql(gateway.url, admin, renamed, { sid });
    }
    const history = `query($sid: ID!) { account(by: { sid: $sid }) { history(includeDescendants: true) { nodes {
      actor { emailAddress } account { friendlyName } } } } }`;
    const [page, accounts] = [1, 1];
    expect(await statementsFor(history, { sid: top.sid })).toBe(signIn + page + accounts);
  });

  it('one for many nodes of a kind', async () => {
    const { data } = await postGraphql(
      gateway.url,
      admin,
      `query($sid: ID!) { account(by: { sid: $sid }) { subAccounts { nodes { id } } } }`,
      {
        sid: top.sid,
      },
    );
    const ids = data!.account.subAccounts.nodes.map(({ id }: { id: string }) => id);
    expect(await statementsFor('query($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids })).toBe(signIn + 1);
  });
});

it('a statement is planned once for each session', async () => {
  const session = new Client({ connectionString: inDatabase(inject('serverUrl'), 'postgres'), pipeline: true });
  await session.connect();
  const numbers = await Promise.all(
    [1, 2, 3].map((number) => queryRows<{ number: number }>(session, 'SELECT $1::integer AS number', [number])),
  );
  expect(numbers.flat()).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
  await queryRows(session, 'SELECT $1::integer AS number', [4]);
  const prepared = await queryRows<{ statement: string }>(session, 'SELECT statement FROM pg_prepared_statements');
  await session.end();
  expect(prepared.map(({ statement }) => statement)).toContain('SELECT $1::integer AS number');
});

describe('nothing reaches the database for', () => {
  const many = (count: number, text: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => text(index)).join(' ');

  it.each([
    ['a document that is no GraphQL', '{ viewer', 'Syntax Error'],
    ['a field that does not exist', '{ nothing }', 'Cannot query field'],
    ['a variable that is missing', 'query($n: Int!) { accounts(first: $n) { nodes { sid } } }', 'was not provided'],
    ['a document of too many tokens', `{ viewer { ${many(2000, () => 'sid')} } }`, 'more than 2000 tokens'],
    ['a document that is too deep', `{ viewer { ${'subAccounts { nodes { '.repeat(20)} sid ${'} }'.repeat(20)} } }`, 'levels deep'],
    ['a document of too many aliases', `{ viewer { ${many(31, (index) => `a${index}: sid`)} } }`, 'more than 30 aliases'],
    ['a document of too many directives', `{ viewer { ${many(21, () => '... @include(if: true) { sid }')} } }`, 'more than 20 directives'],
    [
      'an operation that goes through too many chains of the history',
      '{ accounts(first: 8) { nodes { history(includeDescendants: true, first: 1) { nodes { hash } } } } }',
      'are allowed',
    ],
    [
      'an operation of too high a cost',
      '{ accounts(first: 100) { nodes { subAccounts(first: 100) { nodes { parent { sid } } } } } }',
      'are allowed',
    ],
    ['an operation that is not in the document', 'query A { viewer { sid } } query B { viewer { sid } }', 'several operations'],
    ['a subscription, which is streamed elsewhere', 'subscription { accountEvents(accountSid: "AC1") { id } }', '/graphql/stream'],
  ])('%s', async (_what, query, reason) => {
    let answer: unknown;
    const statements = await statementsOf(gateway.database, async () => {
      answer = await postGraphql(gateway.url, admin, query);
    });
    expect(answer).toMatchObject({ status: 400 });
    const { errors } = answer as { errors: { message: string; extensions: { code: string } }[] };
    expect(errors.map(({ message }) => message).join('\n')).toContain(reason);
    expect(errors[0]!.extensions.code).toMatch(/^(GRAPHQL_PARSE_FAILED|GRAPHQL_VALIDATION_FAILED|BAD_USER_INPUT)$/);
    expect(statements).toEqual([]);
  });
});

describe('a change costs', () => {
  it('one statement for the cascade, whatever the number of accounts', async () => {
    const account = await create(graphqlSurface(gateway.url));
    await plant(gateway.database, { below: account.sid, widths: [10, 10] });
    const statements = await statementsOf(gateway.database, () =>
      postGraphql(gateway.url, admin, 'mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { reachedCount } }', { sid: account.sid }),
    );
    const writing = statements.filter(({ query }) => /\b(INSERT|UPDATE account|DELETE)\b/.test(query));
    expect(writing).toEqual([
      { query: expect.stringContaining('INSERT INTO history_head'), calls: 1 },
      { query: expect.stringContaining('WITH reached AS'), calls: 1 },
    ]);
    // Sign-in, BEGIN, bounds of time, lock of the root's tree, lock of the tree, read of the caller and the account, count, cascade,
    // read again, entry of the history, COMMIT. The bounds are the transaction's own, since a pooler keeps
    // none of the session's; so each transaction says them.
    expect(callsIn(statements)).toBe(11);
  });
});

describe('of the accounts in a list, PostgreSQL is asked for', () => {
  const listed = async (fields: string, beside = ''): Promise<string[]> => {
    const statements = await statementsOf(gateway.database, () =>
      postGraphql(
        gateway.url,
        admin,
        `fragment F on Account { ${fields} } { accounts(first: 1) { ... { nodes { ... @include(if: true) { ...F } } ${beside} } } }`,
      ),
    );
    const [columns] = statements.flatMap(
      ({ query }) => /AS list, page.*LATERAL \(\s*SELECT (.*?)\s*FROM account/s.exec(query)?.slice(1) ?? [],
    );
    return [...columns!.matchAll(/account\.(\w+)/g)].map(([, column]) => column!).toSorted();
  };
  const always = ['parent_sid', 'path', 'sid'];

  it('the columns that the fields are made of, and what the list itself rests on', async () => {
    expect(await listed('sid')).toEqual(always);
    expect(await listed('name: friendlyName capabilities { restApi }')).toEqual(['friendly_name', 'status', ...always].toSorted());
    expect(await listed('organization { sid } version')).toEqual(['organization_sid', 'version', ...always].toSorted());
    for (const beside of ['edges { cursor }', 'pageInfo { endCursor }', 'pageInfo { hasNextPage }']) {
      const forCursors = beside.includes('ursor') ? ['date_created'] : [];
      expect(await listed('sid', beside)).toEqual([...forCursors, ...always]);
    }
  });

  it('enough for every field: one that is asked for alone answers as it does among all', async () => {
    const account = createSchema().getType('Account') as GraphQLObjectType;
    const selections = Object.values(account.getFields()).map(({ name, type, args }) => {
      const named = getNamedType(type);
      if (!isObjectType(named)) return name;
      const page = args.some((argument) => argument.name === 'first') ? '(first: 2)' : '';
      return `${name}${page} { ${leavesOf(named).join(' ')} }`;
    });
    const ask = async (fields: string) => {
      const query = `query($sid: ID!) { account(by: { sid: $sid }) { subAccounts(first: 2) { nodes { ${fields} } edges { node { ${fields} } } } } }`;
      const { data, errors } = await postGraphql(gateway.url, admin, query, { sid: top.sid });
      expect(errors).toBeUndefined();
      return data!.account.subAccounts;
    };
    const all = await ask(selections.join(' '));
    for (const [index, selection] of selections.entries()) {
      const name = Object.keys(account.getFields())[index]!;
      const alone = await ask(selection);
      expect(alone.nodes, name).toEqual(all.nodes.map((node: Record<string, unknown>) => ({ [name]: node[name] })));
      expect(
        alone.edges.map(({ node }: { node: object }) => node),
        name,
      ).toEqual(alone.nodes);
      expect(alone.nodes[0][name], name).not.toBeNull();
    }
  });
});

function leavesOf(type: GraphQLObjectType): string[] {
  const fields = Object.values(type.getFields()).filter((field) => isLeafType(getNamedType(field.type)));
  return fields.map(({ name }) => name);
}

describe('a request by REST costs, beside one statement to sign in,', () => {
  async function statementsForPath(path: string): Promise<number> {
    const statements = await statementsOf(gateway.database, async () => {
      expect((await sendRest(gateway.url, admin, { path })).status).toBe(200);
    });
    return callsIn(statements);
  }

  it("one for an account's AuthToken and one for its profile; and seven the first time that somebody is shown the token", async () => {
    const [authToken, profile] = [1, 1];
    const cost = signIn + authToken + profile;
    // BEGIN, bounds of time, two locks of trees, read of the caller, entry of the history, COMMIT.
    expect(await statementsForPath(`/Accounts/${top.sid}.json`)).toBe(cost + 7);
    expect(await statementsForPath(`/Accounts/${top.sid}.json`)).toBe(cost);
  });

  /** Whether it is written down already who is shown the list. */
  const isNoted = 1;

  it('one for a whole short list, whatever its form, one for who asks, and one for who was shown it before', async () => {
    // Who is shown its AuthTokens is written down once an hour.
    await statementsForPath('/Accounts');
    for (const path of ['/Accounts.json', '/Accounts']) expect(await statementsForPath(path)).toBe(signIn + isNoted + 2);
  });

  it('one for a page and one for how many there are', async () => {
    await statementsForPath('/Accounts');
    expect(await statementsForPath('/Accounts.json?Page=0&PageSize=10')).toBe(signIn + isNoted + 2);
  });

  it('one for each 500 accounts of a long list, and one for who asks', async () => {
    const { organizationSid } = await create(graphqlSurface(gateway.url));
    const [found] = await gateway.database.query<{ count: number }>(
      'SELECT count(*)::integer AS count FROM account WHERE organization_sid = $1',
      [organizationSid],
    );
    expect(found!.count).toBeGreaterThan(5000);
    const organization = 1;
    await statementsForPath(`/Accounts.json?OrganizationSid=${organizationSid}&PageSize=1`);
    expect(await statementsForPath(`/Accounts.json?OrganizationSid=${organizationSid}`)).toBe(
      signIn + organization + isNoted + 2 * Math.ceil(found!.count / 500),
    );
  });

  it('none when the form of the answer or the sign-in is refused', async () => {
    const statements = await statementsOf(gateway.database, async () => {
      expect((await sendRest(gateway.url, admin, { path: '/Accounts', headers: { accept: 'image/png' } })).status).toBe(406);
      expect((await sendRest(gateway.url, undefined, { path: '/Accounts' })).status).toBe(401);
    });
    expect(callsIn(statements)).toBe(0);
  });
});
