import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { Role } from '../../src/domain/account.js';
import type { TestDatabase } from '../support/database.js';
import { inDatabase } from '../support/database-url.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { untilWaitingForLocks } from '../support/locks.js';
import { sendRest } from '../support/rest-client.js';
import { statementsOf } from '../support/statements.js';
import { type Created, create, password, uniqueEmail } from '../support/tree.js';

const limit = 20;

/** A session beside the program. */
async function sessionOf(database: TestDatabase): Promise<Client> {
  const [{ name }] = (await database.query<{ name: string }>('SELECT current_database() AS name')) as [{ name: string }];
  const client = new Client({ connectionString: inDatabase(inject('serverUrl'), name) });
  await client.connect();
  return client;
}

let gateway: TestGateway;
/** Another instance on the same database. */
let other: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  other = await startTestGateway({ database: gateway.database });
});
afterAll(async () => {
  await other.stop();
  await gateway.stop();
});

/** Of a tree of its own. */
let prober: Created;
/** Out of its sight. */
let stranger: Created;
beforeEach(async () => {
  prober = await make();
  stranger = await make();
});

const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);

interface Answer {
  status: number;
  code: string | undefined;
  retryAfter: number | undefined;
}

interface Probe {
  by?: Login;
  at?: TestGateway;
}

const surfaces = {
  async GraphQL(emailAddress: string, { by = prober.login, at = gateway }: Probe = {}): Promise<Answer> {
    const mutation =
      'mutation($email: EmailAddress!) { createAccount(input: { emailAddress: $email, role: DEVELOPER }) { account { sid } } }';
    const { status, headers, errors } = await postGraphql(at.url, by, mutation, { email: emailAddress });
    return { status, code: errors?.[0]?.extensions.code, retryAfter: secondsOf(headers.get('retry-after')) };
  },
  async REST(emailAddress: string, { by = prober.login, at = gateway }: Probe = {}): Promise<Answer> {
    const form = { EmailAddress: emailAddress, Password: password };
    const answer = await sendRest(at.url, by, { method: 'POST', path: '/Accounts.json', form });
    return { status: answer.status, code: JSON.parse(answer.text).error, retryAfter: secondsOf(answer.headers.get('retry-after')) };
  },
};
const secondsOf = (header: string | null): number | undefined => (header === null ? undefined : Number(header));
const probe = surfaces.GraphQL;

async function codesOf(count: number, one: () => Promise<Answer>): Promise<(string | undefined)[]> {
  const codes = [];
  for (let done = 0; done < count; done++) codes.push((await one()).code);
  return codes;
}
const times = <Value>(count: number, value: Value): Value[] => Array<Value>(count).fill(value);

interface Entry {
  operation: string;
  subjectSid: string;
  actorSid: string | null;
  after: object | null;
}
async function conflictsToldOf({ sid }: Created, login: Login = admin): Promise<Entry[]> {
  const query = `query($sid: ID!) { account(by: { sid: $sid }) {
    history(includeDescendants: true, first: 100) { nodes { operation subjectSid actorSid after } } } }`;
  const { data } = await postGraphql(gateway.url, login, query, { sid });
  return data!.account.history.nodes.filter(({ operation }: Entry) => operation === 'EMAIL_CONFLICT');
}

describe.each(Object.entries(surfaces))('by %s', (_name, ask) => {
  it('a tree is told 20 times an hour that an account out of its sight has an address, then of no address any more', async () => {
    expect(await codesOf(limit, () => ask(stranger.emailAddress))).toEqual(times(limit, 'EMAIL_IN_USE'));
    const free = uniqueEmail();
    for (const address of [stranger.emailAddress, free, (await make()).emailAddress, prober.emailAddress]) {
      for (const at of [gateway, other]) {
        const refusal = await ask(address, { at });
        expect(refusal).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
        expect(refusal.retryAfter).toBeGreaterThan(3000);
        expect(refusal.retryAfter).toBeLessThanOrEqual(3600);
      }
    }
    const neighbour = await make();
    expect(await ask(free, { by: neighbour.login })).toMatchObject({ status: 200 });
    expect(await ask(stranger.emailAddress, { by: neighbour.login })).toMatchObject({ code: 'EMAIL_IN_USE' });
    expect(await ask(uniqueEmail(), { by: admin })).toMatchObject({ status: 200 });
  });
});

