import { isInputObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSchema } from '../../src/api/graphql/schema.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { brokenInvariants } from '../support/invariants.js';
import { sendRest } from '../support/rest-client.js';
import { type Created, create, password, uniqueEmail } from '../support/tree.js';

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

const ask = (query: string, variables: Record<string, unknown> = {}, login: Login = admin, { url } = gateway) =>
  postGraphql<any>(url, login, query, variables);
const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);
const newKey = () => uniqueEmail('key');
const codesOf = ({ errors }: { errors?: { extensions: { code: string } }[] }) => (errors ?? []).map(({ extensions }) => extensions.code);

const createAccount = `mutation($email: EmailAddress!, $key: String, $name: String) { createAccount(input: {
  emailAddress: $email, password: "${password}", role: DEVELOPER, friendlyName: $name, idempotencyKey: $key }) { account { sid dateCreated friendlyName } } }`;

const countOf = async (email: string): Promise<number> =>
  (await gateway.database.query<{ count: number }>('SELECT count(*)::integer AS count FROM account WHERE email_address = $1', [email]))[0]!
    .count;

describe('requests with the same idempotency key', () => {
  it('have one effect and one result, when 50 of them come at once to two instances', async () => {
    for (let round = 0; round < 10; round++) {
      const [email, key] = [uniqueEmail(), newKey()];
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => ask(createAccount, { email, key }, admin, index % 2 === 0 ? gateway : other)),
      );
      expect(await countOf(email)).toBe(1);
      const done = answers.filter(({ data }) => data?.createAccount);
      const others = answers.filter(({ data }) => !data?.createAccount);
      expect(new Set(done.map(({ data }) => data.createAccount.account.sid)).size).toBe(1);
      expect(new Set(others.flatMap(codesOf))).toEqual(new Set(others.length === 0 ? [] : ['IDEMPOTENCY_IN_FLIGHT']));
      expect((await ask(createAccount, { email, key })).data).toEqual(done[0]!.data);
    }
    expect(await brokenInvariants(gateway.database)).toEqual([]);
  });

  it('have one effect when the first one failed before it had any', async () => {
    const [email, key] = [uniqueEmail(), newKey()];
    expect(codesOf(await ask(createAccount, { email: admin.login, key }))).toEqual(['EMAIL_IN_USE']);
    expect((await ask(createAccount, { email, key })).data.createAccount.account.sid).toBeDefined();
  });

  it('are a mistake when they ask for something else', async () => {
    const key = newKey();
    const [email, another] = [uniqueEmail(), uniqueEmail()];
    await ask(createAccount, { email, key });
    for (const variables of [{ email: another }, { email, name: 'A name' }]) {
      expect(codesOf(await ask(createAccount, { ...variables, key }))).toEqual(['IDEMPOTENCY_MISMATCH']);
    }
    expect(await countOf(another)).toBe(0);
    const close = 'mutation($sid: ID!, $key: String) { closeAccount(input: { sid: $sid, idempotencyKey: $key }) { reachedCount } }';
    expect(codesOf(await ask(close, { sid: (await make()).sid, key }))).toEqual(['IDEMPOTENCY_MISMATCH']);
  });

  it('are the same only for the account that sends them, with the rank that it had', async () => {
    const [one, two] = [await make(), await make()];
    const key = newKey();
    const rename =
      'mutation($sid: ID!, $key: String) { updateAccount(input: { sid: $sid, friendlyName: "Renamed", idempotencyKey: $key }) { account { version } } }';
    for (const { sid, login } of [one, two]) expect((await ask(rename, { sid, key }, login)).data.updateAccount.account.version).toBe(2);
    await ask('mutation($sid: ID!) { updateAccount(input: { sid: $sid, role: DEVELOPER }) { account { role } } }', { sid: one.sid });
    expect(codesOf(await ask(rename, { sid: one.sid, key }, one.login))).toEqual(['IDEMPOTENCY_MISMATCH']);
  });

  it('are the same no more when the account has moved to another organization', async () => {
    const { sid, login } = await make();
    const key = newKey();
    const below =
      'mutation($email: EmailAddress!, $key: String) { createAccount(input: { emailAddress: $email, role: DEVELOPER, idempotencyKey: $key }) { account { organization { domainName } profile { sid } } } }';
    const email = uniqueEmail();
    expect((await ask(below, { email, key }, login)).errors).toBeUndefined();
    const name = newKey().replace('@', '.');
    await ask('mutation($name: DomainName!) { createOrganization(input: { domainName: $name }) { organization { sid } } }', { name });
    await ask(
      'mutation($sid: ID!, $name: DomainName!) { migrateAccount(input: { sid: $sid, organization: { domainName: $name } }) { reachedCount } }',
      { sid, name },
    );
    expect(codesOf(await ask(below, { email, key }, login))).toEqual(['IDEMPOTENCY_MISMATCH']);
  });

  it('are the same whether what is not given is null or left out', async () => {
    const [email, key] = [uniqueEmail(), newKey()];
    const first = await ask(createAccount, { email, key });
    expect((await ask(createAccount, { email, key, name: null })).data).toEqual(first.data);
  });

  it('are answered with what was then, not with what is now', async () => {
    const { sid, login } = await make();
    const key = newKey();
    const suspend =
      'mutation($sid: ID!, $key: String) { setAccountStatus(input: { sid: $sid, status: SUSPENDED, idempotencyKey: $key }) { reachedCount account { status version } } }';
    const first = await ask(suspend, { sid, key });
    await ask('mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: ACTIVE }) { reachedCount } }', { sid });
    expect((await ask(suspend, { sid, key })).data).toEqual(first.data);
    expect((await ask('{ viewer { status } }', {}, login)).data.viewer.status).toBe('ACTIVE');
  });

  it('get the same tokens, which are kept as ciphertext only', async () => {
    const { sid } = await make();
    const mutations = [
      'mutation($sid: ID!, $key: String) { rotateAuthToken(input: { sid: $sid, idempotencyKey: $key }) { authToken } }',
      'mutation($sid: ID!, $key: String) { createPasswordResetToken(input: { sid: $sid, idempotencyKey: $key }) { resetToken expiresAt } }',
    ];
    for (const mutation of mutations) {
      const key = newKey();
      const first = await ask(mutation, { sid, key });
      expect((await ask(mutation, { sid, key })).data).toEqual(first.data);
      const kept = await gateway.database.query<{ result: string }>('SELECT * FROM idempotency_key WHERE key = $1', [key]);
      expect(kept).toHaveLength(1);
      const [secret] = Object.values(Object.values(first.data)[0] as Record<string, string>);
      expect(JSON.stringify(kept)).not.toContain(secret);
      expect(Buffer.from(JSON.stringify(kept)).toString('latin1')).not.toContain(Buffer.from(secret!).toString('base64').slice(0, 20));
    }
  });

  it('work for profiles, whose documents are not kept twice', async () => {
    const key = newKey();
    const mutation =
      'mutation($document: JSONObject!, $key: String) { createProfile(input: { document: $document, idempotencyKey: $key }) { profile { sid document dateCreated } } }';
    const document = { recognizable: 'settings' };
    const first = await ask(mutation, { document, key });
    expect(first.data.createProfile.profile.document).toEqual(document);
    expect((await ask(mutation, { document, key })).data).toEqual(first.data);
    const [kept] = await gateway.database.query<{ result: string }>('SELECT result FROM idempotency_key WHERE key = $1', [key]);
    expect(kept!.result).not.toContain('recognizable');
  });

  it('are forgotten after 24 hours, and removed by and by', async () => {
    const { sid } = await make();
    const [key, unused] = [newKey(), newKey()];
    const rename =
      'mutation($sid: ID!, $key: String, $name: String) { updateAccount(input: { sid: $sid, friendlyName: $name, idempotencyKey: $key }) { account { version } } }';
    const version = async () => (await ask(rename, { sid, key, name: 'One' })).data.updateAccount.account.version;
    expect([await version(), await version()]).toEqual([2, 2]);
    await ask(rename, { sid, key: unused, name: 'Two' });
    await gateway.database.query(`UPDATE idempotency_key SET date_created = now() - interval '24 hours' WHERE key = ANY($1)`, [
      [key, unused],
    ]);
    expect([await version(), await version()]).toEqual([4, 4]);
    expect(await gateway.database.query('SELECT 1 FROM idempotency_key WHERE key = $1', [unused])).toEqual([]);
  });

  it('have a key of printable characters', async () => {
    for (const key of ['', ' ', 'two words', 'ä', 'x'.repeat(256)]) {
      const { errors } = await ask(createAccount, { email: uniqueEmail(), key });
      expect(errors![0]!.extensions, key).toEqual({ code: 'BAD_USER_INPUT', field: 'idempotencyKey' });
    }
    expect((await ask(createAccount, { email: uniqueEmail(), key: null })).errors).toBeUndefined();
  });

  it('can be of every mutation, but of the one that has a token of its own', () => {
    const inputs = Object.values(createSchema().getMutationType()!.getFields()).map(({ name, args }) => ({ name, input: args[0]!.type }));
    const without = inputs.filter(({ input }) => {
      const type = 'ofType' in input ? input.ofType : input;
      return !isInputObjectType(type) || !('idempotencyKey' in type.getFields());
    });
    expect(without.map(({ name }) => name)).toEqual(['resetPassword']);
  });
});

