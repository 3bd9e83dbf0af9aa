import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type HistoryEntry, type Unchained, hashOf } from '../../src/domain/history.js';
import { verifyHistoryOf } from '../../src/cli/verify-history.js';
import { inDatabase } from '../support/database-url.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { untilWaitingForLocks } from '../support/locks.js';
import { plant } from '../support/plant.js';
import { sendRest } from '../support/rest-client.js';
import { callsIn, statementsOf } from '../support/statements.js';
import { type Created, create, password, uniqueEmail } from '../support/tree.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

const ask = (query: string, variables: Record<string, unknown> = {}, login: Login | undefined = admin) =>
  postGraphql<any>(gateway.url, login, query, variables);
const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);

const entry = '{ position date actorSid operation subjectSid requestId before after record hash }';

interface Entry {
  position: number;
  date: string;
  actorSid: string | null;
  operation: string;
  subjectSid: string;
  requestId: string | null;
  before: object | null;
  after: object | null;
  record: string;
  hash: string;
}

async function historyOf(sid: string, login: Login = admin, includeDescendants = false): Promise<Entry[]> {
  const { data, errors } = await ask(
    `query($sid: ID!, $all: Boolean!) { account(by: { sid: $sid }) { history(first: 100, includeDescendants: $all) { nodes ${entry} } } }`,
    { sid, all: includeDescendants },
    login,
  );
  expect(errors).toBeUndefined();
  return data.account.history.nodes;
}

const told = (entries: Entry[]) => entries.map(({ operation, subjectSid, before, after }) => ({ operation, subjectSid, before, after }));
const operations = (entries: Entry[]) => entries.map(({ operation }) => operation);