describe('a change of the e-mail address', () => {
  const changes = {
    async GraphQL(sid: string, emailAddress: string, newPassword?: string) {
      const mutation = 'mutation($input: UpdateAccountInput!) { updateAccount(input: $input) { account { sid } } }';
      const input = { sid, emailAddress, ...(newPassword !== undefined && { password: newPassword }) };
      return (await postGraphql(gateway.url, prober.login, mutation, { input })).errors?.[0]?.extensions.code;
    },
    async REST(sid: string, emailAddress: string, newPassword?: string) {
      const form = { EmailAddress: emailAddress, ...(newPassword !== undefined && { Password: newPassword }) };
      const { text } = await sendRest(gateway.url, prober.login, { method: 'PUT', path: `/Accounts/${sid}.json`, form });
      return JSON.parse(text).error as string | undefined;
    },
  };

  it.each(Object.entries(changes))('by %s counts as a conflict, with a password and without one', async (_name, ask) => {
    const { sid, emailAddress } = await make({ parent: prober.sid });
    for (let told = 0; told < limit; told++) {
      expect(await ask(sid, stranger.emailAddress, told % 2 ? 'another decent one' : undefined)).toBe('EMAIL_IN_USE');
    }
    expect(await conflictsToldOf(prober)).toHaveLength(limit);
    for (const address of [stranger.emailAddress, uniqueEmail()]) {
      expect([await ask(sid, address), await ask(sid, address, 'another decent one')]).toEqual(times(2, 'RATE_LIMITED'));
    }
    expect(await probe(uniqueEmail())).toMatchObject({ code: 'RATE_LIMITED' });
    // The address that it has already is no change, and so no question.
    expect(await ask(sid, emailAddress)).toBeUndefined();
  });

  it('with a password looks for the address before the password is hashed', async () => {
    const { sid } = await make({ parent: prober.sid });
    const statements = await statementsOf(gateway.database, () => changes.GraphQL(sid, stranger.emailAddress, 'another decent one'));
    expect(JSON.stringify(statements)).not.toContain('UPDATE account');
  });
});

describe('conflicts', () => {
  it('are counted for the whole tree, on all instances and surfaces together', async () => {
    const below = await make({ parent: prober.sid });
    const probes = [];
    for (const ask of Object.values(surfaces)) {
      for (const { login: by } of [prober, below])
        for (const at of [gateway, other]) probes.push(() => ask(stranger.emailAddress, { by, at }));
    }
    const codes = [];
    for (let round = 0; round < 3; round++) for (const one of probes) codes.push((await one()).code);
    expect(codes).toEqual([...times(limit, 'EMAIL_IN_USE'), ...times(3 * probes.length - limit, 'RATE_LIMITED')]);
  });

  it('are not told more often when all come at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => probe(stranger.emailAddress, { at: index % 2 ? gateway : other })),
    );
    const codes = [...answers.map(({ code }) => code), ...(await codesOf(limit, () => probe(stranger.emailAddress)))];
    expect(codes.toSorted()).toEqual([...times(limit, 'EMAIL_IN_USE'), ...times(100, 'RATE_LIMITED')]);
    expect(await conflictsToldOf(prober)).toHaveLength(limit);
  });

  it('of many that come at once are not told by what the others are answered', async () => {
    const [free, taken] = [Array.from({ length: 300 }, () => uniqueEmail()), times(300, stranger.emailAddress)];
    const answers = await Promise.all(free.flatMap((address, index) => [probe(address), probe(taken[index]!)]));
    const created = answers.filter(({ status, code }) => status === 200 && code === undefined);
    const refused = answers.filter(({ code }) => code === 'RATE_LIMITED' || code === 'OVERLOADED');
    expect(answers.filter(({ code }) => code === 'EMAIL_IN_USE').length).toBeLessThanOrEqual(limit);
    // As many are created as come before the first twenty conflicts, and few more.
    expect(created.length).toBeLessThan(limit + 15);
    expect(refused.length).toBeGreaterThanOrEqual(600 - created.length - limit);
  });

  it('with accounts in sight are not limited, and not written down', async () => {
    const below = await make({ parent: prober.sid });
    for (const { emailAddress } of [below, prober]) {
      expect(await codesOf(limit + 5, () => probe(emailAddress))).toEqual(times(limit + 5, 'EMAIL_IN_USE'));
    }
    expect(await codesOf(limit + 5, () => probe(stranger.emailAddress, { by: admin }))).toEqual(times(limit + 5, 'EMAIL_IN_USE'));
    expect(await conflictsToldOf(prober)).toEqual([]);
    expect(await probe(uniqueEmail())).toMatchObject({ status: 200 });
  });

  it('with the accounts above are out of sight', async () => {
    const below = await make({ parent: prober.sid });
    expect(await codesOf(limit + 1, () => probe(prober.emailAddress, { by: below.login }))).toEqual([
      ...times(limit, 'EMAIL_IN_USE'),
      'RATE_LIMITED',
    ]);
  });

  it('are in the history of the tree that asked, with the address and without whose it is', async () => {
    const below = await make({ parent: prober.sid, role: Role.ADMINISTRATOR });
    await probe(stranger.emailAddress.toUpperCase());
    await surfaces.REST(stranger.emailAddress, { by: below.login });
    const entries = [prober, below].map(({ sid }) => ({
      operation: 'EMAIL_CONFLICT',
      subjectSid: sid,
      actorSid: sid,
      after: { emailAddress: stranger.emailAddress },
    }));
    expect(await conflictsToldOf(prober, prober.login)).toEqual(entries);
    expect(await conflictsToldOf(stranger)).toEqual([]);
    const rows = await gateway.database.query(`SELECT * FROM history WHERE operation = 'emailConflict' AND tree_sid = $1`, [prober.sid]);
    expect(JSON.stringify(rows)).not.toContain(stranger.sid);
  });

  it('are counted of what is repeated with an idempotency key too, and leave the key unused', async () => {
    const mutation = `mutation($email: EmailAddress!) {
      createAccount(input: { emailAddress: $email, role: DEVELOPER, idempotencyKey: "the-same" }) { account { sid } } }`;
    const repeat = async (): Promise<string | undefined> =>
      (await postGraphql(gateway.url, prober.login, mutation, { email: stranger.emailAddress })).errors?.[0]?.extensions.code;
    for (let count = 0; count < 3; count++) expect(await repeat()).toBe('EMAIL_IN_USE');
    expect(await conflictsToldOf(prober)).toHaveLength(3);
    await graphqlSurface(gateway.url).close(admin, stranger.sid);
    expect(await repeat()).toBeUndefined();
  });

  it('beyond the limit look up no address', async () => {
    await codesOf(limit, () => probe(stranger.emailAddress));
    const statements = [];
    for (const address of [stranger.emailAddress, uniqueEmail()]) {
      statements.push(await statementsOf(gateway.database, () => probe(address)));
    }
    expect(statements[0]).toEqual(statements[1]);
    expect(JSON.stringify(statements)).not.toContain('INSERT INTO account');
  });

  it('are told again in the next hour', async () => {
    await codesOf(limit + 1, () => probe(stranger.emailAddress));
    await gateway.database.query(`UPDATE email_conflict SET window_ends = now() WHERE tree_sid = $1`, [prober.sid]);
    expect(await probe(uniqueEmail())).toMatchObject({ status: 200 });
    expect(await codesOf(limit + 1, () => probe(stranger.emailAddress))).toEqual([...times(limit, 'EMAIL_IN_USE'), 'RATE_LIMITED']);
  });

  it('that cannot be counted, or written down, are not told', async () => {
    const { query } = gateway.database;
    for (const table of ['email_conflict', 'history']) {
      await query(`CREATE FUNCTION refuse_${table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`);
      await query(`CREATE TRIGGER refuse BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse_${table}()`);
      expect(await probe(stranger.emailAddress)).toMatchObject({ code: 'INTERNAL' });
      await query(`DROP TRIGGER refuse ON ${table}`);
    }
    expect(await query(`SELECT conflicts FROM email_conflict WHERE tree_sid = $1`, [prober.sid])).toEqual([]);
  });
});

