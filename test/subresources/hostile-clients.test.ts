import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestGateway, admin } from '../support/gateway.js';
import { basic } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { startWithUpstreams } from '../support/subresources.js';
import { type Created, create } from '../support/tree.js';
import { type TestUpstream, bodyOf, startUpstream } from '../support/upstream.js';
import { type WireRequest, sendOnWire } from '../support/wire.js';

/** The bodies that the upstream received whole. */
const bodies: string[] = [];
let upstream: TestUpstream;
let gateway: TestGateway;
let account: Created;
beforeAll(async () => {
  const receive: RequestListener = async (request, response) => {
    const body = await bodyOf(request).catch(() => undefined);
    if (body === undefined) return;
    bodies.push(body.toString());
    response.end(`{"got":${body.length}}`);
  };
  upstream = await startUpstream((request, response) => void receive(request, response));
  gateway = await startWithUpstreams({ '*': { url: `${upstream.url}/restcomm` } });
  account = await create(graphqlSurface(gateway.url));
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});
beforeEach(() => {
  upstream.seen.length = 0;
  bodies.length = 0;
});

const target = (path = 'Calls.json'): string => `/restcomm/2012-04-24/Accounts/${account.sid}/${path}`;
const send = (request: Partial<WireRequest>) => sendOnWire(gateway.url, { target: target(), login: account.login, ...request });

/**
 * Sends bytes behind the line and headers that every request has, and returns all that is answered until the connection ends. The
 * gateway ends it: after the answer, or after one of the bytes that asks for it. What breaks off has to be ended here.
 */
