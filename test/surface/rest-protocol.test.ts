import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { mount } from '../support/rest-client.js';
import { restJsonSurface } from '../support/rest-surface.js';
import { type Created, create, uniqueEmail } from '../support/tree.js';
import { type WireAnswer, type WireRequest, sendOnWire } from '../support/wire.js';

let gateway: TestGateway;
let account: Created;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { TRUST_PROXY: '127.0.0.1' } });
  account = await create(restJsonSurface(gateway.url));
});
afterAll(() => gateway.stop());

const make = (): Promise<Created> => create(restJsonSurface(gateway.url));
const send = (method: string, path: string, request: Omit<WireRequest, 'target' | 'method'> = {}): Promise<WireAnswer> =>
  sendOnWire(gateway.url, { login: admin, method, target: path.startsWith('//') ? path : mount + path, ...request });
const json = ({ body }: WireAnswer): any => JSON.parse(body);

describe('If-None-Match', () => {
  it('of an account that is read answers 304 while it is as it was', async () => {
    const path = `/Accounts/${(await make()).sid}.json`;
    const { headers } = await send('GET', path);
    for (const known of [headers.ETag!, `W/${headers.ETag}`, `"0", ${headers.ETag}`, '*']) {
      const answer = await send('GET', path, { headers: { 'If-None-Match': known } });
      expect([answer.status, answer.body, answer.headers.ETag, answer.headers.Link]).toEqual([304, '', headers.ETag, headers.Link]);
    }
    expect((await send('GET', path, { headers: { 'If-None-Match': '"0"' } })).status).toBe(200);
    await send('PUT', path, { body: 'FriendlyName=Renamed' });
    expect((await send('GET', path, { headers: { 'If-None-Match': headers.ETag! } })).status).toBe(200);
  });

  it('of * refuses to change what is there, once it is known that the caller may', async () => {
    const { sid } = await make();
    const conditions = { headers: { 'If-None-Match': '*' } };
    for (const [method, path, body] of [
      ['PUT', `/Accounts/${sid}.json`, 'FriendlyName=Renamed'],
      ['POST', `/Accounts/${sid}.json`, 'FriendlyName=Renamed'],
      ['DELETE', `/Accounts/${sid}.json`, ''],
    ] as const) {
      const answer = await send(method, path, { body, ...conditions });
      expect([answer.status, json(answer)]).toMatchObject([412, { error: 'PRECONDITION_FAILED', code: 70032, field: 'If-None-Match' }]);
      expect(json(await send(method, path, { body, login: account.login, ...conditions })).error).toBe('FORBIDDEN');
    }
    const headers = { 'If-None-Match': '*', 'Content-Type': 'application/json' };
    const profile = json(await send('GET', '/Profiles'))[0].sid;
    const created = (await send('POST', '/Profiles', { body: '{}', headers })).headers.Location!.split('/').at(-1);
    for (const method of ['PUT', 'DELETE']) {
      expect((await send(method, `/Profiles/${created}`, { body: '{}', headers })).status).toBe(412);
      expect((await send(method, `/Profiles/${profile}`, { body: '{}', headers, login: account.login })).status).toBe(403);
    }
  });
});

it('every answer says by what headers it differs', async () => {
  for (const path of ['/Accounts.json', `/Accounts/${account.sid}`, '/Nothing', '/Profiles', '/Accounts?Page=-1']) {
    expect((await send('GET', path)).headers.Vary).toBe('Accept, Authorization');
  }
});

describe('an idempotency key', () => {
  it('makes the answer to a repetition say that it is one', async () => {
    const request = { body: `EmailAddress=${uniqueEmail()}&Password=a+decent+password`, headers: { 'Idempotency-Key': uniqueEmail() } };
    const first = await send('POST', '/Accounts.json', request);
    expect([first.status, first.headers['Idempotent-Replayed']]).toEqual([200, undefined]);
    const again = await send('POST', '/Accounts.json', request);
    expect([again.status, again.headers['Idempotent-Replayed'], json(again).sid]).toEqual([200, 'true', json(first).sid]);
  });

  it('is not used up by a dry run', async () => {
    const { sid } = await make();
    const close = (dryRun: boolean) =>
      postGraphql(
        gateway.url,
        admin,
        'mutation($input: CloseAccountInput!) { closeAccount(input: $input) { dryRun account { status } } }',
        { input: { sid, dryRun, idempotencyKey: `close-${sid}` } },
      );
    expect((await close(true)).data!.closeAccount).toEqual({ dryRun: true, account: { status: 'ACTIVE' } });
    expect((await close(false)).data!.closeAccount).toEqual({ dryRun: false, account: { status: 'CLOSED' } });
  });
});