describe('the history of an account', () => {
  it('tells every change: who, for which request, before and after', async () => {
    const { sid, emailAddress, login } = await make({ friendlyName: 'First' });
    const answer = await fetch(`${gateway.url}/2012-04-24/Accounts/${sid}.json`, {
      method: 'PUT',
      headers: { authorization: basic(admin), 'x-request-id': 'request-of-a-test', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'FriendlyName=Second&Role=Developer&Status=suspended',
    });
    expect(answer.status).toBe(200);
    await ask('mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: ACTIVE }) { account { sid } } }', { sid });
    await ask('mutation($sid: ID!) { updateAccount(input: { sid: $sid, password: "another decent one" }) { account { sid } } }', { sid });
    await ask('mutation($sid: ID!) { rotateAuthToken(input: { sid: $sid, overlapSeconds: 60 }) { authToken } }', { sid });
    const reset = await ask(
      'mutation($sid: ID!) { createPasswordResetToken(input: { sid: $sid, expiresInSeconds: 60 }) { resetToken expiresAt } }',
      { sid },
    );
    const { resetToken, expiresAt } = reset.data.createPasswordResetToken;
    await postGraphql(
      gateway.url,
      undefined,
      'mutation($token: String!) { resetPassword(input: { token: $token, password: "by the token" }) { sid } }',
      {
        token: resetToken,
      },
    );
    await ask('mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { account { sid } } }', { sid });

    const entries = await historyOf(sid);
    const root = (await ask('{ viewer { sid organizationSid } }')).data.viewer;
    const one = [{ status: 'suspended', count: 1 }];
    expect(told(entries)).toEqual([
      {
        operation: 'CREATE_ACCOUNT',
        subjectSid: sid,
        before: null,
        after: {
          emailAddress,
          friendlyName: 'First',
          type: 'Full',
          role: 'Administrator',
          status: 'active',
          organizationSid: root.organizationSid,
        },
      },
      // REST shows the AuthToken in its answer.
      {
        operation: 'UPDATE_ACCOUNT',
        subjectSid: sid,
        before: { friendlyName: 'First', role: 'Administrator' },
        after: { friendlyName: 'Second', role: 'Developer' },
      },
      {
        operation: 'SET_ACCOUNT_STATUS',
        subjectSid: sid,
        before: { status: 'active' },
        after: { status: 'suspended', reached: [{ status: 'active', count: 1 }] },
      },
      { operation: 'READ_AUTH_TOKEN', subjectSid: sid, before: null, after: { tokenSince: expect.any(String) } },
      { operation: 'SET_ACCOUNT_STATUS', subjectSid: sid, before: { status: 'suspended' }, after: { status: 'active', reached: one } },
      { operation: 'UPDATE_ACCOUNT', subjectSid: sid, before: null, after: { passwordSet: true } },
      { operation: 'ROTATE_AUTH_TOKEN', subjectSid: sid, before: null, after: { overlapSeconds: 60 } },
      { operation: 'CREATE_PASSWORD_RESET_TOKEN', subjectSid: sid, before: null, after: { expiresAt } },
      { operation: 'RESET_PASSWORD', subjectSid: sid, before: null, after: null },
      {
        operation: 'CLOSE_ACCOUNT',
        subjectSid: sid,
        before: { status: 'active' },
        after: { status: 'closed', reached: [{ status: 'active', count: 1 }] },
      },
    ]);
    expect(entries.map(({ position }) => position)).toEqual(entries.map((_, index) => index + 1));
    expect(entries.map(({ actorSid }) => actorSid)).toEqual(
      entries.map(({ operation }) => (operation === 'RESET_PASSWORD' ? sid : root.sid)),
    );
    expect(entries.slice(1, 4).map(({ requestId }) => requestId)).toEqual(Array.from({ length: 3 }, () => 'request-of-a-test'));
    expect(login.secret).toBe(password);
  });

  it('has nothing of what was refused, asked for in a dry run, or changed nothing', async () => {
    const { sid } = await make();
    await ask('mutation($sid: ID!) { closeAccount(input: { sid: $sid, dryRun: true }) { reachedCount } }', { sid });
    await ask('mutation($sid: ID!) { updateAccount(input: { sid: $sid }) { account { sid } } }', { sid });
    await ask('mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: ACTIVE }) { reachedCount } }', { sid });
    await ask('mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Stale", version: 7 }) { account { sid } } }', {
      sid,
    });
    await ask(
      'mutation($sid: ID!) { createAccount(input: { parentSid: $sid, emailAddress: "not one", role: DEVELOPER }) { account { sid } } }',
      { sid },
    );
    expect(operations(await historyOf(sid))).toEqual(['CREATE_ACCOUNT']);
  });

  it('has nothing of a profile that is linked again, or unlinked where it was not linked', async () => {
    const { sid } = await make();
    const profiles: string[] = [];
    for (let count = 0; count < 2; count++) {
      const { data } = await ask('mutation { createProfile(input: { document: {} }) { profile { sid } } }');
      profiles.push(data.createProfile.profile.sid);
    }
    const change = (mutation: 'linkProfile' | 'unlinkProfile', profile: string | undefined) =>
      ask(`mutation($p: ID!, $a: ID!) { ${mutation}(input: { sid: $p, target: { accountSid: $a } }) { profile { sid } } }`, {
        p: profile,
        a: sid,
      });
    for (const [mutation, profile] of [
      ['unlinkProfile', profiles[0]],
      ['linkProfile', profiles[0]],
      ['linkProfile', profiles[0]],
      ['unlinkProfile', profiles[1]],
      ['unlinkProfile', profiles[0]],
      ['unlinkProfile', profiles[0]],
    ] as const) {
      expect((await change(mutation, profile)).data[mutation].profile.sid).toBe(profile);
    }
    expect(operations(await historyOf(sid))).toEqual(['CREATE_ACCOUNT', 'LINK_PROFILE', 'UNLINK_PROFILE']);
  });

  it('dates an entry when its chain was locked, not when its transaction began: the order of dates is that of positions', async () => {
    const { sid } = await make();
    const holder = new Client({ connectionString: inDatabase(inject('serverUrl'), new URL(gateway.database.url).pathname.slice(1)) });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM history_head WHERE tree_sid = $1 FOR UPDATE', [sid]);
    const renamed = ask('mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Waits" }) { account { sid } } }', { sid });
    await untilWaitingForLocks(gateway.database);
    const [{ now }] = (await gateway.database.query<{ now: Date }>('SELECT clock_timestamp() AS now')) as [{ now: Date }];
    await holder.query('COMMIT');
    await holder.end();
    expect((await renamed).errors).toBeUndefined();
    const dates = (await historyOf(sid)).map(({ date }) => Date.parse(date));
    expect(dates).toEqual(dates.toSorted((one, other) => one - other));
    expect(dates.at(-1)).toBeGreaterThanOrEqual(now.getTime());
  });

  it('tells only of what is another value than before', async () => {
    const { sid } = await make({ friendlyName: 'Same' });
    const update =
      'mutation($sid: ID!, $role: Role!) { updateAccount(input: { sid: $sid, friendlyName: "Same", role: $role }) { account { sid } } }';
    await ask(update, { sid, role: 'ADMINISTRATOR' });
    expect(operations(await historyOf(sid))).toEqual(['CREATE_ACCOUNT']);
    await ask(update, { sid, role: 'DEVELOPER' });
    expect(told(await historyOf(sid)).at(-1)).toMatchObject({ before: { role: 'Administrator' }, after: { role: 'Developer' } });
  });

  it('has an entry each for what an account is called and may do, for its e-mail address, and for its password', async () => {
    const { sid, emailAddress } = await make({ friendlyName: 'First', status: 'uninitialized' });
    const renewed = uniqueEmail();
    await ask(
      `mutation($sid: ID!, $to: EmailAddress!) {
         updateAccount(input: { sid: $sid, friendlyName: "Second", type: TRIAL, emailAddress: $to, password: "another decent one" }) { account { sid } } }`,
      { sid, to: renewed },
    );
    expect(told(await historyOf(sid)).slice(1)).toEqual(
      [
        { before: { friendlyName: 'First', type: 'Full' }, after: { friendlyName: 'Second', type: 'Trial' } },
        { before: { emailAddress }, after: { emailAddress: renewed } },
        { before: { status: 'uninitialized' }, after: { status: 'active', passwordSet: true } },
      ].map((facts) => ({ operation: 'UPDATE_ACCOUNT', subjectSid: sid, ...facts })),
    );
  });

  it('has the cascades that reached it from above, once it was there, as far up as the caller sees', async () => {
    const top = await make();
    const middle = await make({ parent: top.sid });
    const suspend = 'mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { reachedCount } }';
    const activate = 'mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: ACTIVE }) { reachedCount } }';
    for (const sid of [top.sid, middle.sid]) {
      await ask(suspend, { sid });
      await ask(activate, { sid });
    }
    await ask(activate, { sid: top.sid });
    const low = await make({ parent: middle.sid });
    for (const sid of [middle.sid, top.sid]) {
      await ask(suspend, { sid });
      await ask(activate, { sid });
    }
    const seenBy = async (login: Login) => (await historyOf(low.sid, login)).map(({ operation, subjectSid }) => [operation, subjectSid]);
    const byMiddle = [['CREATE_ACCOUNT', low.sid], ...Array.from({ length: 2 }, () => ['SET_ACCOUNT_STATUS', middle.sid])];
    const byTop = [...byMiddle, ...Array.from({ length: 2 }, () => ['SET_ACCOUNT_STATUS', top.sid])];
    expect(await seenBy(middle.login)).toEqual(byMiddle);
    expect(await seenBy(top.login)).toEqual(byTop);
    expect(await seenBy(admin)).toEqual(byTop);
    // What the Super Admin did is told, but not who that is.
    expect((await historyOf(low.sid, top.login)).map(({ actorSid }) => actorSid)).toEqual(byTop.map(() => null));
    expect(await historyOf(low.sid, low.login)).toHaveLength(1);
  });

  it('names the account that did it to whoever sees that account, and to nobody else', async () => {
    const top = await make({ friendlyName: 'Top' });
    const below = await make({ parent: top.sid });
    const rename = 'mutation($sid: ID!, $name: String!) { updateAccount(input: { sid: $sid, friendlyName: $name }) { account { sid } } }';
    await ask(rename, { sid: below.sid, name: 'By the top' }, top.login);
    await ask(rename, { sid: below.sid, name: 'By itself' }, below.login);
    const actors = `query($sid: ID!) { account(by: { sid: $sid }) { history { nodes {
      actorSid actor { sid emailAddress } account { sid friendlyName } } } } }`;
    const seenBy = async (login: Login) => (await ask(actors, { sid: below.sid }, login)).data.account.history.nodes;
    const root = (await ask('{ viewer { sid emailAddress } }')).data.viewer;
    const account = { sid: below.sid, friendlyName: 'By itself' };
    const by = ({ sid, emailAddress }: { sid: string; emailAddress: string }) => ({ actorSid: sid, actor: { sid, emailAddress }, account });
    const unseen = { actorSid: null, actor: null, account };
    expect(await seenBy(admin)).toEqual([by(root), by(top), by(below)]);
    expect(await seenBy(top.login)).toEqual([unseen, by(top), by(below)]);
    expect(await seenBy(below.login)).toEqual([unseen, unseen, by(below)]);
  });

  it('names no account where it is about an organization', async () => {
    const { data } = await ask(
      '{ viewer { organizationSid history(first: 100, includeDescendants: true) { nodes { subjectSid account { sid } } } } }',
    );
    const { organizationSid, history } = data.viewer;
    expect(history.nodes).toContainEqual({ subjectSid: organizationSid, account: null });
  });

  it('is a chain that a client can verify by itself, from end to end', async () => {
    const top = await make();
    const below = await make({ parent: top.sid });
    await ask(
      'mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Renamed" }) { account { sid } } }',
      { sid: below.sid },
      top.login,
    );
    await ask('{ authToken(sid: "' + below.sid + '") }', {}, top.login);
    await ask('mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { reachedCount } }', { sid: below.sid });
    const chain = await historyOf(top.sid, top.login, true);
    expect(operations(chain)).toEqual(['CREATE_ACCOUNT', 'CREATE_ACCOUNT', 'UPDATE_ACCOUNT', 'READ_AUTH_TOKEN', 'CLOSE_ACCOUNT']);
    let hash = top.sid;
    for (const { record, hash: own, actorSid, requestId, ...fields } of chain) {
      hash = createHash('sha256').update(`${hash}\n${record}`).digest('hex');
      expect(own).toBe(hash);
      const [position, date, actor, , subjectSid, request, before, after] = JSON.parse(record);
      expect({ position, date, subjectSid, before: JSON.parse(before), after: JSON.parse(after) }).toMatchObject({
        position: fields.position,
        subjectSid: fields.subjectSid,
        before: fields.before,
        after: fields.after,
      });
      // Who did what the Super Admin did is out of sight, and so is for which request.
      expect([actorSid, requestId].map((hidden) => hidden === null)).toEqual(
        Array(2).fill(!['UPDATE_ACCOUNT', 'READ_AUTH_TOKEN'].includes(fields.operation)),
      );
      if (actorSid !== null) expect(createHash('sha256').update(actorSid).digest('hex')).toBe(actor);
      if (requestId !== null) expect(createHash('sha256').update(requestId).digest('hex')).toBe(request);
    }
  });

  it('hides the request as it hides who made it, in the text that is hashed too', async () => {
    const top = await make();
    const change = 'mutation($sid: ID!, $name: String!) { updateAccount(input: { sid: $sid, friendlyName: $name }) { account { sid } } }';
    for (const [login, id] of [
      [admin, 'from-above'],
      [top.login, 'its-own'],
    ] as const) {
      await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: basic(login), 'x-request-id': id },
        body: JSON.stringify({ query: change, variables: { sid: top.sid, name: id } }),
      });
    }
    const requests = async (login: Login) => (await historyOf(top.sid, login)).slice(1).map(({ requestId }) => requestId);
    expect(await requests(admin)).toEqual(['from-above', 'its-own']);
    expect(await requests(top.login)).toEqual([null, 'its-own']);
    const [, byAdmin] = await historyOf(top.sid, top.login);
    expect(JSON.parse(byAdmin!.record)[5]).toBe(createHash('sha256').update('from-above').digest('hex'));
  });

  it('can be verified where entries are from before request IDs were hidden', async () => {
    const top = await make();
    const rows = await gateway.database.query<HistoryEntry>(
      `SELECT position, date, actor_sid AS "actorSid", operation, subject_sid AS "subjectSid", request_id AS "requestId", before, after
       FROM history WHERE tree_sid = $1 ORDER BY position`,
      [top.sid],
    );
    const hash = hashOf(top.sid, { ...rows[0]!, recordVersion: 1 });
    await gateway.database.query('UPDATE history SET hash = $2, record_version = 1 WHERE tree_sid = $1', [top.sid, hash]);
    await gateway.database.query('UPDATE history_head SET hash = $2 WHERE tree_sid = $1', [top.sid, hash]);
    await make({ parent: top.sid });
    expect(await verifyHistoryOf(gateway.database.url, undefined)).toMatchObject({ isSound: true });
    const [old, young] = await historyOf(top.sid, admin, true);
    expect([JSON.parse(old!.record)[5] === old!.requestId, JSON.parse(young!.record)[5] === young!.requestId]).toEqual([true, false]);
    for (const [before, { record, hash: own }] of [
      [top.sid, old!],
      [old!.hash, young!],
    ] as const) {
      expect(own).toBe(createHash('sha256').update(`${before}\n${record}`).digest('hex'));
    }
  });

  it('is verified by the program that the documentation has, over several pages, and not once an entry was altered', async () => {
    const top = await make();
    const rename = 'mutation($sid: ID!, $name: String!) { updateAccount(input: { sid: $sid, friendlyName: $name }) { account { sid } } }';
    for (let index = 0; index < 120; index++) await ask(rename, { sid: top.sid, name: `Name ${index}` });
    const root = (await ask('{ viewer { sid } }')).data.viewer.sid;
    const [, program] = /```js\n(.*?)```/s.exec(await readFile(join(import.meta.dirname, '../../docs/history.md'), 'utf8'))!;
    const file = join(await mkdtemp(join(tmpdir(), 'gateway-verifier-')), 'verify.mjs');
    await writeFile(file, program!);
    const verify = async (sid: string, { login, secret }: Login) =>
      (await promisify(execFile)(process.execPath, [file, gateway.url, login, secret, sid])).stdout;
    for (const [sid, login] of [
      [top.sid, top.login],
      [root, admin],
    ] as const) {
      const [end] = await gateway.database.query('SELECT position, hash FROM history_head WHERE tree_sid = $1', [sid]);
      expect(await verify(sid, login)).toBe(`${end!.position} ${end!.hash}\n`);
    }
    const alter = (from: string, to: string) =>
      gateway.database.query(`UPDATE history SET after = replace(after, $2, $3) WHERE tree_sid = $1 AND position = 111`, [
        top.sid,
        from,
        to,
      ]);
    await alter('Name', 'Game');
    await expect(verify(top.sid, top.login)).rejects.toThrow('Entry 111 is not as it was written.');
    await alter('Game', 'Name');
    await rm(dirname(file), { recursive: true });
  });

  it('is for administrators: of themselves and of what is below them', async () => {
    const top = await make();
    const developer = await make({ parent: top.sid, role: 'Developer' });
    const stranger = await make();
    const query = 'query($sid: ID!) { account(by: { sid: $sid }) { history { totalCount } } viewer { history { totalCount } } }';
    expect((await ask(query, { sid: developer.sid }, top.login)).data).toEqual({
      account: { history: { totalCount: 1 } },
      viewer: { history: { totalCount: 1 } },
    });
    const refused = await ask(query, { sid: developer.sid }, developer.login);
    expect(refused.errors!.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    expect((await ask(query, { sid: developer.sid }, stranger.login)).data.account).toBeNull();
  });

  it('has pages in both directions, and counts', async () => {
    const top = await make();
    for (let index = 0; index < 6; index++) await make({ parent: top.sid });
    const page = async (args: string) =>
      (
        await ask(
          `query($sid: ID!) { account(by: { sid: $sid }) { history(includeDescendants: true, ${args}) {
          totalCount pageInfo { hasNextPage hasPreviousPage endCursor startCursor } edges { cursor node { position } } } } }`,
          { sid: top.sid },
        )
      ).data.account.history;
    const first = await page('first: 3');
    expect(first).toMatchObject({ totalCount: 7, pageInfo: { hasNextPage: true } });
    const positions = ({ edges }: { edges: { node: { position: number } }[] }) => edges.map(({ node }) => node.position);
    expect(positions(first)).toEqual([1, 2, 3]);
    expect(positions(await page(`first: 3, after: "${first.pageInfo.endCursor}"`))).toEqual([4, 5, 6]);
    expect(positions(await page('last: 2'))).toEqual([6, 7]);
    expect(positions(await page(`last: 2, before: "${first.pageInfo.endCursor}"`))).toEqual([1, 2]);
  });

  it('costs one statement for all accounts of a level, and one for their counts', async () => {
    const top = await make();
    for (let index = 0; index < 5; index++) await make({ parent: top.sid });
    const cost = async (fields: string) =>
      callsIn(
        await statementsOf(gateway.database, () =>
          ask(`query($sid: ID!) { account(by: { sid: $sid }) { subAccounts { nodes { sid ${fields} } } } }`, { sid: top.sid }),
        ),
      );
    const plain = await cost('');
    expect(await cost('history(first: 2) { nodes { operation } }')).toBe(plain + 1);
    expect(await cost('history(first: 2) { totalCount nodes { operation } }')).toBe(plain + 2);
  });
});

