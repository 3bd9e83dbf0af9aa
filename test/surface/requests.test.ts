import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.js';
import { type TestGateway, type TestGatewayOptions, admin, startTestGateway } from '../support/gateway.js';
import { basic } from '../support/graphql-client.js';
import { untilWaitingForLocks } from '../support/locks.js';
import { eventually } from '../support/patience.js';
import { mount } from '../support/rest-client.js';
import { sendOnWire } from '../support/wire.js';

let gateway: TestGateway;
let others: TestGateway[] = [];
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(async () => {
  await Promise.all(others.map((other) => other.stop()));
  others = [];
});
afterAll(() => gateway.stop());

/** Another instance on the same database. */
async function another(options: TestGatewayOptions): Promise<TestGateway> {
  const other = await startTestGateway({ database: gateway.database, ...options });
  others.push(other);
  return other;
}

const json = { 'Content-Type': 'application/json' };

describe('a client that hangs up before it has its answer', () => {
  it.each([
    ['a read', `GET ${mount}/Accounts.json HTTP/1.1\r\n`, '', '/2012-04-24/Accounts'],
    [
      'a GraphQL query',
      'POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 43\r\n',
      '{"query":"{ accounts { nodes { sid } } }" }',
      '/graphql',
    ],
  ])('is counted and logged with status 499: of %s', async (_what, head, body, route) => {
    // One of its own: nothing that an earlier request left under way can wait for the lock.
    const gateway = await startTestGateway();
    others.push(gateway);
    const counted = async () => {
      const metrics = await (await fetch(gateway.metricsUrl)).text();
      const count = (status: number) =>
        Number(
          new RegExp(`^gateway_request_duration_seconds_count\\{[^}]*route="${route}",status="${status}"\\} (\\d+)$`, 'm').exec(
            metrics,
          )?.[1] ?? 0,
        );
      return [count(200), count(499)];
    };
    const [answered, hungUp] = (await counted()) as [number, number];
    await gateway.database.query('BEGIN; LOCK TABLE account');
    try {
      const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`${head}Host: gateway.test\r\nAuthorization: ${basic(admin)}\r\n\r\n${body}`);
      await untilWaitingForLocks(gateway.database);
      socket.destroy();
      await eventually(async () => expect(await counted()).toEqual([answered, hungUp + 1]));
    } finally {
      await gateway.database.query('ROLLBACK');
    }
    await eventually(() => expect(gateway.log.join('')).toMatch(new RegExp(`"route":"${route}","status":499,.*"msg":"aborted"`)));
  });
});

describe('a page of a trusted origin', () => {
  const origin = 'https://console.test';
  const headers = { Origin: origin };
  const expected = { 'Access-Control-Allow-Origin': origin, Vary: expect.stringContaining('Origin') };

  it('can read every refusal, whatever it is refused by', async () => {
    const environment = { CORS_ORIGINS: origin };
    const open = await another({ environment });
    const busy = await another({ environment, config: { limits: { ...readConfig({}).limits, atOnce: 0 } } });
    for (const [{ url }, status, request] of [
      [busy, 503, { target: `${mount}/Accounts.json` }],
      [busy, 503, { method: 'POST', target: '/graphql', headers: json, body: '{"query":"{ viewer { sid } }"}' }],
      [open, 401, { target: `${mount}/Accounts.json` }],
      [open, 404, { target: '/nothing' }],
      [open, 413, { method: 'POST', target: `${mount}/Accounts`, login: admin, body: 'x'.repeat(70_000) }],
      [open, 415, { method: 'POST', target: '/graphql', login: admin, headers: { 'Content-Type': 'text/plain' }, body: '{}' }],
      [open, 400, { method: 'POST', target: '/graphql', login: admin, headers: json, body: '{' }],
    ] as const) {
      const answer = await sendOnWire(url, { ...request, headers: { ...headers, ...('headers' in request && request.headers) } });
      expect([answer.status, answer.headers]).toMatchObject([status, expected]);
    }
  });
});

