import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountPlace } from '../../src/domain/account.js';
import { everyPart, streamBelow } from '../../src/domain/event.js';
import { EventRepository } from '../../src/persistence/repositories/event-repository.js';
import { RemovalRepository } from '../../src/persistence/repositories/removal-repository.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { type TestGateway, startTestGateway } from '../support/gateway.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { plant } from '../support/plant.js';
import { requestsTo } from '../support/requests.js';
import { type Statement, statementsTouching } from '../support/statements.js';
import { create, password } from '../support/tree.js';

/*
 * What is done to a small tree reads that tree, however many accounts there are besides. With few of them PostgreSQL may read all, and be
 * right; so here are enough for it to prefer an index.
 */

let database: TestDatabase;
let gateway: TestGateway;
/** A connection that has the settings of the database. */
let client: Client;
/** The pages of the table of accounts. */
let pages: number;
let profile: string;
const { ask } = requestsTo(() => gateway);

/** A company with an organization of its own, and its department, which has ten accounts below it. */
interface Small {
  company: string;
  department: string;
  organization: string;
  emailAddress: string;
}

beforeAll(async () => {
  database = await cloneDatabase();
  // With slow disks it shows whether PostgreSQL knows how few accounts it will find: reading a ninth of them is then worse than reading all.
  await database.query(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET random_page_cost = 10', current_database()); END $$`);
  gateway = await startTestGateway({ database });
  client = new Client({ connectionString: database.url, pipeline: true } as object);
  await client.connect();
  const { createProfile } = await ask('mutation { createProfile(input: { document: {} }) { profile { sid } } }');
  profile = createProfile.profile.sid;
  const tops = [];
  for (let number = 0; number < 20; number++) tops.push((await create(graphqlSurface(gateway.url))).sid);
  await plant(database, { below: tops, widths: [10, 100] });
  await database.query('VACUUM (ANALYZE)');
  const [table] = await database.query<{ pages: number }>(
    `SELECT (pg_relation_size('account') / current_setting('block_size')::integer)::integer AS pages`,
  );
  pages = table!.pages;
});
afterAll(async () => {
  await client.end();
  await gateway.stop();
  await database.drop();
});

/** The statements of the work that read many pages, or found them in memory. */
const statementsWithManyPages = (work: () => Promise<unknown>): Promise<Statement[]> =>
  statementsTouching(database, { moreThan: pages / 4 }, work);

async function makeSmall(): Promise<Small> {
  const { createOrganization } = await ask(
    `mutation { createOrganization(input: { domainName: "${Math.random()}.test" }) { organization { sid } } }`,
  );
  const surface = graphqlSurface(gateway.url);
  const company = await create(surface);
  const department = await create(surface, { parent: company.sid });
  await plant(database, { below: department.sid, widths: [10] });
  const { sid: organization } = createOrganization.organization;
  return { company: company.sid, department: department.sid, organization, emailAddress: department.emailAddress };
}

it.each<[string, (small: Small) => string, object?]>([
  [
    'planning to suspend',
    ({ department }) => `setAccountStatus(input: { sid: "${department}", status: SUSPENDED, dryRun: true }) { reachedCount }`,
    { reachedCount: 11 },
  ],
  [
    'suspending',
    ({ department }) => `setAccountStatus(input: { sid: "${department}", status: SUSPENDED }) { reachedCount }`,
    { reachedCount: 11 },
  ],
  [
    'planning to close',
    ({ department }) => `closeAccount(input: { sid: "${department}", dryRun: true }) { reachedCount }`,
    { reachedCount: 11 },
  ],
  ['closing', ({ department }) => `closeAccount(input: { sid: "${department}" }) { reachedCount }`, { reachedCount: 11 }],
  [
    'planning to migrate',
    ({ company, organization }) =>
      `migrateAccount(input: { sid: "${company}", organization: { sid: "${organization}" }, dryRun: true }) { reachedCount }`,
    { reachedCount: 12 },
  ],
  [
    'migrating',
    ({ company, organization }) =>
      `migrateAccount(input: { sid: "${company}", organization: { sid: "${organization}" } }) { reachedCount }`,
    { reachedCount: 12 },
  ],
  [
    'creating below',
    ({ department }) =>
      `createAccount(input: { parentSid: "${department}", emailAddress: "${Math.random()}@small.test", role: DEVELOPER }) { account { status } }`,
  ],
  ['renaming', ({ department }) => `updateAccount(input: { sid: "${department}", friendlyName: "Renamed" }) { account { friendlyName } }`],
  [
    'changing the e-mail address of',
    ({ department }) => `updateAccount(input: { sid: "${department}", emailAddress: "${Math.random()}@small.test" }) { account { sid } }`,
  ],
  ['changing the role of', ({ department }) => `updateAccount(input: { sid: "${department}", role: DEVELOPER }) { account { role } }`],
  [
    'setting the password of',
    ({ department }) => `updateAccount(input: { sid: "${department}", password: "correct horse battery" }) { account { sid } }`,
  ],
  ['rotating the AuthToken of', ({ department }) => `rotateAuthToken(input: { sid: "${department}" }) { authToken }`],
  [
    'linking a profile to',
    ({ department }) => `linkProfile(input: { sid: "${profile}", target: { accountSid: "${department}" } }) { profile { sid } }`,
  ],
  [
    'closing the empty organization beside',
    ({ organization }) => `closeOrganization(input: { sid: "${organization}" }) { organization { status } }`,
  ],
])('%s a small tree reads only the tree', async (_what, mutation, expected) => {
  const small = await makeSmall();
  const change = async (): Promise<void> => {
    const answer = await ask(`mutation { changed: ${mutation(small)} }`);
    if (expected !== undefined) expect(answer.changed).toEqual(expected);
  };
  expect(await statementsWithManyPages(change)).toEqual([]);
});

it.each<[string, string]>([
  ['its descendants', 'descendants { totalCount nodes { sid } }'],
  ['those with a role', 'descendants(filter: { role: ADMINISTRATOR }) { totalCount nodes { sid } }'],
  ['those of whom a text is', 'descendants(filter: { text: "planted 7" }) { totalCount nodes { sid } }'],
  ['those of two levels', 'descendants(maxDepth: 2) { totalCount nodes { sid } }'],
  ['the last ones of three levels', 'descendants(maxDepth: 3, last: 5) { totalCount nodes { sid } }'],
  ['its sub-accounts', 'subAccounts { totalCount nodes { sid } }'],
  ['its sub-accounts by name', 'subAccounts(orderBy: { field: FRIENDLY_NAME }) { nodes { sid } }'],
  ['what is around it', 'descendantCount parent { sid } ancestors { sid } organization { domainName } profile { sid } viewerCan { close }'],
  ['its history', 'history(first: 5) { nodes { operation } }'],
])('reading %s reads only the tree', async (_what, selection) => {
  const { department, emailAddress } = await makeSmall();
  const bySid = `{ account(by: { sid: "${department}" }) { ${selection} } }`;
  const byAddress = `{ account(by: { emailAddress: "${emailAddress}" }) { ${selection} } }`;
  const login = { login: emailAddress, secret: password };
  const read = async (): Promise<void> => {
    for (const document of [bySid, byAddress])
      for (const caller of [undefined, login]) expect((await ask(document, {}, caller)).account).not.toBeNull();
  };
  expect(await statementsWithManyPages(read)).toEqual([]);
});

it('a change by the version before, for which a trigger counts the tree, reads only the tree', async () => {
  const { company } = await makeSmall();
  const change = (): Promise<unknown> => client.query('UPDATE history_head SET position = position WHERE tree_sid = $1', [company]);
  // A session reads the catalogue when it first plans something.
  await change();
  expect(await statementsWithManyPages(change)).toEqual([]);
  const [head] = await database.query<{ counts: number[] }>('SELECT counts FROM history_head WHERE tree_sid = $1', [company]);
  expect(head!.counts.reduce((sum, count) => sum + count)).toBe(12);
});

it('what the version before has closed is found for its removal by reading only the tree', async () => {
  const { company, department } = await makeSmall();
  await database.query(`UPDATE account SET status = 'closed' WHERE top_level_sid = $1`, [company]);
  const place = { treeSid: company, position: 1_000, part: 1, subjectSid: department };
  const find = async (): Promise<void> => expect(await new RemovalRepository(client as never).accountsOf(place)).toHaveLength(11);
  expect(await statementsWithManyPages(find)).toEqual([]);
});

/** Gives the tree a history of many entries about its department, of which each fiftieth is a suspension that reached it and is written down. */
async function makeLongHistory({ company, department }: Small): Promise<void> {
  await database.query(
    `INSERT INTO history (tree_sid, position, date, actor_sid, operation, subject_sid, hash)
     SELECT $1, number, now(), $2, CASE WHEN number % 50 = 0 THEN 'setAccountStatus' ELSE 'updateAccount' END, $2, ''
     FROM generate_series(1000, 60000) AS number`,
    [company, department],
  );
  await database.query(
    `INSERT INTO cascade_part (tree_sid, position, part, first_path, last_path, sids)
     SELECT $1, number, 1, account.path, account.path, decode(right($2, 32), 'hex')
     FROM generate_series(1000, 60000, 50) AS number, account WHERE account.sid = $2`,
    [company, department],
  );
  await database.query('UPDATE history_head SET position = 60000 WHERE tree_sid = $1', [company]);
  await database.query('VACUUM (ANALYZE) history, cascade_part');
}

describe('of a tree with a long history', () => {
  let small: Small;
  beforeAll(async () => {
    small = await makeSmall();
    await makeLongHistory(small);
  });

  it.each([
    ['the next events', 59_990],
    ['events of the past', 2_000],
  ])('%s are read without all accounts, whoever follows', async (_what, position) => {
    const events = new EventRepository(client as never);
    const accounts = await database.query<AccountPlace>(
      `SELECT sid, path, parent_sid AS "parentSid" FROM account WHERE top_level_sid = $1 AND length(path) <= 96 ORDER BY path`,
      [small.company],
    );
    expect(accounts).toHaveLength(2);
    const read = async (): Promise<void> => {
      for (const account of accounts) {
        const scope = streamBelow(account, account);
        const { entries } = await events.read(scope, { position, part: everyPart }, 20);
        expect(entries).toHaveLength(Math.min(20, 60_000 - position));
      }
    };
    // A session plans a statement without its values once it has been asked often enough.
    for (let time = 0; time < 7; time++) expect(await statementsWithManyPages(read)).toEqual([]);
  });

  it('a page of the history of an account, and of the tree, is read without all accounts', async () => {
    const read = async (): Promise<void> => {
      for (const sid of [small.company, small.department]) {
        for (const page of ['first: 50', 'last: 50']) {
          const { account } = await ask(`{ account(by: { sid: "${sid}" }) { history(${page}) { nodes { actor { sid } } } } }`);
          expect(account.history.nodes.length).toBeGreaterThan(0);
        }
      }
    };
    for (let time = 0; time < 7; time++) expect(await statementsWithManyPages(read)).toEqual([]);
  });
});