describe('who is shown an AuthToken', () => {
  it('is written down for each reader and each token once, before the token is shown', async () => {
    const top = await make();
    const below = await make({ parent: top.sid });
    const read = (login: Login) => ask(`{ authToken(sid: "${below.sid}") }`, {}, login);
    const readers = async () =>
      (await historyOf(below.sid)).filter(({ operation }) => operation === 'READ_AUTH_TOKEN').map(({ actorSid }) => actorSid);
    await read(top.login);
    await read(top.login);
    await sendRest(gateway.url, top.login, { path: `/Accounts/${below.sid}` });
    expect(await readers()).toEqual([top.sid]);
    await sendRest(gateway.url, below.login, { path: `/Accounts/${below.sid}.json` });
    expect(await readers()).toEqual([top.sid, below.sid]);
    await ask('mutation($sid: ID!) { rotateAuthToken(input: { sid: $sid }) { authToken } }', { sid: below.sid }, top.login);
    // The new token is another one, and is told once as well.
    await read(top.login);
    await read(top.login);
    await sendRest(gateway.url, top.login, { path: `/Accounts/${below.sid}` });
    expect(await readers()).toEqual([top.sid, below.sid, top.sid]);
  });

  it('is not shown it when that cannot be written down; a change that was made is told all the same', async () => {
    const { sid } = await make();
    const refuse = `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '55P03'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON history FOR EACH ROW WHEN (NEW.operation = 'readAuthToken') EXECUTE FUNCTION refuse()`;
    await gateway.database.query(refuse);
    const path = `/Accounts/${sid}.json`;
    const changed = await sendRest(gateway.url, admin, { method: 'PUT', path, form: { FriendlyName: 'After' } });
    const read = await sendRest(gateway.url, admin, { path });
    await gateway.database.query('DROP TRIGGER refuse ON history');
    expect([changed.status, JSON.parse(changed.text)]).toEqual([200, expect.not.objectContaining({ auth_token: expect.anything() })]);
    expect(JSON.parse(changed.text)).toMatchObject({ friendly_name: 'After' });
    expect(read.status).toBe(503);
    await gateway.database.query('ALTER TABLE history_head RENAME TO moved');
    try {
      const { data, errors } = await ask(`{ authToken(sid: "${sid}") }`);
      expect([data?.authToken ?? null, errors![0]!.extensions.code]).toEqual([null, 'UNAVAILABLE']);
    } finally {
      await gateway.database.query('ALTER TABLE moved RENAME TO history_head');
    }
  });
});