async function sendBytes(
  method: string,
  rest: string,
  { connection = 'Connection: close\r\n', breaksOff = false, readsOnce = false } = {},
): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  let answered = '';
  socket.on('data', (chunk: Buffer) => (answered += chunk.toString('latin1'))).on('error', () => {});
  const head = `${method} ${target()} HTTP/1.1\r\nHost: gateway\r\nAuthorization: ${basic(account.login)}\r\n${connection}`;
  socket.write(head + rest, 'latin1');
  if (breaksOff) socket.end();
  if (readsOnce) socket.once('data', () => socket.end());
  await new Promise((resolve) => socket.once('close', resolve));
  return answered;
}
const statusesIn = (answered: string): number[] => [...answered.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const isAlive = async (): Promise<boolean> => (await fetch(`${gateway.url}/health/live`)).status === 200;

describe('a request that two servers could read differently reaches no upstream', () => {
  it.each([
    ['a length and chunks', 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n'],
    ['chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX'],
    ['two lengths', 'Content-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['a list of lengths', 'Content-Length: 1, 1\r\n\r\na'],
    ['a negative length', 'Content-Length: -1\r\n\r\n'],
    ['a length with a sign', 'Content-Length: +1\r\n\r\na'],
    ['a length in hexadecimal', 'Content-Length: 0x1\r\n\r\na'],
    ['a coding that nobody knows', 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['a coding after chunks', 'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
    ['a coding with a control character', 'Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n'],
    ['a space before a colon', 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', 'X-Folded: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na'],
    ['a line that ends without a carriage return', 'X-Bare: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a carriage return in a header', 'X-Bare: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a zero byte in a header', 'X-Zero: a\0b\r\nContent-Length: 0\r\n\r\n'],
    ['a header without a colon', 'Content-Length 1\r\n\r\na'],
    ['a header without a name', ': 1\r\n\r\n'],
    ['a chunk with a sign', 'Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n'],
    ['a chunk that is longer than numbers are', `Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\na\r\n0\r\n\r\n`],
    ['a chunk without its end', 'Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n'],
    ['a chunk whose line ends without a carriage return', 'Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n'],
    ['headers of 100 kB', `X-Long: ${'x'.repeat(100_000)}\r\nContent-Length: 0\r\n\r\n`],
    ['two credentials', `Authorization: ${basic(admin)}\r\nContent-Length: 0\r\n\r\n`],
    ['two hosts', 'Host: another\r\nContent-Length: 0\r\n\r\n'],
  ])('%s', async (_what, rest) => {
    const answered = await sendBytes('POST', rest);
    const statuses = statusesIn(answered);
    expect(statuses.filter((status) => status < 400)).toEqual([]);
    // Where the gateway had sent a part of the body on already, it only breaks off.
    if (answered !== '') {
      const body = JSON.parse(answered.slice(answered.indexOf('\r\n\r\n') + 4)) as { error: string; status: number };
      expect([body.error, body.status]).toEqual(['BAD_USER_INPUT', statuses[0]]);
    }
    expect(bodies).toEqual([]);
    expect(upstream.seen.filter(({ url }) => url.includes('smuggled'))).toEqual([]);
    expect(await isAlive()).toBe(true);
  });

  it('and a body that is shorter than it says is not taken for whole', async () => {
    await sendBytes('POST', 'Content-Length: 10\r\n\r\nhalf', { breaksOff: true });
    await sendBytes('POST', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', { breaksOff: true });
    expect(bodies).toEqual([]);
    expect(await isAlive()).toBe(true);
  });

  it('while what follows a body is a request of its own, with credentials of its own', async () => {
    const next = `GET ${target('Recordings.json')} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n`;
    const answered = await sendBytes('POST', `Content-Length: 2\r\n\r\nab${next}`, { connection: '' });
    expect(statusesIn(answered)).toEqual([200, 401]);
    expect(bodies).toEqual(['ab']);
  });
});

describe('an identity that a client claims', () => {
  it.each([
    ['X-Account-Sid', 'X-Organization-Sid', 'X-Actor-Sid', 'X-Actor-Role', 'X-Gateway-Signature'],
    ['x-account-sid', 'x-organization-sid', 'x-actor-sid', 'x-actor-role', 'x-gateway-signature'],
    ['X_ACCOUNT_SID', 'X_Organization_Sid', 'x_actor_sid', 'X-Actor_Role', 'X_Gateway-Signature'],
    ['X-Account-SID', 'X.Account.Sid', 'X-Actor-Sid2', 'X-Forwarded-For', 'X-Real-IP'],
    ['Proxy-Authorization', 'Cookie', 'X-HTTP-Method-Override', 'X-Original-URL', 'X-Rewrite-URL'],
  ])('is not passed on: %s', async (...names) => {
    const forged = Object.fromEntries(names.map((name) => [name, 'forged']));
    // Proxies that drop what Connection names would drop the true one.
    const connection = { Connection: `close, ${names[0]}, x-account-sid, x-actor-role, x-gateway-signature` };
    expect((await send({ headers: { ...forged, ...connection } })).status).toBe(200);
    const [{ rawHeaders }] = upstream.seen as [(typeof upstream.seen)[0]];
    expect(rawHeaders.join('\n')).not.toContain('forged');
    const received = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
    expect(received.toSorted()).toEqual([
      'connection',
      'host',
      'x-account-sid',
      'x-actor-role',
      'x-actor-sid',
      'x-organization-sid',
      'x-request-id',
    ]);
    expect(rawHeaders[received.indexOf('x-account-sid') * 2 + 1]).toBe(account.sid);
  });

  it('in trailers is not passed on either', async () => {
    const body = '2\r\nab\r\n0\r\nX-Account-Sid: forged\r\nAuthorization: forged\r\n\r\n';
    expect((await send({ method: 'POST', headers: { 'Transfer-Encoding': 'chunked', Trailer: 'X-Account-Sid' }, body })).status).toBe(200);
    expect(upstream.seen[0]!.rawHeaders.join()).not.toMatch(/forged|trailer/i);
    expect(bodies).toEqual(['ab']);
  });
});

describe('a header that Connection names', () => {
  it('is not passed on, and its connection is no other', async () => {
    await send({ headers: { Connection: 'close, Range,IF-MATCH', Range: 'bytes=0-1', 'If-Match': '"1"', 'Accept-Language': 'de' } });
    expect(upstream.seen[0]!.headers).toMatchObject({ connection: 'keep-alive', 'accept-language': 'de' });
    expect(upstream.seen[0]!.headers).not.toHaveProperty('range');
    expect(upstream.seen[0]!.headers).not.toHaveProperty('if-match');
  });
});

describe('an upgrade', () => {
  it.each([
    [
      'of a websocket',
      { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Version': '13' },
    ],
    ['to HTTP/2', { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' }],
  ])('%s is not made, and the request answered as any other', async (_what, headers) => {
    const answered = await sendBytes(
      'GET',
      `${Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n`,
      { connection: '', readsOnce: true },
    );
    expect(statusesIn(answered)).toEqual([200]);
    expect(Object.keys(upstream.seen[0]!.headers).filter((name) => /upgrade|http2|websocket/.test(name))).toEqual([]);
  });
});

describe('a path that could lead elsewhere is NOT_FOUND, and reaches no upstream', () => {
  it.each([
    'Calls/..',
    'Calls/../Recordings',
    'Calls/../../AC00000000000000000000000000000000/Calls',
    'Calls/%2e%2e/Recordings',
    'Calls/%2E./Recordings',
    'Calls/%252e%252e%252fRecordings',
    'Calls%2f..%2fRecordings',
    'Calls/..%2f..%2f..%2fadmin',
    'Calls\\..\\Recordings',
    'Calls%5c..%5cRecordings',
    'Calls/..;/Recordings',
    'Calls;a=b/../Recordings',
    'Calls/%c0%ae%c0%ae/Recordings',
    'Calls/%EF%BC%8E%EF%BC%8E/Recordings',
    'Calls/%00',
    'Calls/x%0d%0aX-Account-Sid:%20forged',
    'SMS/messages',
    'sms/Messages',
    'Recordings.csv',
    'recordings/RE1',
    'Accounts/AC1/Calls',
  ])('%s', async (path) => {
    for (const method of ['GET', 'DELETE']) {
      const answer = await send({ method, target: target(path), headers: { Accept: 'application/json' } });
      expect([answer.status, JSON.parse(answer.body).error]).toEqual([404, 'NOT_FOUND']);
    }
    expect(upstream.seen).toEqual([]);
  });
});

it.each(['TRACE', 'OPTIONS', 'LINK', 'UNLINK'])('the method %s reaches no upstream', async (method) => {
  expect((await send({ method })).status).toBe(405);
  expect(upstream.seen).toEqual([]);
});

it('a body of a GET is not passed on, and what follows it is read', async () => {
  const answered = await sendBytes(
    'GET',
    `Content-Length: 2\r\n\r\nabGET /health/live HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n`,
    { connection: '' },
  );
  expect(statusesIn(answered)).toEqual([200, 200]);
  expect([upstream.seen.length, bodies]).toEqual([1, ['']]);
});

it("a browser's page of another origin changes nothing", async () => {
  const answer = await send({ method: 'POST', headers: { Origin: 'https://evil.test', 'Sec-Fetch-Site': 'cross-site' } });
  expect(answer.status).toBe(403);
  expect(upstream.seen).toEqual([]);
});

it('what expects a 100 gets one, once, from the gateway', async () => {
  const answered = await sendBytes('POST', 'Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab');
  expect(statusesIn(answered)).toEqual([100, 200]);
  expect([upstream.seen[0]!.headers.expect, bodies]).toEqual([undefined, ['ab']]);
});