describe('by REST, requests with the same Idempotency-Key', () => {
  const send = (method: string, path: string, form: Record<string, string>, headers: Record<string, string>) =>
    sendRest(gateway.url, admin, { method, path, form, headers });

  it('have one effect and the same answer', async () => {
    const [email, key] = [uniqueEmail(), newKey()];
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        send('POST', '/Accounts.json', { EmailAddress: email, Password: password }, { 'idempotency-key': key }),
      ),
    );
    expect(await countOf(email)).toBe(1);
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true);
    const repeated = await send('POST', '/Accounts.json', { EmailAddress: email, Password: password }, { 'idempotency-key': key });
    const shown = [...answers.filter(({ status }) => status === 200), repeated].map(({ text }) => JSON.parse(text));
    expect(new Set(shown.map(({ auth_token: _, ...account }) => JSON.stringify(account))).size).toBe(1);
    // An answer goes without the AuthToken where the history cannot be told in time who is shown it; no two show another one.
    expect(new Set(shown.flatMap(({ auth_token: authToken }) => authToken ?? [])).size).toBe(1);
  });

  it('have the same answer, though the path names nothing any more', async () => {
    const { emailAddress } = await make();
    const key = { 'idempotency-key': newKey() };
    const close = () => send('PUT', `/Accounts/${emailAddress}.json`, { Password: 'another decent one', Status: 'closed' }, key);
    const first = await close();
    expect(first.status).toBe(200);
    expect((await close()).text).toBe(first.text);
  });

  it('are a mistake with another method, path, body or condition', async () => {
    const { sid } = await make();
    const key = { 'idempotency-key': newKey() };
    expect((await send('PUT', `/Accounts/${sid}.json`, { FriendlyName: 'One' }, key)).status).toBe(200);
    expect((await send('PUT', `/Accounts/${sid}.json`, { FriendlyName: 'One' }, key)).status).toBe(200);
    expect((await send('POST', `/Accounts/${sid}.json`, { FriendlyName: 'One' }, key)).status).toBe(422);
    expect((await send('PUT', `/Accounts/${sid}.json`, { FriendlyName: 'Two' }, key)).status).toBe(422);
    expect((await send('PUT', `/Accounts/${sid}.json`, { FriendlyName: 'One' }, { ...key, 'if-match': '"1"' })).status).toBe(422);
    const refused = await send('PUT', `/Accounts/${sid}.json`, {}, { 'idempotency-key': 'two words' });
    expect(JSON.parse(refused.text)).toMatchObject({ error: 'BAD_USER_INPUT', field: 'Idempotency-Key' });
  });
});

