import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { inDatabase } from '../support/database-url.js';
import { cloneDatabase } from '../support/database.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { brokenInvariants } from '../support/invariants.js';
import { untilWaitingForLocks } from '../support/locks.js';
import { sendRest } from '../support/rest-client.js';
import { type Created, create, password, uniqueEmail } from '../support/tree.js';

/* The locks of changes (SPEC §2, "Concurrency"). */

const lockSeconds = 5;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    environment: { LOCK_TIMEOUT_SECONDS: `${lockSeconds}`, ACCOUNT_COST_PER_MINUTE: '1000000000', MAX_REQUESTS: '1000' },
  });
});
afterAll(async () => {
  await gateway.stop();
});

const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);

async function told(login: Login, mutation: string, input: object, selection = 'account { sid }'): Promise<string> {
  const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input`;
  const document = `mutation($input: ${type}!) { ${mutation}(input: $input) { ${selection} } }`;
  const { errors } = await postGraphql(gateway.url, login, document, { input });
  return errors?.[0]?.extensions.code ?? 'OK';
}

describe('a tree is suspended, activated, moved and closed at once, though its own administrator, without pause,', () => {
  const floods: [string, number, (tree: Created) => [string, object]][] = [
    ['creates accounts', 12, ({ sid }) => ['createAccount', { parentSid: sid, emailAddress: uniqueEmail(), role: 'DEVELOPER' }]],
    ['creates accounts', 100, ({ sid }) => ['createAccount', { parentSid: sid, emailAddress: uniqueEmail(), role: 'DEVELOPER' }]],
    [
      'creates accounts with passwords',
      100,
      ({ sid }) => ['createAccount', { parentSid: sid, emailAddress: uniqueEmail(), password, role: 'DEVELOPER' }],
    ],
    ['renames itself', 100, ({ sid }) => ['updateAccount', { sid, friendlyName: uniqueEmail() }]],
    ['sets its password', 12, ({ sid }) => ['updateAccount', { sid, password }]],
  ];
  it.each(floods)('%s over %i connections', async (_name, connections, request) => {
    const tree = await make();
    const organization = uniqueEmail().replace('@', '.');
    await told(admin, 'createOrganization', { domainName: organization }, 'organization { sid }');
    let isOver = false;
    let asked = 0;
    let made = 0;
    const flood = Array.from({ length: connections }, async () => {
      for (; !isOver; asked++) if ((await told(tree.login, ...request(tree))) === 'OK') made += 1;
    });
    const acts: [string, object][] = [
      ['setAccountStatus', { sid: tree.sid, status: 'SUSPENDED' }],
      ['setAccountStatus', { sid: tree.sid, status: 'ACTIVE' }],
      ['migrateAccount', { sid: tree.sid, organization: { domainName: organization } }],
      ['closeAccount', { sid: tree.sid }],
    ];
    try {
      for (const [mutation, input] of acts) {
        await sleep(500);
        const before = made;
        expect(await told(admin, mutation, input)).toBe('OK');
        // Those that are under way already come first. While those who share a lock could overtake, they did so without end.
        expect(made - before, mutation).toBeLessThan(2 * connections + 50);
      }
    } finally {
      isOver = true;
      await Promise.all(flood);
    }
    expect(asked).toBeGreaterThan(connections);
  });
});

/** A session beside the program, in a transaction. */
async function session(): Promise<Client> {
  const [{ name }] = (await gateway.database.query<{ name: string }>('SELECT current_database() AS name')) as [{ name: string }];
  const client = new Client({ connectionString: inDatabase(inject('serverUrl'), name) });
  await client.connect();
  await client.query('BEGIN');
  sessions.push(client);
  return client;
}
const sessions: Client[] = [];
afterEach(async () => {
  for (const client of sessions.splice(0)) await client.end();
});

/** What an older gateway's entry in the history does to the head of the tree's. */
async function addToHistory(other: Client, treeSid: string): Promise<void> {
  await other.query(`UPDATE history_head SET position = position, hash = hash WHERE tree_sid = $1`, [treeSid]);
}

describe('a change', () => {
  it('waits for all of its locks together no longer than it may wait for one', async () => {
    const tree = await make();
    const child = await make({ parent: tree.sid });
    const [ofTree, ofAccount] = [await session(), await session()];
    await ofTree.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [tree.sid]);
    await ofAccount.query('SELECT 1 FROM account WHERE sid = $1 FOR UPDATE', [child.sid]);
    // One that begins to wait shortly before the tree's lock is free, and waits for as long as one may.
    const other = await make();
    await (await session()).query('SELECT 1 FROM account WHERE sid = $1 FOR UPDATE', [other.sid]);

    const began = performance.now();
    const answer = told(admin, 'updateAccount', { sid: child.sid, friendlyName: 'Renamed' });
    await sleep((lockSeconds - 1.5) * 1000);
    const later = told(admin, 'updateAccount', { sid: other.sid, friendlyName: 'Renamed' });
    await sleep(500);
    await ofTree.query('COMMIT');
    // A wait of its own for the second lock would end after that of the other one.
    expect(await Promise.race([answer.then(() => 'this one'), later.then(() => 'the other one')])).toBe('this one');
    expect((performance.now() - began) / 1000).toBeGreaterThan(lockSeconds - 0.5);
    expect(await Promise.all([answer, later])).toEqual(['OVERLOADED', 'OVERLOADED']);
  });

  it('that names an account by an e-mail address which meanwhile came to another one, changes neither unless it is that one', async () => {
    const [first, second] = [await make(), await make()];
    const other = await session();
    await other.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [first.sid]);
    const answer = sendRest(gateway.url, admin, {
      method: 'PUT',
      path: `/Accounts/${first.emailAddress}.json`,
      form: { FriendlyName: 'Found' },
    });
    await untilWaitingForLocks(gateway.database);
    await other.query(`UPDATE account SET status = 'closed' WHERE sid = $1`, [first.sid]);
    await other.query('DELETE FROM credential WHERE account_sid = $1', [first.sid]);
    await other.query(`UPDATE account SET email_address = $2 WHERE sid = $1`, [second.sid, first.emailAddress]);
    await addToHistory(other, first.sid);
    await other.query('COMMIT');
    const { status, text } = await answer;
    expect([status, JSON.parse(text)]).toMatchObject([200, { sid: second.sid, friendly_name: 'Found' }]);
    const names = await gateway.database.query('SELECT friendly_name FROM account WHERE sid = $1', [first.sid]);
    expect(names).toEqual([{ friendly_name: first.friendlyName }]);
  });
});

it('naming an organization keeps it from being closed only if one may put an account into it', async () => {
  const customer = await make();
  const domainName = uniqueEmail().replace('@', '.');
  await told(admin, 'createOrganization', { domainName }, 'organization { sid }');
  const other = await session();
  await other.query('SELECT 1 FROM organization WHERE domain_name = $1 FOR UPDATE', [domainName]);
  const input = () => ({ emailAddress: uniqueEmail(), role: 'DEVELOPER', organization: { domainName } });
  // Does not wait for the lock.
  expect(await told(customer.login, 'createAccount', input())).toBe('FORBIDDEN');
  const answer = told(admin, 'createAccount', input());
  await untilWaitingForLocks(gateway.database);
  await other.query('COMMIT');
  expect(await answer).toBe('OK');
});

describe('the links of a profile are locked in the order of what is linked', () => {
  /** Two accounts, one below the other, of which the one above comes later in the order of SIDs, and is linked first. */
  async function linkedPair(): Promise<{ profile: string; above: string; below: string }> {
    const created = await postGraphql(gateway.url, admin, 'mutation { createProfile(input: { document: {} }) { profile { sid } } }');
    const profile = created.data!.createProfile.profile.sid as string;
    for (;;) {
      const above = await make();
      const below = await make({ parent: above.sid });
      if (below.sid > above.sid) continue;
      for (const { sid } of [above, below]) {
        expect(await told(admin, 'linkProfile', { sid: profile, target: { accountSid: sid } }, 'profile { sid }')).toBe('OK');
      }
      return { profile, above: above.sid, below: below.sid };
    }
  }

  it.each<[string, (pair: { profile: string; above: string }) => Promise<string>]>([
    ['when it is deleted', ({ profile }) => told(admin, 'deleteProfile', { sid: profile }, 'sid')],
    ['when the tree of the accounts is closed', ({ above }) => told(admin, 'closeAccount', { sid: above })],
  ])('%s: while the first one is locked elsewhere, the others are free', async (_when, change) => {
    const pair = await linkedPair();
    const [holder, other] = [await session(), await session()];
    await holder.query('SELECT 1 FROM account_profile WHERE account_sid = $1 FOR UPDATE', [pair.below]);
    const answer = change(pair);
    await untilWaitingForLocks(gateway.database);
    const { rows } = await other.query('SELECT account_sid AS sid FROM account_profile WHERE profile_sid = $1 FOR UPDATE SKIP LOCKED', [
      pair.profile,
    ]);
    await other.query('ROLLBACK');
    await holder.query('ROLLBACK');
    expect(rows).toEqual([{ sid: pair.above }]);
    expect(await answer).toBe('OK');
  });
});

describe('beside an older gateway, which locks the row of the top-level account instead,', () => {
  it('an account is not created below one that the other is closing', async () => {
    const tree = await make();
    const other = await session();
    await other.query('SELECT 1 FROM account WHERE sid = $1 FOR UPDATE', [tree.sid]);
    const answer = told(admin, 'createAccount', { parentSid: tree.sid, emailAddress: uniqueEmail(), role: 'DEVELOPER', password });
    await untilWaitingForLocks(gateway.database);
    await other.query(`UPDATE account SET status = 'closed' WHERE top_level_sid = $1`, [tree.sid]);
    await other.query('DELETE FROM credential WHERE account_sid = $1', [tree.sid]);
    await addToHistory(other, tree.sid);
    await other.query('COMMIT');
    expect(await answer).toBe('PARENT_NOT_ACTIVE');
  });

  it('an account that the other is creating is closed with all else in its tree', async () => {
    const tree = await make();
    const child = await make({ parent: tree.sid });
    const other = await session();
    await other.query('SELECT 1 FROM account WHERE sid = $1 FOR SHARE', [tree.sid]);
    const answer = told(admin, 'closeAccount', { sid: tree.sid });
    await untilWaitingForLocks(gateway.database);
    await other.query(
      `INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
       SELECT 'AC' || md5(sid), sid, top_level_sid, path || md5(sid), organization_sid, $2, 'late', type, 'active', role FROM account WHERE sid = $1`,
      [child.sid, uniqueEmail()],
    );
    await addToHistory(other, tree.sid);
    await other.query('COMMIT');
    expect(await answer).toBe('OK');
    const open = await gateway.database.query(`SELECT 1 FROM account WHERE top_level_sid = $1 AND status <> 'closed'`, [tree.sid]);
    expect(open).toEqual([]);
  });
});

describe('a database whose advisory locks exclude nobody', () => {
  it.each([
    ['are taken by both', `CREATE FUNCTION fake.pg_try_advisory_xact_lock_shared(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'`],
    ['are never had again', `CREATE FUNCTION fake.pg_try_advisory_xact_lock_shared(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false'`],
  ])('is refused at the start: they %s', async (_how, fake) => {
    const database = await cloneDatabase();
    try {
      await database.query('CREATE SCHEMA fake');
      await database.query(fake);
      await database.query(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = fake, pg_catalog, public', current_database()); END $$`,
      );
      await expect(startTestGateway({ database })).rejects.toThrow(/does not keep advisory locks/);
    } finally {
      await database.drop();
    }
  });
});

