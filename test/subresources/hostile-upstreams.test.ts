import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin } from '../support/gateway.js';
import { type Ask, codeOf, startWithUpstreams } from '../support/subresources.js';
import { type TestUpstream, startRawUpstream } from '../support/upstream.js';

/** What the upstream answers next. */
let next: { bytes: string | Buffer; closes: boolean };
let upstream: TestUpstream;
let gateway: TestGateway & { ask: Ask };
beforeAll(async () => {
  upstream = await startRawUpstream(
    () => next.bytes,
    (socket) => void (next.closes && socket.end()),
  );
  gateway = await startWithUpstreams({ '*': { url: upstream.url } });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

const calls = `/Accounts/${admin.login}/Calls.json`;

/** Asks once, and holds that the gateway lives on and tells nothing of where the upstream is. */
async function answerTo(bytes: string | Buffer, { closes = true, method = 'GET' } = {}): Promise<Response & { body_: string }> {
  next = { bytes, closes };
  const answer = await gateway.ask(admin, calls, { method });
  const body = await answer.text();
  expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
  expect(JSON.stringify([...answer.headers]) + body).not.toContain(`:${new URL(upstream.url).port}`);
  return Object.assign(answer, { body_: body });
}

const head = (...lines: string[]): string => ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n');
const many = (count: number, line: (number: number) => string): string[] => Array.from({ length: count }, (_, number) => line(number));

describe('an answer that is no HTTP, or lies about itself, is UPSTREAM_UNAVAILABLE', () => {
  it.each([
    ['nothing', ''],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['HTTP/0.9', '<html>hello</html>'],
    ['an unknown version', 'HTTP/3.7 200 OK\r\nContent-Length: 2\r\n\r\n{}'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['status 000', 'HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n'],
    ['status 600', 'HTTP/1.1 600 Six\r\nContent-Length: 0\r\n\r\n'],
    ['status 999', 'HTTP/1.1 999 Nine\r\nContent-Length: 0\r\n\r\n'],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'],
    ['interim answers without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100) + head('Content-Length: 2') + '{}'],
    ['headers that break off', 'HTTP/1.1 200 OK\r\nContent-Len'],
    ['a body that never comes', head('Content-Length: 10')],
    ['a length and chunks', `${head('Content-Length: 2', 'Transfer-Encoding: chunked')}2\r\n{}\r\n0\r\n\r\n`],
    ['chunks and a length', `${head('Transfer-Encoding: chunked', 'Content-Length: 2')}2\r\n{}\r\n0\r\n\r\n`],
    ['two lengths', `${head('Content-Length: 2', 'Content-Length: 3')}{} `],
    ['a negative length', `${head('Content-Length: -2')}{}`],
    ['a length in hexadecimal', `${head('Content-Length: 0x2')}{}`],
    ['a coding that nobody knows', `${head('Transfer-Encoding: rot13')}{}`],
    ['two codings', `${head('Transfer-Encoding: gzip, chunked')}2\r\n{}\r\n0\r\n\r\n`],
    ['a first chunk without size', `${head('Transfer-Encoding: chunked')}zz\r\n{}\r\n`],
    ['a space before a colon', `${head('Content-Length : 2')}{}`],
    ['a header without a colon', `${head('Content-Length 2')}{}`],
    ['a header without a name', `${head(': 2')}{}`],
    ['a zero byte in a header', `${head('ETag: "a\0b"', 'Content-Length: 2')}{}`],
    ['a carriage return in a header', `${head('ETag: "a\rSet-Cookie: b"', 'Content-Length: 2')}{}`],
    ['a header of 100 kB', `${head(`ETag: "${'x'.repeat(100_000)}"`, 'Content-Length: 2')}{}`],
    ['ten thousand headers', `${head(...many(10_000, (number) => `X-${number}: y`), 'Content-Length: 2')}{}`],
    ['401', 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="inside"\r\nContent-Length: 6\r\n\r\nsecret'],
    ['407', 'HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic realm="inside"\r\nContent-Length: 6\r\n\r\nsecret'],
  ])('%s', async (_what, bytes) => {
    const answer = await answerTo(bytes);
    expect([answer.status, JSON.parse(answer.body_).error]).toEqual([502, 'UPSTREAM_UNAVAILABLE']);
    expect([...answer.headers.keys()].toSorted()).toEqual(ownHeaders);
    expect(answer.body_).not.toContain('secret');
  });
});

const ownHeaders = [
  'connection',
  'content-length',
  'content-security-policy',
  'content-type',
  'cross-origin-resource-policy',
  'cache-control',
  'date',
  'keep-alive',
  'referrer-policy',
  'vary',
  'x-content-type-options',
  'x-frame-options',
  'x-request-id',
].toSorted();

describe('of an answer, the client gets', () => {
  it('no cookie, nothing about the connection, and no header that it names', async () => {
    const answer = await answerTo(
      `${head(
        'Content-Type: application/json',
        'Content-Length: 2',
        'Set-Cookie: session=1; Path=/',
        'Connection: keep-alive, ETag',
        'Keep-Alive: timeout=1',
        'Proxy-Authenticate: Basic',
        'Server: inside/1.0',
        'X-Powered-By: inside',
        'X-Request-Id: another',
        'Strict-Transport-Security: max-age=0',
        'Content-Security-Policy: default-src *',
        'Access-Control-Allow-Origin: *',
        'ETag: "1"',
        'Clear-Site-Data: "*"',
      )}{}`,
    );
    expect([answer.status, answer.body_]).toEqual([200, '{}']);
    expect([...answer.headers.keys()].toSorted()).toEqual(ownHeaders);
    expect(answer.headers.get('x-request-id')).not.toBe('another');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('what is said of the content, as it was said', async () => {
    const said = {
      'accept-ranges': 'bytes',
      age: '7',
      'cache-control': 'private, max-age=60',
      'content-disposition': 'attachment; filename="é.wav"',
      'content-language': 'de',
      'content-location': '/elsewhere',
      'content-type': 'text/html; charset=utf-16',
      etag: 'W/"1"',
      expires: '0',
      'last-modified': 'Wed, 04 Nov 2015 10:17:35 GMT',
      link: '</a>; rel="next", </b>; rel="prev"',
      location: 'http://inside.test:8080/restcomm/2012-04-24/x?y#z',
      'retry-after': '120',
    };
    const lines = Object.entries({ ...said, 'content-length': '3' }).map(([name, value]) => `${name}: ${value}`);
    const answer = await answerTo(Buffer.from(`${head(...lines, 'Vary: Accept-Language')}abc`, 'latin1'));
    expect(Object.fromEntries(answer.headers)).toMatchObject(said);
    expect(answer.headers.get('vary')).toBe('Accept, Authorization, Accept-Language');
  });

  it('a redirect as it is, followed by nobody', async () => {
    const answer = await answerTo('HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n');
    expect([answer.status, answer.headers.get('location'), answer.body_]).toEqual([302, 'http://169.254.169.254/latest', '']);
  });

  it('no interim answers and no trailers', async () => {
    const chunked = `${head('Transfer-Encoding: chunked', 'Trailer: X-Account-Sid')}2\r\n{}\r\n0\r\nX-Account-Sid: AC1\r\nSet-Cookie: a=b\r\n\r\n`;
    const answer = await answerTo(`HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n${chunked}`);
    expect([answer.status, answer.body_, answer.headers.get('link'), answer.headers.get('trailer')]).toEqual([200, '{}', null, null]);
  });

  it('compressed bytes as they came, however much is in them', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024));
    next = { bytes: Buffer.concat([Buffer.from(head(`Content-Length: ${bomb.length}`, 'Content-Encoding: gzip')), bomb]), closes: true };
    const before = process.memoryUsage().rss;
    const answer = await gateway.ask(admin, calls, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-encoding'), answer.headers.get('content-length')]).toEqual([
      200,
      'gzip',
      String(bomb.length),
    ]);
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
  });

  it.each([204, 304])('no body with status %d, though one is sent', async (status) => {
    const answer = await answerTo(
      `HTTP/1.1 ${status} X\r\nContent-Length: 6\r\nETag: "1"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled`,
    );
    expect([answer.status, answer.body_, answer.headers.get('etag')]).toEqual([status, '', '"1"']);
    expect(answer.headers.get('content-length')).toBe(status === 304 ? '6' : null);
    expect((await answerTo(`${head('Content-Length: 4')}true`)).body_).toBe('true');
  });

  it('nothing of what is sent behind the end, neither now nor with the next answer', async () => {
    for (const method of ['GET', 'HEAD', 'POST']) {
      const smuggled = `${head('Content-Length: 8')}smuggled`;
      const answer = await answerTo(`${head('Content-Length: 4')}true${smuggled}`, { closes: false, method });
      expect([answer.status, answer.body_]).toEqual([200, method === 'HEAD' ? '' : 'true']);
      expect((await answerTo(`${head('Content-Length: 5')}false`)).body_).toBe('false');
    }
  });

  it.each([
    ['is too short', `${head('Content-Length: 10')}half`],
    ['breaks off between chunks', `${head('Transfer-Encoding: chunked')}4\r\nhalf\r\n`],
    ['has a later chunk without size', `${head('Transfer-Encoding: chunked')}4\r\nhalf\r\nzz\r\n`],
  ])('no whole answer where the body %s', async (_how, bytes) => {
    next = { bytes, closes: true };
    // It may be known before the first bytes leave.
    const got = await gateway
      .ask(admin, calls)
      .then(async (answer) => (answer.status === 200 ? answer.text() : codeOf(answer)))
      .catch((error: Error) => error.message);
    expect(['terminated', 'fetch failed', 'UPSTREAM_UNAVAILABLE']).toContain(got);
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
  });
});