/** Closes the account in a session of its own, once the transactions that are under way have ended and before any other begins. */
async function closeBehind(session: Client, sid: string): Promise<void> {
  await session.query('LOCK TABLE account IN ACCESS EXCLUSIVE MODE');
  await session.query(`UPDATE account SET status = 'closed' WHERE sid = $1`, [sid]);
  await session.query('DELETE FROM credential WHERE account_sid = $1', [sid]);
  await session.query('COMMIT');
}

it('a conflict of the Super Admin is not counted, even with an account that has just been closed', async () => {
  const holder = await make();
  const [changing, closing] = [await sessionOf(gateway.database), await sessionOf(gateway.database)];
  try {
    // The holder's address is changed back and forth, so that the creation waits to learn whether it is taken.
    await changing.query('BEGIN');
    await changing.query('UPDATE account SET email_address = $2 WHERE sid = $1', [holder.sid, uniqueEmail()]);
    const answer = probe(holder.emailAddress, { by: admin });
    await untilWaitingForLocks(gateway.database);
    await changing.query('UPDATE account SET email_address = $2 WHERE sid = $1', [holder.sid, holder.emailAddress]);
    // Has its turn as soon as the creation was refused, before anybody asks who has the address.
    await closing.query('BEGIN');
    const closed = closeBehind(closing, holder.sid);
    await untilWaitingForLocks(gateway.database, 2);
    await changing.query('COMMIT');
    await closed;
    expect(await answer).toMatchObject({ code: 'EMAIL_IN_USE' });
  } finally {
    await changing.end();
    await closing.end();
  }
  expect(
    await gateway.database.query('SELECT * FROM email_conflict WHERE tree_sid = (SELECT sid FROM account WHERE parent_sid IS NULL)'),
  ).toEqual([]);
});