describe('a request that has a header twice', () => {
  it.each([
    ['authorization', { Authorization: basic(admin), authorization: basic({ ...admin, secret: 'another' }) }],
    ['authorization', { Authorization: basic(admin), AUTHORIZATION: basic(admin) }],
    ['host', { Host: 'gateway.test', host: 'evil.test' }],
  ])('is refused where the header has to be one: %s', async (name, headers) => {
    for (const target of [`${mount}/Accounts.json`, '/graphql?query={viewer{sid}}', '/health/live']) {
      const answer = await sendOnWire(gateway.url, { target, headers });
      expect([answer.status, answer.body]).toEqual([400, expect.stringContaining(`more than one header \\"${name}\\"`)]);
      expect(answer.body).toContain('BAD_USER_INPUT');
    }
  });
});

describe('where users reach the gateway', () => {
  it.each([
    ['https://例え.jp', 'https://xn--r8jz45g.jp'],
    ['HTTPS://Gateway.Test/', 'https://gateway.test'],
    ['https://gateway.test:443/a b/'.replace(' ', '%20'), 'https://gateway.test/a%20b'],
    ['https://gateway.test/>;rel="x",<', 'https://gateway.test/%3E;rel=%22x%22,%3C'],
    ['https://[2001:db8::1]:8443//', 'https://[2001:db8::1]:8443'],
  ])('is %s: every link begins with it, and users come by https always', async (PUBLIC_URL, base) => {
    const { url } = await another({ environment: { PUBLIC_URL } });
    const made = await sendOnWire(url, { method: 'POST', target: `${mount}/Profiles`, login: admin, headers: json, body: '{"a":1}' });
    expect([made.status, made.headers.Location]).toEqual([201, expect.stringMatching(/^\S+\/Profiles\/PR\w{32}$/)]);
    expect(made.headers.Location!.startsWith(`${base}${mount}/Profiles/`)).toBe(true);
    const { status, headers } = await sendOnWire(url, { target: `${mount}/Accounts/${encodeURIComponent(admin.login)}`, login: admin });
    expect([status, headers.Link]).toEqual([200, expect.stringMatching(/^<[^<>]+\/Profiles\/PR\w{32}>; rel="related"; title="Profiles"$/)]);
    expect(headers.Link!.startsWith(`<${base}${mount}/`)).toBe(true);
    expect(headers['Strict-Transport-Security']).toBe('max-age=31536000');
  });

  it('is where a proxy says, in words that a header can have; a profile that was made is answered as made', async () => {
    const behind = await another({ environment: { TRUST_PROXY: '127.0.0.1' } });
    for (const forwarded of [
      { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'gateway.test' },
      { 'X-Forwarded-Proto': 'h\u00e9>;, <', 'X-Forwarded-Host': 'gateway.test' },
      { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': '\u00ff>; <' },
      { 'X-Forwarded-Proto': 'javascript', 'X-Forwarded-Host': 'gateway.test' },
    ]) {
      const request = { method: 'POST', target: `${mount}/Profiles`, login: admin, headers: { ...json, ...forwarded }, body: '{"a":1}' };
      const { status, headers } = await sendOnWire(behind.url, request);
      expect([status, headers.Location]).toEqual([201, expect.stringMatching(new RegExp(`^${mount}/Profiles/PR\\w{32}$`))]);
    }
  });

  it('is one origin with the pages there, though a proxy that is not trusted takes the requests', async () => {
    const { url } = await another({ environment: { PUBLIC_URL: 'https://gateway.test/api' } });
    const request = { method: 'POST', target: `${mount}/Profiles`, login: admin, body: '{"a":1}' };
    const from = async (Origin: string) => (await sendOnWire(url, { ...request, headers: { ...json, Origin } })).status;
    expect([await from('https://gateway.test'), await from('http://gateway.test')]).toEqual([201, 403]);
  });
});

describe('a gateway that listens at an address of IPv6', () => {
  const isThere = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));

  it.runIf(isThere).each([
    ['::1', '[::1]'],
    ['[::1]', '[::1]'],
    ['::', '[::]'],
  ])('HOST=%s', async (HOST, shown) => {
    const { url, metricsUrl } = await another({ environment: { HOST } });
    for (const at of [url, metricsUrl]) expect(new URL(at).hostname).toBe(shown);
    const port = (at: string): string => new URL(at).port;
    expect((await fetch(`http://[::1]:${port(url)}/health/live`)).status).toBe(200);
    expect((await fetch(`http://[::1]:${port(metricsUrl)}/metrics`)).status).toBe(200);
  });
});