describe('the history of organizations and profiles', () => {
  it('is in the chain of the root; an organization shows its own', async () => {
    const domainName = uniqueEmail().replace('@', '.');
    const created = await ask(
      'mutation($name: DomainName!) { createOrganization(input: { domainName: $name }) { organization { sid } } }',
      {
        name: domainName,
      },
    );
    const { sid } = created.data.createOrganization.organization;
    const profile = (await ask('mutation { createProfile(input: { document: { a: 1 } }) { profile { sid } } }')).data.createProfile.profile
      .sid;
    const account = await make();
    await ask('mutation($p: ID!, $o: ID!) { linkProfile(input: { sid: $p, target: { organizationSid: $o } }) { profile { sid } } }', {
      p: profile,
      o: sid,
    });
    await ask('mutation($p: ID!, $a: ID!) { linkProfile(input: { sid: $p, target: { accountSid: $a } }) { profile { sid } } }', {
      p: profile,
      a: account.sid,
    });
    await ask('mutation($p: ID!, $a: ID!) { unlinkProfile(input: { sid: $p, target: { accountSid: $a } }) { profile { sid } } }', {
      p: profile,
      a: account.sid,
    });
    await ask('mutation($p: ID!) { updateProfile(input: { sid: $p, document: { a: 2 } }) { profile { sid } } }', { p: profile });
    await ask('mutation($p: ID!) { deleteProfile(input: { sid: $p }) { sid } }', { p: profile });
    await ask('mutation($o: ID!) { closeOrganization(input: { sid: $o }) { organization { sid } } }', { o: sid });

    const digest = (text: string) => ({ sha256: createHash('sha256').update(text).digest('hex'), bytes: text.length });
    const { data } = await ask(`query($o: ID!) { organization(by: { sid: $o }) { history { totalCount nodes ${entry} } } }`, { o: sid });
    expect(told(data.organization.history.nodes)).toEqual([
      { operation: 'CREATE_ORGANIZATION', subjectSid: sid, before: null, after: { domainName, status: 'active' } },
      { operation: 'LINK_PROFILE', subjectSid: sid, before: null, after: { profileSid: profile } },
      { operation: 'UNLINK_PROFILE', subjectSid: sid, before: { profileSid: profile }, after: null },
      { operation: 'CLOSE_ORGANIZATION', subjectSid: sid, before: { status: 'active' }, after: { status: 'closed' } },
    ]);
    expect(data.organization.history.totalCount).toBe(4);
    expect(told(await historyOf(account.sid)).slice(1)).toEqual([
      { operation: 'LINK_PROFILE', subjectSid: account.sid, before: null, after: { profileSid: profile } },
      { operation: 'UNLINK_PROFILE', subjectSid: account.sid, before: { profileSid: profile }, after: null },
    ]);
    const root = (await ask('{ viewer { sid } }')).data.viewer.sid;
    expect(told((await historyOf(root, admin, true)).filter(({ subjectSid }) => subjectSid === profile))).toEqual([
      { operation: 'CREATE_PROFILE', subjectSid: profile, before: null, after: digest('{"a":1}') },
      { operation: 'UPDATE_PROFILE', subjectSid: profile, before: digest('{"a":1}'), after: digest('{"a":2}') },
      { operation: 'DELETE_PROFILE', subjectSid: profile, before: { ...digest('{"a":2}'), linked: [sid], linkedCount: 1 }, after: null },
    ]);
    expect(operations(await historyOf(root, admin)).slice(0, 1)).toEqual(['CREATE_ACCOUNT']);
  });
});