it.each([
  ['PATCH', '/Accounts.json', 'GET, HEAD, POST'],
  ['DELETE', '/Accounts', 'GET, HEAD, POST'],
  ['PATCH', '/Accounts/x', 'DELETE, GET, HEAD, POST, PUT'],
  ['GET', '/Accounts/migrate/x', 'POST'],
  ['DELETE', '/Organizations/x.test', 'GET, HEAD, PUT'],
  ['POST', '/Profiles/x', 'DELETE, GET, HEAD, LINK, PUT, UNLINK'],
  ['POST', '/Logout', 'GET, HEAD'],
])('%s %s is refused, and told which methods the path has', async (method, path, allow) => {
  const answer = await send(method, path, { body: '{}', headers: { 'Content-Type': 'application/json' } });
  expect([answer.status, answer.headers.Allow, answer.body]).toEqual([405, allow, expect.stringContaining('METHOD_NOT_ALLOWED')]);
  expect((await send(method, path, { login: undefined })).status).toBe(401);
});

it('GET /Logout answers 200, to everybody', async () => {
  for (const login of [admin, undefined]) expect(await send('GET', '/Logout', { login })).toMatchObject({ status: 200, body: '' });
});

it('several slashes in a path are one', async () => {
  for (const target of [`//restcomm//2012-04-24//Accounts.json//${account.sid}`, `/${mount}/Accounts///${account.sid}.json//`]) {
    expect(json(await send('GET', target)).sid).toBe(account.sid);
  }
});

describe('a body that is not taken', () => {
  it('by its type is told which one is', async () => {
    const headers = { 'Content-Type': 'text/plain' };
    for (const [method, path, taken] of [
      ['POST', '/Accounts.json', 'application/x-www-form-urlencoded'],
      ['POST', '/Profiles', 'application/json'],
    ] as const) {
      const answer = await send(method, path, { body: 'x', headers });
      expect([answer.status, json(answer).message]).toEqual([415, expect.stringContaining(`Send ${taken}.`)]);
    }
  });

  it('as it is compressed is told so', async () => {
    const body = gzipSync('FriendlyName=Renamed').toString('latin1');
    const answer = await send('PUT', `/Accounts/${account.sid}.json`, { body, headers: { 'Content-Encoding': 'gzip' } });
    expect([answer.status, json(answer)]).toMatchObject([415, { error: 'UNSUPPORTED_MEDIA_TYPE' }]);
    expect(json(answer).message).toContain('Content-Encoding');
    const plain = await send('PUT', `/Accounts/${account.sid}.json`, {
      body: 'FriendlyName=x',
      headers: { 'Content-Encoding': 'identity' },
    });
    expect(plain.status).toBe(200);
  });
});

describe('a refusal', () => {
  it('of an e-mail address with a space says how a + is written', async () => {
    const answer = await send('POST', '/Accounts.json', { body: 'EmailAddress=a+b@c.test&Password=a+decent+password' });
    expect(json(answer)).toMatchObject({ error: 'INVALID_EMAIL', field: 'EmailAddress', message: expect.stringContaining('%2B') });
    const without = await send('POST', '/Accounts.json', { body: 'EmailAddress=nobody&Password=a+decent+password' });
    expect(json(without).message).not.toContain('%2B');
  });

  it('names inputs as the caller spelled them', async () => {
    const path = `/Accounts/${account.sid}.json`;
    const answer = await send('PUT', path, { body: 'FriendlyName=%01' });
    expect(json(answer).message).toBe('FriendlyName must not contain control characters, such as line breaks.');
    const mutation = 'mutation($input: UpdateAccountInput!) { updateAccount(input: $input) { account { sid } } }';
    const input = { sid: account.sid, friendlyName: '\u0001' };
    expect((await postGraphql(gateway.url, admin, mutation, { input })).errors![0]!.message).toBe(
      'friendlyName must not contain control characters, such as line breaks.',
    );
  });

  it('for want of a role says whose it takes', async () => {
    expect(json(await send('GET', '/Organizations.json', { login: account.login })).message).toContain('Only the Super Admin may list');
  });
});