describe('a list that streams', () => {
  it.each(['suspended', 'demoted'])('ends where its caller is %s', async (how) => {
    const tree = await make();
    const count = 20_000;
    await gateway.database.query(
      `INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
       SELECT 'AC' || md5($1 || number), $1, $1, path || md5($1 || number), organization_sid, md5($1 || number) || '@list.test', 'listed', type, 'active', role
       FROM account, generate_series(1, $2::integer) AS number WHERE sid = $1`,
      [tree.sid, count],
    );
    const response = await fetch(`${gateway.url}/2012-04-24/Accounts.json`, {
      headers: { authorization: `Basic ${Buffer.from(`${tree.sid}:${password}`).toString('base64')}` },
    });
    expect(response.status).toBe(200);
    const reader = response.body!.getReader();
    await reader.read();
    const change = how === 'suspended' ? ['setAccountStatus', { status: 'SUSPENDED' }] : ['updateAccount', { role: 'DEVELOPER' }];
    expect(await told(admin, change[0] as string, { sid: tree.sid, ...(change[1] as object) })).toBe('OK');
    // What was read ahead still comes; then the connection breaks off, so that the list cannot pass for whole.
    const rest = async (): Promise<void> => {
      while (!(await reader.read()).done);
    };
    await expect(rest()).rejects.toThrow();
  });
});

it('every invariant holds after all these changes of trees', async () => {
  expect(await brokenInvariants(gateway.database)).toEqual([]);
});