describe('a link that ends with something else', () => {
  const newProfile = async (): Promise<string> =>
    (await ask('mutation { createProfile(input: { document: {} }) { profile { sid } } }')).data.createProfile.profile.sid;
  const link = async (profile: string, target: object) =>
    ask('mutation($p: ID!, $t: ProfileTarget!) { linkProfile(input: { sid: $p, target: $t }) { profile { sid } } }', {
      p: profile,
      t: target,
    });
  const unlinked = (sid: string, profileSid: string) => ({
    operation: 'UNLINK_PROFILE',
    subjectSid: sid,
    before: { profileSid },
    after: null,
  });

  const entriesInAll = async (): Promise<number> =>
    (await gateway.database.query<{ count: number }>(`SELECT count(*)::integer FROM history`))[0]!.count;
  /** Links all that is right below the account. */
  const linkBelow = (sid: string, profile: string) =>
    gateway.database.query(`INSERT INTO account_profile (account_sid, profile_sid) SELECT sid, $2 FROM account WHERE parent_sid = $1`, [
      sid,
      profile,
    ]);

  it('is told to a thousand at most when the profile is deleted, and counted for all', async () => {
    const [profile, top] = [await newProfile(), await make()];
    await plant(gateway.database, { below: top.sid, widths: [1010] });
    await linkBelow(top.sid, profile);
    const before = await entriesInAll();
    await ask('mutation($p: ID!) { deleteProfile(input: { sid: $p }) { sid } }', { p: profile });
    expect(await entriesInAll()).toBe(before + 1000 + 1);
    const [deleted] = await gateway.database.query<{ before: string }>(
      `SELECT before FROM history WHERE subject_sid = $1 AND operation = 'deleteProfile'`,
      [profile],
    );
    const { linked, linkedCount } = JSON.parse(deleted!.before) as { linked: string[]; linkedCount: number };
    expect([linked.length, new Set(linked).size, linkedCount]).toEqual([1000, 1000, 1010]);
    expect(linked).toEqual(linked.toSorted());
    expect(operations(await historyOf(linked[0]!))).toEqual(['UNLINK_PROFILE']);
  });

  it('is told to all whom it touched when the profile is deleted, in whatever tree they are', async () => {
    const profile = await newProfile();
    const [one, other] = [await make(), await make()];
    const child = await make({ parent: other.sid });
    for (const { sid } of [one, child]) await link(profile, { accountSid: sid });
    await ask('mutation($p: ID!) { deleteProfile(input: { sid: $p }) { sid } }', { p: profile });
    for (const { sid } of [one, child]) expect(told(await historyOf(sid)).at(-1)).toEqual(unlinked(sid, profile));
    expect(operations(await historyOf(other.sid, admin))).toEqual(['CREATE_ACCOUNT']);
  });

  it('is told when the organization is closed', async () => {
    const [profile, domainName] = [await newProfile(), uniqueEmail().replace('@', '.')];
    const created = await ask(
      'mutation($name: DomainName!) { createOrganization(input: { domainName: $name }) { organization { sid } } }',
      {
        name: domainName,
      },
    );
    const { sid } = created.data.createOrganization.organization;
    await link(profile, { organizationSid: sid });
    await ask('mutation($o: ID!) { closeOrganization(input: { sid: $o }) { organization { sid } } }', { o: sid });
    const { data } = await ask(`query($o: ID!) { organization(by: { sid: $o }) { history { nodes ${entry} } } }`, { o: sid });
    expect(told(data.organization.history.nodes).at(-2)).toEqual(unlinked(sid, profile));
  });

  it('is named and counted in the one entry of a closing, up to a hundred', async () => {
    const profile = await newProfile();
    const top = await make();
    const child = await make({ parent: top.sid });
    await link(profile, { accountSid: child.sid });
    await plant(gateway.database, { below: child.sid, widths: [150] });
    await gateway.database.query(
      `INSERT INTO account_profile (account_sid, profile_sid) SELECT sid, $2 FROM account WHERE parent_sid = $1`,
      [child.sid, profile],
    );
    const before = await entriesInAll();
    await ask('mutation($a: ID!) { closeAccount(input: { sid: $a }) { dryRun } }', { a: child.sid });
    expect(await entriesInAll()).toBe(before + 1);
    const sids = await gateway.database.query<{ sid: string }>(
      `SELECT sid FROM account WHERE parent_sid = $1 OR sid = $1 ORDER BY sid LIMIT 100`,
      [child.sid],
    );
    const closing = told(await historyOf(child.sid)).at(-1)!;
    expect(closing.after).toMatchObject({
      status: 'closed',
      unlinkedCount: 151,
      unlinked: sids.map(({ sid }) => ({ sid, profileSid: profile })),
    });
    const [left] = await gateway.database.query(`SELECT count(*)::integer AS count FROM account_profile WHERE profile_sid = $1`, [profile]);
    expect(left).toEqual({ count: 0 });
  });
});