describe('by REST, links of profiles with the same Idempotency-Key', () => {
  it('are one request only where the Link header is the same', async () => {
    const [one, other] = [await make(), await make()];
    const { headers } = await sendRest(gateway.url, admin, {
      method: 'POST',
      path: '/Profiles',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    const path = `/Profiles/${headers.get('location')!.split('/').at(-1)}`;
    const key = newKey();
    const link = (sid: string) =>
      sendRest(gateway.url, admin, {
        method: 'LINK',
        path,
        headers: { 'idempotency-key': key, link: `</restcomm/2012-04-24/Accounts/${sid}>; rel="related"` },
      });
    expect((await link(one.sid)).status).toBe(200);
    expect([(await link(one.sid)).status, (await link(other.sid)).status]).toEqual([200, 422]);
    const linked = await gateway.database.query('SELECT account_sid FROM account_profile WHERE account_sid = ANY ($1)', [
      [one.sid, other.sid],
    ]);
    expect(linked).toEqual([{ account_sid: one.sid }]);
  });
});

describe('the version of an account', () => {
  const read = (sid: string) => sendRest(gateway.url, admin, { path: `/Accounts/${sid}.json` });
  const rename = (sid: string, tag: string, name = uniqueEmail('name')) =>
    sendRest(gateway.url, admin, {
      method: 'PUT',
      path: `/Accounts/${sid}.json`,
      form: { FriendlyName: name },
      headers: { 'if-match': tag },
    });

  it('is its ETag, which If-Match holds a change to', async () => {
    const { sid } = await make();
    const { headers } = await read(sid);
    expect(headers.get('etag')).toBe('"1"');
    expect((await rename(sid, '"1"')).headers.get('etag')).toBe('"2"');
    const stale = await rename(sid, '"1"');
    expect([stale.status, JSON.parse(stale.text)]).toMatchObject([412, { error: 'VERSION_CONFLICT', field: 'If-Match' }]);
    for (const tag of ['W/"2"', '"two"', '""', '"02"', '"1", "3"', '"*"'])
      expect([tag, (await rename(sid, tag)).status]).toEqual([tag, 412]);
    expect((await rename(sid, '"1", "2"')).status).toBe(200);
    expect((await rename(sid, '*')).status).toBe(200);
    for (const tag of ['3', '"3', 'W/3', '"a" "b"', '']) expect([tag, (await rename(sid, tag)).status]).toEqual([tag, 400]);
    const others = [
      ['DELETE', `/Accounts/${sid}`, {}],
      ['POST', `/Accounts/${sid}`, { Status: 'suspended' }],
      ['POST', `/Accounts/migrate/${sid}`, { Organization: await anotherOrganization() }],
    ] as const;
    for (const [method, path, form] of others) {
      expect((await sendRest(gateway.url, admin, { method, path, form, headers: { 'if-match': '"1"' } })).status, path).toBe(412);
    }
    expect((await read(sid)).headers.get('etag')).toBe('"4"');
  });

  it('lets through one of many changes that were made after reading the same one', async () => {
    for (let round = 0; round < 20; round++) {
      const { sid } = await make();
      const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => rename(sid, '"1"', `Racer ${index}`)));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array.from({ length: 7 }, () => 412)]);
    }
  });

  it('is another one after a migration, below the account too: what was read before is stale', async () => {
    const top = await make();
    const child = await make({ parent: top.sid });
    const before = await Promise.all([top, child].map(async ({ sid }) => (await read(sid)).headers.get('etag')!));
    const migrated = await sendRest(gateway.url, admin, {
      method: 'POST',
      path: `/Accounts/migrate/${top.sid}.json`,
      form: { Organization: await anotherOrganization() },
      headers: { 'if-match': before[0]! },
    });
    expect([migrated.status, migrated.headers.get('etag')]).toEqual([200, '"2"']);
    for (const [index, { sid }] of [top, child].entries()) {
      expect((await rename(sid, before[index]!)).status).toBe(412);
      expect((await rename(sid, (await read(sid)).headers.get('etag')!)).status).toBe(200);
    }
  });

  async function anotherOrganization(): Promise<string> {
    const domainName = `${newKey().replace('@', '.')}`;
    await ask('mutation($name: DomainName!) { createOrganization(input: { domainName: $name }) { organization { sid } } }', {
      name: domainName,
    });
    return domainName;
  }
});