describe('a link in an answer', () => {
  it.each(['evil.test', 'evil.test>; rel="x", <http://other.test', '[', 'a b', 'user@evil.test:port', ''])(
    'is relative to the host where the operator names no address, whatever the request says of itself: Host %j',
    async (host) => {
      const { headers } = await send('GET', `/Accounts/${account.sid}.json`, {
        headers: { Host: host, 'X-Forwarded-Host': host, 'X-Forwarded-Proto': 'javascript' },
      });
      expect(headers.Link).toMatch(/^<\/restcomm\/2012-04-24\/Profiles\/PR[0-9a-f]{32}>; rel="related"; title="Profiles"$/);
    },
  );
});

it('the default profile has the document that the operator names at start, which is in the history', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'default-profile-'));
  const file = join(folder, 'profile.json');
  await writeFile(file, '{"featureEnablement":{"asr":{"allowed":false}}}');
  const read = async (at: TestGateway) =>
    (await sendOnWire(at.url, { login: admin, target: `${mount}/Profiles/PRae6e420f425248d6a26948c17a9e2acf` })).body;
  const before = await read(gateway);
  for (let start = 0; start < 2; start++) {
    const named = await startTestGateway({ database: gateway.database, environment: { DEFAULT_PROFILE_FILE: file } });
    expect(await read(named)).toBe('{"featureEnablement":{"asr":{"allowed":false}}}');
    await named.stop();
  }
  const unnamed = await startTestGateway({ database: gateway.database });
  expect(await read(unnamed)).toBe(before);
  await unnamed.stop();
  const entries = await gateway.database.query(`SELECT actor_sid FROM history WHERE operation = 'updateProfile'`);
  expect(entries).toEqual([{ actor_sid: null }, { actor_sid: null }]);
  await rm(folder, { recursive: true });
});

describe('an organization', () => {
  const organization = (name: string): Promise<WireAnswer> => send('PUT', `/Organizations/${name}`);
  const close = (sid: string) =>
    postGraphql(gateway.url, admin, 'mutation($sid: ID!) { closeOrganization(input: { sid: $sid }) { organization { status } } }', { sid });

  it('is not called like a SID', async () => {
    const { organizationSid } = account;
    for (const name of [organizationSid, organizationSid.toLowerCase(), `OR${'0'.repeat(32)}`]) {
      expect(await organization(`${name}.json`)).toMatchObject({ status: 400, body: expect.stringContaining('INVALID_DOMAIN_NAME') });
    }
  });

  it('of a name that ends with .json is meant by that name, where there is one', async () => {
    const name = uniqueEmail().replace('@', '.');
    const plain = json(await organization(`${name}.json`));
    expect([plain.domain_name, json(await send('GET', `/Organizations/${name}.json`)).sid]).toEqual([name, plain.sid]);
    await organization(`${name}.json.json`);
    expect(json(await send('GET', `/Organizations/${name}.json`)).domain_name).toBe(`${name}.json`);
    expect(json(await send('GET', `/Organizations/${plain.sid}.json`)).domain_name).toBe(name);
  });

  it('that is closed leaves its name to another one, which is meant by it then', async () => {
    const name = uniqueEmail().replace('@', '.');
    const before = json(await organization(`${name}.json`)).sid;
    expect((await organization(`${name}.json`)).status).toBe(409);
    await close(before);
    expect(json(await send('GET', `/Organizations/${name}.json`)).sid).toBe(before);
    const after = json(await organization(`${name}.json`)).sid;
    expect(after).not.toBe(before);
    expect(json(await send('GET', `/Organizations/${name}.json`)).sid).toBe(after);
    const listed = json(await send('GET', '/Organizations.json')).map(({ sid }: Created) => sid);
    expect(listed.filter((sid: string) => sid === before || sid === after)).toHaveLength(2);
    await close(after);
    expect((await organization(`${name}.json`)).status).toBe(200);
  });
});
