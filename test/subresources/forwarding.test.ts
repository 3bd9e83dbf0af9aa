import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from '../../src/domain/account.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { type TestUpstream, startUpstream } from '../support/upstream.js';
import { type Telephony, telephony } from '../support/telephony.js';
import { type Created, create } from '../support/tree.js';

const secret = 'a secret that only the two know';

let service: Telephony;
let upstream: TestUpstream;
let gateway: TestGateway;
const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);

beforeAll(async () => {
  service = telephony();
  upstream = await startUpstream(service.listener);
  gateway = await startTestGateway({
    environment: {
      SUBRESOURCE_UPSTREAMS: JSON.stringify({
        Calls: { url: `${upstream.url}/restcomm`, secret },
        '*': { url: `${upstream.url}/restcomm/`, authorization: 'Basic bGVnYWN5OnNlY3JldA==' },
      }),
    },
  });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

const mount = '/restcomm/2012-04-24';
const ask = (login: Login, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${gateway.url}${mount}${path}`, {
    redirect: 'manual',
    ...init,
    headers: { authorization: basic(login), ...(init.headers as object) },
  });
const formOf = (form: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(form) });
const codeOf = async (response: Response): Promise<string> => ((await response.json()) as { error: string }).error;

describe('an account by its own credentials', () => {
  it('places a call, and finds it in the list and by its SID, in JSON and in XML', async () => {
    const { sid, login } = await make();
    const placed = await ask(login, `/Accounts/${sid}/Calls.json`, formOf({ From: '+15550001', To: '+15550002', Url: 'http://x.test' }));
    expect([placed.status, placed.headers.get('content-type')]).toEqual([200, 'application/json']);
    const call = (await placed.json()) as Record<string, string>;
    expect(call).toMatchObject({ account_sid: sid, from: '+15550001', status: 'queued' });

    const list = (await (await ask(login, `/Accounts/${sid}/Calls.json?PageSize=10`)).json()) as { total: number; calls: object[] };
    expect(list).toMatchObject({ total: 1, page_size: 10, calls: [call] });
    const xml = await ask(login, `/Accounts/${sid}/Calls/${call.sid}`);
    expect([xml.headers.get('content-type'), await xml.text()]).toEqual([
      'application/xml',
      expect.stringContaining(`<RestcommResponse><Call><Sid>${call.sid}</Sid>`),
    ]);
  });

  it('buys, changes and releases a number', async () => {
    const { sid, login } = await make();
    const bought = (await (
      await ask(login, `/Accounts/${sid}/IncomingPhoneNumbers.json`, formOf({ PhoneNumber: '+15550003' }))
    ).json()) as { sid: string };
    const at = `/Accounts/${sid}/IncomingPhoneNumbers/${bought.sid}.json`;
    const changed = await ask(login, at, { ...formOf({ FriendlyName: 'Support' }), method: 'PUT' });
    expect(await changed.text()).toContain('Support');
    expect((await ask(login, at, { method: 'DELETE' })).status).toBe(204);
    expect((await ask(login, at)).status).toBe(404);
  });

  it('downloads a recording, whole and in part, and removes it', async () => {
    const { sid, login } = await make();
    const sound = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
    const recording = service.record(sid, sound);
    const whole = await ask(login, `/Accounts/${sid}/Recordings/${recording}.wav`, { headers: { accept: 'audio/x-wav' } });
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'audio/x-wav',
      'content-length': '100000',
      'accept-ranges': 'bytes',
      etag: '"100000"',
    });
    expect(Buffer.from(await whole.arrayBuffer()).equals(sound)).toBe(true);
    const part = await ask(login, `/Accounts/${sid}/Recordings/${recording}.wav`, { headers: { range: 'bytes=500-999' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 500-999/100000']);
    expect(Buffer.from(await part.arrayBuffer()).equals(sound.subarray(500, 1000))).toBe(true);
    expect((await ask(login, `/Accounts/${sid}/Recordings/${recording}.json`, { method: 'DELETE' })).status).toBe(204);
    expect(await (await ask(login, `/Accounts/${sid}/Recordings.json`)).json()).toMatchObject({ total: 0 });
  });

  it('asks for headers alone', async () => {
    const { sid, login } = await make();
    const recording = service.record(sid, Buffer.alloc(1234));
    const answer = await ask(login, `/Accounts/${sid}/Recordings/${recording}.wav`, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '1234', '']);
  });

  it('is answered as the service answered, mistakes included', async () => {
    const { sid, login } = await make();
    const unknown = await ask(login, `/Accounts/${sid}/Calls/CA1.json`);
    expect([unknown.status, await unknown.text()]).toEqual([404, '']);
    expect((await ask(login, `/Accounts/${sid}/Calls.json`, { method: 'DELETE' })).status).toBe(405);
  });

  it('is answered by curl as by fetch', async () => {
    const { sid, login } = await make();
    const url = `${gateway.url}${mount}/Accounts/${sid}/Calls.json`;
    const curl = async (...options: string[]): Promise<any> => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        `${import.meta.dirname}/../support/curl.mjs`,
        '-u',
        `${login.login}:${login.secret}`,
        url,
        ...options,
      ]);
      return JSON.parse(stdout);
    };
    const placed = await curl('-d', 'From=%2B15550001', '-d', 'To=%2B15550002');
    expect(await curl()).toMatchObject({ total: 1, calls: [placed] });
  });
});

describe('a request', () => {
  const roles: [Role, string][] = [
    ['Administrator', 'Administrator'],
    ['Developer', 'Developer'],
    ['ProvisioningAgent', 'ProvisioningAgent'],
  ];

  it.each(roles)('tells the service who asks: %s', async (role, shown) => {
    const { sid, login, emailAddress, organizationSid } = await make({ role });
    for (const name of [sid, emailAddress, encodeURIComponent(emailAddress), emailAddress.toUpperCase()]) {
      upstream.seen.length = 0;
      expect((await ask(login, `/Accounts/${name}/Calls.json?Status=busy`, { headers: { 'x-request-id': 'mine' } })).status).toBe(200);
      expect(upstream.seen).toMatchObject([
        {
          method: 'GET',
          url: `/restcomm/2012-04-24/Accounts/${sid}/Calls.json?Status=busy`,
          headers: {
            'x-account-sid': sid,
            'x-organization-sid': organizationSid,
            'x-actor-sid': sid,
            'x-actor-role': shown,
            'x-request-id': 'mine',
          },
        },
      ]);
    }
  });

  it('of an account above is told apart from the account that it is about', async () => {
    const parent = await make();
    const { sid } = await make({ parent: parent.sid });
    for (const [login, actor, role] of [
      [parent.login, parent.sid, 'Administrator'],
      [admin, expect.stringMatching(/^AC/), 'SuperAdmin'],
    ] as const) {
      upstream.seen.length = 0;
      await ask(login, `/Accounts/${sid}/Calls.json`);
      expect(upstream.seen[0]!.headers).toMatchObject({ 'x-account-sid': sid, 'x-actor-sid': actor, 'x-actor-role': role });
    }
  });

  it('is signed for a service that has a secret, and only then', async () => {
    const { sid, login } = await make();
    upstream.seen.length = 0;
    await ask(login, `/Accounts/${sid}/Calls.json?PageSize=1`);
    await ask(login, `/Accounts/${sid}/Recordings.json`);
    const [signed, unsigned] = upstream.seen;
    const { headers, method, url } = signed!;
    const [, time, hash] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-gateway-signature']))!;
    const names = ['x-account-sid', 'x-organization-sid', 'x-actor-sid', 'x-actor-role', 'x-request-id'];
    const text = [time, method, url, ...names.map((name) => headers[name])].join('\n');
    expect(createHmac('sha256', secret).update(text).digest('hex')).toBe(hash);
    expect(Math.abs(Number(time) - new Date().getTime() / 1000)).toBeLessThan(600);
    expect(unsigned!.headers['x-gateway-signature']).toBeUndefined();
  });

  it("never carries the caller's credentials or cookies, and the service's own where there are any", async () => {
    const { sid, login } = await make();
    upstream.seen.length = 0;
    await ask(login, `/Accounts/${sid}/Calls.json`, { headers: { cookie: 'session=1', 'x-http-method-override': 'DELETE' } });
    await ask(login, `/Accounts/${sid}/Recordings.json`);
    expect(upstream.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Basic bGVnYWN5OnNlY3JldA==']);
    const [{ headers }] = upstream.seen as [(typeof upstream.seen)[0]];
    expect(Object.keys(headers).toSorted()).toEqual([
      'accept',
      'accept-encoding',
      'accept-language',
      'connection',
      'host',
      'x-account-sid',
      'x-actor-role',
      'x-actor-sid',
      'x-gateway-signature',
      'x-organization-sid',
      'x-request-id',
    ]);
  });

  it.each([
    ['/Accounts/SID/Calls.json', '/Calls.json'],
    ['/Accounts.json/SID/Calls', '/Calls.json'],
    ['/Accounts/SID.json/Calls/', '/Calls.json/'],
    ['/Accounts.json/SID.json/Calls.json/CA1', '/Calls.json/CA1'],
    ['/Accounts.json/SID/Recordings/RE1.wav', '/Recordings/RE1.wav'],
    ['//Accounts//SID//Calls//CA1?a=%2F&b=..%2f', '/Calls/CA1?a=%2F&b=..%2f'],
    ["/Accounts/SID/Calls/a%20b%C3%A9~!@$&'()*+,=:", "/Calls/a%20b%C3%A9~!@$&'()*+,=:"],
  ])('to %s goes to the path %s of the account', async (path, forwarded) => {
    const { sid, login } = await make();
    upstream.seen.length = 0;
    await ask(login, path.replace('SID', sid));
    expect(upstream.seen.map(({ url }) => url)).toEqual([`/restcomm/2012-04-24/Accounts/${sid}${forwarded}`]);
  });

  it('is no business of a stranger, of a Developer above, or of whoever has no credentials', async () => {
    const developer = await make({ role: 'Developer' });
    const { sid } = await make();
    const below = await make({ parent: developer.sid });
    const stranger = await make();
    upstream.seen.length = 0;
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      expect(await codeOf(await ask(stranger.login, `/Accounts/${sid}/Calls.json`, { method }))).toBe('FORBIDDEN');
      expect(await codeOf(await ask(developer.login, `/Accounts/${below.sid}/Calls.json`, { method }))).toBe('FORBIDDEN');
      expect((await fetch(`${gateway.url}${mount}/Accounts/${sid}/Calls.json`, { method })).status).toBe(401);
    }
    expect(upstream.seen).toEqual([]);
  });

  it('changes nothing of a suspended account, which can be read, and finds nothing of a closed one', async () => {
    const parent = await make();
    const { sid } = await make({ parent: parent.sid });
    const change = (status: string) =>
      postGraphql(gateway.url, admin, `mutation { setAccountStatus(input: { sid: "${sid}", status: ${status} }) { reachedCount } }`);
    await change('SUSPENDED');
    const codes = async (): Promise<(string | number)[]> =>
      Promise.all(
        ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map(async (method) => {
          const answer = await ask(parent.login, `/Accounts/${sid}/Calls.json`, { method });
          return answer.ok ? answer.status : codeOf(answer);
        }),
      );
    expect(await codes()).toEqual([200, ...Array.from({ length: 4 }, () => 'ACCOUNT_NOT_ACTIVE')]);
    await postGraphql(gateway.url, admin, `mutation { closeAccount(input: { sid: "${sid}" }) { reachedCount } }`);
    expect(await codes()).toEqual(Array.from({ length: 5 }, () => 'NOT_FOUND'));
  });

  it('by a ProvisioningAgent removes no recording, wherever it is asked for, and does not reach below', async () => {
    const { sid, login } = await make({ role: 'ProvisioningAgent' });
    const developer = await make({ role: 'Developer' });
    const recording = service.record(sid, Buffer.alloc(10));
    upstream.seen.length = 0;
    for (const path of ['Recordings', `Recordings/${recording}`, 'Calls/CA1/Recordings/RE1', 'Calls/CA1/recordings.csv/RE1']) {
      expect(await codeOf(await ask(login, `/Accounts/${sid}/${path}.json`, { method: 'DELETE' }))).toBe('FORBIDDEN');
    }
    for (const query of ['SubAccounts=true', 'subaccounts=TRUE', 'Sub%41ccounts=1', 'a=1;SubAccounts=true']) {
      for (const [who, at] of [
        [login, sid],
        [developer.login, developer.sid],
      ] as const) {
        expect(await codeOf(await ask(who, `/Accounts/${at}/Calls.json?${query}`))).toBe('FORBIDDEN');
      }
    }
    expect(upstream.seen).toEqual([]);
    expect((await ask(login, `/Accounts/${sid}/Calls.json?SubAccounts=false`)).status).toBe(200);
    const administrator = await make();
    expect((await ask(administrator.login, `/Accounts/${administrator.sid}/Calls.json?SubAccounts=true`)).status).toBe(200);
  });
});

it('says in GraphQL which subresources are served', async () => {
  const { login } = await make();
  const document = '{ viewer { subresources { name isServed } } }';
  const served = (answer: any): boolean[] => answer.data.viewer.subresources.map(({ isServed }: { isServed: boolean }) => isServed);
  expect(served(await postGraphql(gateway.url, login, document))).toEqual(Array.from({ length: 10 }, () => true));
  const another = await startTestGateway({
    environment: { SUBRESOURCE_UPSTREAMS: JSON.stringify({ Recordings: { url: upstream.url }, Applications: { url: upstream.url } }) },
  });
  try {
    const names = (await postGraphql(another.url, admin, document)) as any;
    expect(names.data.viewer.subresources.filter(({ isServed }: any) => isServed)).toEqual([{ name: 'Recordings', isServed: true }]);
    const codes = ['Calls', 'Sandbox', 'SMS/Messages'].map(async (name) => {
      const answer = await fetch(`${another.url}${mount}/Accounts/${admin.login}/${name}.json`, {
        headers: { authorization: basic(admin) },
      });
      return codeOf(answer);
    });
    expect(await Promise.all(codes)).toEqual(['NOT_IMPLEMENTED', 'NOT_IMPLEMENTED', 'NOT_IMPLEMENTED']);
  } finally {
    await another.stop();
  }
});