describe('many writers of one tree', () => {
  it('leave one chain, whole', async () => {
    const top = await make();
    const createBelow = () =>
      ask(
        'mutation($sid: ID!, $email: EmailAddress!) { createAccount(input: { parentSid: $sid, emailAddress: $email, role: DEVELOPER }) { account { sid } } }',
        {
          sid: top.sid,
          email: uniqueEmail(),
        },
      );
    const rename = (index: number) =>
      ask('mutation($sid: ID!, $name: String!) { updateAccount(input: { sid: $sid, friendlyName: $name }) { account { sid } } }', {
        sid: top.sid,
        name: `Name ${index}`,
      });
    await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 3 === 0 ? rename(index) : createBelow())));
    expect(await historyOf(top.sid, top.login, true)).toHaveLength(41);
    expect(await verifyHistoryOf(gateway.database.url, undefined)).toMatchObject({ isSound: true });
  });
});

describe('npm run verify-history', () => {
  let folder: string;
  let file: string;
  let top: Created;
  const query = <Row extends object>(sql: string, parameters: unknown[]) => gateway.database.query<Row>(sql, parameters);
  const check = ({ isNew = false } = {}) => verifyHistoryOf(gateway.database.url, { file, isNew });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-history-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    file = join(folder, uniqueEmail());
    top = await make();
    for (let index = 0; index < 4; index++) await make({ parent: top.sid });
    if (!(await check({ isNew: true })).isSound) throw new Error('the history is not sound before it was damaged');
  });

  /** Does the damage, finds it, undoes it. */
  async function damaged(damage: string | (() => Promise<void>)): Promise<string> {
    const saved = await query('SELECT * FROM history WHERE tree_sid = $1 ORDER BY position', [top.sid]);
    const [head] = await query('SELECT tree_sid, position, hash FROM history_head WHERE tree_sid = $1', [top.sid]);
    await (typeof damage === 'string' ? query(damage, [top.sid]) : damage());
    const before = await readFile(file, 'utf8');
    const { isSound, sentence } = await check();
    expect(isSound).toBe(false);
    expect(await readFile(file, 'utf8')).toBe(before);
    await query('DELETE FROM history WHERE tree_sid = $1', [top.sid]);
    for (const row of saved) {
      await query(
        `INSERT INTO history (tree_sid, position, date, actor_sid, operation, subject_sid, request_id, before, after, hash, record_version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
        Object.values(row),
      );
    }
    await query(
      'INSERT INTO history_head (tree_sid, position, hash) VALUES ($1, $2, $3) ON CONFLICT (tree_sid) DO UPDATE SET position = $2, hash = $3',
      Object.values(head!),
    );
    expect(await check()).toMatchObject({ isSound: true });
    return sentence;
  }

  const place = (position: number) => `Entry ${position} of the history of ${top.sid}`;

  it.each([
    ['date', `date + interval '1 ms'`],
    ['actor_sid', `'AC00000000000000000000000000000000'`],
    ['operation', `'closeAccount'`],
    ['subject_sid', `$1`],
    ['request_id', `'another'`],
    ['before', `'{}'`],
    ['after', `replace(after, 'active', 'closed')`],
    ['hash', `md5(hash) || md5(hash)`],
    ['record_version', '1'],
  ])('names the entry whose %s was edited', async (column, value) => {
    expect(await damaged(`UPDATE history SET ${column} = ${value} WHERE tree_sid = $1 AND position = 3`)).toContain(
      `${place(3)} is not as it was written`,
    );
  });

  it('names what no constraint would have let in', async () => {
    await query('ALTER TABLE history DROP CONSTRAINT history_date_finite, DROP CONSTRAINT history_position_counted', []);
    expect(await damaged(`UPDATE history SET date = 'infinity' WHERE tree_sid = $1 AND position = 2`)).toContain(
      `${place(2)} is not as it was written`,
    );
    const forged = `INSERT INTO history SELECT tree_sid, -1, date, actor_sid, operation, subject_sid, request_id, before, after, hash, record_version
      FROM history WHERE tree_sid = $1 AND position = 2`;
    expect(await damaged(forged)).toContain(place(1));
  });

  it('names the first entry that was deleted', async () => {
    expect(await damaged('DELETE FROM history WHERE tree_sid = $1 AND position IN (2, 3)')).toContain(`${place(2)} is missing`);
  });

  it('names the first entry of those that changed places', async () => {
    const columns = 'date, actor_sid, operation, subject_sid, request_id, before, after, hash';
    const swapped = columns.replaceAll(/\w+/g, (column) => `other.${column}`);
    expect(
      await damaged(`UPDATE history SET (${columns}) = (SELECT ${swapped} FROM history AS other
                     WHERE other.tree_sid = $1 AND other.position = 6 - history.position)
                     WHERE tree_sid = $1 AND position IN (2, 4)`),
    ).toContain(`${place(2)} is not as it was written`);
  });

  it('names the entry that was put in', async () => {
    expect(
      await damaged(`INSERT INTO history SELECT tree_sid, 6, date, actor_sid, operation, subject_sid, request_id, before, after, hash, record_version
                     FROM history WHERE tree_sid = $1 AND position = 5`),
    ).toContain(`${place(6)} is not as it was written`);
  });

  it('names the end that was cut off, also when the record of it was mended', async () => {
    expect(await damaged('DELETE FROM history WHERE tree_sid = $1 AND position > 3')).toContain(`${place(4)} is missing`);
    const cut = `WITH gone AS (DELETE FROM history WHERE tree_sid = $1 AND position > 3)
      UPDATE history_head SET position = 3, hash = (SELECT hash FROM history WHERE tree_sid = $1 AND position = 3) WHERE tree_sid = $1`;
    expect(await damaged(cut)).toContain(`${place(4)} is missing`);
    const all = `WITH gone AS (DELETE FROM history WHERE tree_sid = $1) DELETE FROM history_head WHERE tree_sid = $1`;
    expect(await damaged(all)).toContain(`${place(1)} is missing`);
  });

  it('names the entry at the checkpoint, when a chain was written anew with right hashes', async () => {
    const forge = async () => {
      const rows = await query<HistoryEntry>(
        `SELECT position, date, actor_sid AS "actorSid", operation, subject_sid AS "subjectSid", request_id AS "requestId", before, after, record_version AS "recordVersion"
         FROM history WHERE tree_sid = $1 ORDER BY position`,
        [top.sid],
      );
      let hash = top.sid;
      for (const row of rows) {
        hash = hashOf(hash, row.position === 3 ? { ...row, after: '{}' } : row);
        await query('UPDATE history SET hash = $2 WHERE tree_sid = $1 AND position = $3', [top.sid, hash, row.position]);
      }
      await query(`UPDATE history SET after = '{}' WHERE tree_sid = $1 AND position = 3`, [top.sid]);
      await query('UPDATE history_head SET hash = $2 WHERE tree_sid = $1', [top.sid, hash]);
      expect(await verifyHistoryOf(gateway.database.url, undefined)).toMatchObject({ isSound: true });
    };
    const known = 'differs from the one at the checkpoint: it, or one before it, was altered, and the entries after it were hashed again.';
    expect(await damaged(forge)).toBe(`The history is not sound. ${place(5)} ${known}`);
  });

  it('names the tree whose head counts other accounts than there are', async () => {
    const miscount = async (): Promise<void> => {
      await query(`SET account_gateway.keeps = 'counts'`, []);
      await query(`UPDATE history_head SET counts[7] = counts[7] + 1 WHERE tree_sid = $1`, [top.sid]);
      await query(`RESET account_gateway.keeps`, []);
    };
    expect(await damaged(miscount)).toContain(
      `The numbers of accounts at the head of the history of ${top.sid} are not those of its accounts.`,
    );
  });

  it('names the last entry when the record of where its chain ends has another hash', async () => {
    expect(await damaged(`UPDATE history_head SET hash = md5(hash) || md5(hash) WHERE tree_sid = $1`)).toContain(
      `${place(5)} is not as it was written`,
    );
  });

  it('reads on past the entries of one statement: the last of more than five thousand is found altered', async () => {
    const [head] = await query<{ hash: string }>('SELECT hash FROM history_head WHERE tree_sid = $1', [top.sid]);
    const [first, last] = [6, 5200];
    const entries: HistoryEntry[] = [];
    for (let position = first; position <= last; position++) {
      const entry: Unchained = {
        position,
        date: new Date(position),
        actorSid: null,
        operation: 'updateAccount',
        subjectSid: top.sid,
        requestId: null,
        before: null,
        after: null,
        recordVersion: 2,
      };
      entries.push({ ...entry, hash: hashOf(entries.at(-1)?.hash ?? head!.hash, entry) });
    }
    await query(
      `INSERT INTO history (tree_sid, position, date, actor_sid, operation, subject_sid, request_id, before, after, hash, record_version)
       SELECT $1, entry.position, entry.date, NULL, 'updateAccount', $1, NULL, NULL, NULL, entry.hash, 2
       FROM unnest($2::integer[], $3::timestamptz[], $4::text[]) AS entry(position, date, hash)`,
      [top.sid, entries.map(({ position }) => position), entries.map(({ date }) => date), entries.map(({ hash }) => hash)],
    );
    await query('UPDATE history_head SET position = $2, hash = $3 WHERE tree_sid = $1', [top.sid, last, entries.at(-1)!.hash]);
    expect(await check()).toMatchObject({ isSound: true });
    for (const altered of [last, 5001]) {
      await query(`UPDATE history SET operation = 'closeAccount' WHERE tree_sid = $1 AND position = $2`, [top.sid, altered]);
      expect((await check()).sentence).toContain(`${place(altered)} is not as it was written`);
      await query(`UPDATE history SET operation = 'updateAccount' WHERE tree_sid = $1 AND position = $2`, [top.sid, altered]);
    }
    expect(await check()).toMatchObject({ isSound: true });
  });

  it('refuses a file that holds something else, and leaves it alone', async () => {
    await writeFile(file, '{"chains":{}}');
    await expect(check()).rejects.toThrow('This is not a checkpoint of the history.');
    expect(await readFile(file, 'utf8')).toBe('{"chains":{}}');
  });
});
