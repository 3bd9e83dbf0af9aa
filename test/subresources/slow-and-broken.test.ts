import { once } from 'node:events';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config.js';
import { type TestGateway, admin } from '../support/gateway.js';
import { basic } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { slowRequests } from '../support/effort.js';
import { eventually } from '../support/patience.js';
import { mount } from '../support/rest-client.js';
import { type Ask, codeOf, startWithUpstreams } from '../support/subresources.js';
import { type Created, create } from '../support/tree.js';
import { type TestUpstream, startRawUpstream, startUpstream } from '../support/upstream.js';

type Gateway = TestGateway & { ask: Ask };
const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of running.splice(0).toReversed()) await each.stop();
});
const stopping = <Stoppable extends { stop(): Promise<void> }>(each: Stoppable): Stoppable => {
  running.push(each);
  return each;
};
const start = async (...args: Parameters<typeof startWithUpstreams>): Promise<Gateway> => stopping(await startWithUpstreams(...args));
const serving = async (...args: Parameters<typeof startUpstream>): Promise<TestUpstream> => stopping(await startUpstream(...args));

/** Milliseconds, where a gateway of its own waits for a minute. */
const short: Config['upstreamTimeouts'] = { connect: 300, answer: 300, silence: 300 };
const calls = `/Accounts/${admin.login}/Calls.json`;
const recordings = `/Accounts/${admin.login}/Recordings.json`;
const numbersOf = async (gateway: Gateway): Promise<Record<string, number>> => {
  const text = await (await fetch(gateway.metricsUrl)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('gateway_upstream') && !line.includes('_bucket'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]));
};

describe('an upstream that takes too long is UPSTREAM_TIMEOUT', () => {
  it('when it accepts a connection and does not go on', async () => {
    // TLS is part of connecting.
    const silent = stopping(await startRawUpstream(() => ''));
    const gateway = await start({ Calls: { url: silent.url.replace('http:', 'https:') } }, { config: { upstreamTimeouts: short } });
    const answer = await gateway.ask(admin, calls);
    expect([answer.status, await codeOf(answer)]).toEqual([504, 'UPSTREAM_TIMEOUT']);
  });

  it('when it does not answer', async () => {
    const upstream = await serving(() => {});
    const gateway = await start({ Calls: { url: upstream.url } }, { config: { upstreamTimeouts: short } });
    for (const method of ['GET', 'POST', 'DELETE']) {
      const answer = await gateway.ask(admin, calls, { method });
      expect([answer.status, await codeOf(answer)]).toEqual([504, 'UPSTREAM_TIMEOUT']);
    }
    // Nothing is tried twice.
    expect(upstream.seen).toHaveLength(3);
    await eventually(() => expect(upstream.connections()).toBe(0));
    const xml = await gateway.ask(admin, calls.replace('.json', ''));
    expect(await xml.text()).toContain('<Error>UPSTREAM_TIMEOUT</Error>');
  });

  it('when nothing follows its headers', async () => {
    const upstream = await serving((_request, response) => void response.writeHead(200, { etag: '"1"' }).flushHeaders());
    const gateway = await start({ Calls: { url: upstream.url } }, { config: { upstreamTimeouts: short } });
    const answer = await gateway.ask(admin, calls);
    expect([answer.status, await codeOf(answer), answer.headers.get('etag')]).toEqual([504, 'UPSTREAM_TIMEOUT', null]);
  });

  it('or a broken connection, when it falls silent in the middle', async () => {
    const upstream = await serving((_request, response) => void response.writeHead(200).write('half'));
    const gateway = await start({ Calls: { url: upstream.url } }, { config: { upstreamTimeouts: short } });
    const answer = await gateway.ask(admin, calls);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow('terminated');
    await eventually(() => expect(gateway.log.join('')).toMatch(/"status":500.*"msg":"aborted"/));
  });

  it('when it takes no more of a body', async () => {
    const upstream = await serving(() => {});
    const gateway = await start({ Calls: { url: upstream.url } }, { config: { upstreamTimeouts: short } });
    const body = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
    const answer = await gateway.ask(admin, calls, { method: 'POST', body, duplex: 'half' } as RequestInit).catch((error) => error);
    // The answer comes while the body is still sent, which clients take differently.
    if (answer instanceof Response) expect(answer.status).toBe(504);
    await eventually(() => expect(gateway.log.join('')).toContain('UND_ERR_HEADERS_TIMEOUT'));
  });
});

describe('an upstream that cannot be reached is UPSTREAM_UNAVAILABLE', () => {
  it.each([
    ['refuses', async () => (await closedPort()) as string, 'ECONNREFUSED'],
    ['has no address', async () => 'http://nowhere.invalid', /^(ENOTFOUND|EAI_AGAIN)$/],
    ['hangs up', async () => stopping(await hangingUp()).url, 'UND_ERR_SOCKET'],
    ['does not speak TLS', async () => (await serving(() => {})).url.replace('http:', 'https:'), /^(ERR_SSL\w+|EPROTO)$/],
  ])('as one that %s', async (_how, url, reason) => {
    const gateway = await start({ Calls: { url: await url() } });
    const answer = await gateway.ask(admin, calls);
    expect([answer.status, await codeOf(answer)]).toEqual([502, 'UPSTREAM_UNAVAILABLE']);
    const logged = gateway.log.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'an upstream failed');
    expect(logged).toMatchObject([{ level: 40, upstream: 'Calls', reason: expect.stringMatching(reason) }]);
    expect(JSON.stringify(logged)).not.toContain('127.0.0.1');
  });
});

async function closedPort(): Promise<string> {
  const { url, stop } = await startUpstream(() => {});
  await stop();
  return url;
}

const hangingUp = (): Promise<TestUpstream> =>
  startRawUpstream(
    () => '',
    (socket) => socket.destroy(),
  );

/** Starts a request on a connection of its own. (An aborted `fetch` opens another one, which the gateway waits for when it stops.) */
function sending(gateway: Gateway, method: string, headers: Record<string, string> = {}): ClientRequest {
  const { hostname, port } = new URL(gateway.url);
  const request = httpRequest({
    hostname,
    port,
    path: mount + calls,
    method,
    agent: false,
    headers: { authorization: basic(admin), ...headers },
  });
  return request.on('error', () => {});
}

describe('a client that hangs up', () => {
  it.each([
    ['before the headers', false],
    ['in the middle of the answer', true],
  ])('ends the request at the upstream: %s', async (_when, answers) => {
    let open = 0;
    const upstream = await serving((_request, response) => {
      open += 1;
      response.once('close', () => (open -= 1));
      if (answers) response.write('half');
    });
    const gateway = await start({ '*': { url: upstream.url } });
    for (const method of ['GET', 'POST']) {
      const client = sending(gateway, method);
      const answered = answers ? once(client, 'response') : undefined;
      client.end();
      await answered;
      await eventually(() => expect(open).toBe(1));
      expect(await numbersOf(gateway)).toMatchObject({ 'gateway_upstream_requests_open{upstream="*"}': 1 });
      client.destroy();
      await eventually(() => expect(open).toBe(0));
    }
    expect(await numbersOf(gateway)).toMatchObject({ 'gateway_upstream_requests_open{upstream="*"}': 0 });
    // It was no failure of the upstream.
    expect(gateway.log.join('')).not.toContain('an upstream failed');
    await eventually(() => expect(gateway.log.filter((line) => /"status":499.*"msg":"aborted"/.test(line))).toHaveLength(2));
  });

  it('ends the request at the upstream before it has the whole body', async () => {
    let received = 0;
    const outcomes: string[] = [];
    const upstream = await serving((request) => {
      request.on('data', (chunk: Buffer) => (received += chunk.length));
      request.on('end', () => outcomes.push('whole'));
      request.on('error', () => outcomes.push('broken off'));
    });
    const gateway = await start({ '*': { url: upstream.url } });
    for (const headers of [{ 'content-length': '100000' }, { 'transfer-encoding': 'chunked' }]) {
      received = 0;
      const upload = sending(gateway, 'POST', headers);
      upload.write('half of it');
      await eventually(() => expect(received).toBe(10));
      upload.destroy();
    }
    await eventually(() => expect(outcomes).toEqual(['broken off', 'broken off']));
  });

  it('while the upstream is still being connected sends nothing to it', async () => {
    const tls = stopping(await startRawUpstream(() => ''));
    const gateway = await start(
      { Calls: { url: tls.url.replace('http:', 'https:') } },
      { config: { upstreamTimeouts: { ...short, connect: 2000 } } },
    );
    const client = sending(gateway, 'GET').end();
    await eventually(() => expect(tls.connections()).toBe(1));
    client.destroy();
    await eventually(() => expect(gateway.log.filter((line) => line.includes('"status":499'))).toHaveLength(1));
    await eventually(async () => expect((await numbersOf(gateway))['gateway_upstream_requests_open{upstream="Calls"}']).toBe(0));
  });
});

describe('a slow upstream', () => {
  it('takes nothing from the gateway, from other upstreams or from other customers', async () => {
    const slow = await serving(() => {});
    const quick = await serving((_request, response) => void response.end('quick'));
    const gateway = await start(
      { Calls: { url: slow.url }, Recordings: { url: quick.url } },
      {
        environment: { MAX_REQUESTS: '4' },
        config: {
          upstreamTimeouts: { connect: 3_600_000, answer: 3_600_000, silence: 3_600_000 },
          upstreamLimits: { perUpstream: slowRequests * 0.8, perAccount: slowRequests },
        },
      },
    );
    const surface = graphqlSurface(gateway.url);
    const customers: Created[] = [];
    while (customers.length < 6) customers.push(await create(surface));
    const outcomes: string[] = [];
    for (let number = 0; number < slowRequests; number += 1) {
      const { sid, login } = customers[number % 5]!;
      void gateway
        .ask(login, `/Accounts/${sid}/Calls.json`)
        .then(async (answer) => void outcomes.push(await codeOf(answer)))
        .catch(() => {});
      // There are only four places to sign in.
      await eventually(() => expect(slow.seen.length + outcomes.length).toBe(number + 1), 1);
    }
    // Each of the five has as many as are left then: a sixth of all.
    expect(new Set(outcomes)).toEqual(new Set(['OVERLOADED']));
    expect((await numbersOf(gateway))['gateway_upstream_requests_open{upstream="Calls"}']).toBeGreaterThan(slowRequests * 0.6);

    const [another] = customers.slice(5);
    const { sid, login } = another!;
    for (let count = 0; count < 5; count += 1) expect((await gateway.ask(login, `/Accounts/${sid}.json`)).status).toBe(200);
    expect(await (await gateway.ask(login, `/Accounts/${sid}/Recordings.json`)).text()).toBe('quick');
    const late = gateway.ask(login, `/Accounts/${sid}/Calls.json`).catch(() => undefined);
    await eventually(() => expect(slow.seen.some(({ headers }) => headers['x-actor-sid'] === sid)).toBe(true));
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
    await slow.stop();
    await late;
    await eventually(async () => expect((await numbersOf(gateway))['gateway_upstream_requests_open{upstream="Calls"}']).toBe(0));
  });

  it('gives its place back, however it ends', async () => {
    const upstream = await serving((request, response) => {
      if (request.url!.includes('break')) return void response.destroy();
      if (request.url!.includes('hang')) return;
      response.end('{}');
    });
    const gateway = await start(
      { Calls: { url: upstream.url } },
      { config: { upstreamTimeouts: short, upstreamLimits: { perUpstream: 1, perAccount: 1 } } },
    );
    const statuses: number[] = [];
    for (const end of ['', '?break', '?hang', '']) statuses.push((await gateway.ask(admin, calls + end)).status);
    expect(statuses).toEqual([200, 502, 504, 200]);
    const hanging = gateway.ask(admin, `${calls}?hang`);
    await eventually(() => expect(upstream.seen).toHaveLength(5));
    const refused = await gateway.ask(admin, calls);
    expect([refused.status, refused.headers.get('retry-after'), await codeOf(refused)]).toEqual([429, '1', 'RATE_LIMITED']);
    expect((await hanging).status).toBe(504);
  });
});

describe('what is measured of each upstream', () => {
  it('is there from the start, at 0, and counts what happens', async () => {
    const upstream = await serving((request, response) => {
      request.resume().on('end', () => response.end('x'.repeat(5000)));
    });
    const gateway = await start({ Calls: { url: upstream.url }, '*': { url: await closedPort() } });
    const before = await numbersOf(gateway);
    expect(Object.keys(before)).toEqual(
      expect.arrayContaining([
        'gateway_upstream_requests_total{upstream="Calls"}',
        'gateway_upstream_answer_seconds_count{upstream="Calls"}',
        'gateway_upstream_bytes_total{upstream="*",direction="sent"}',
        'gateway_upstream_bytes_total{upstream="*",direction="received"}',
        'gateway_upstream_failures_total{upstream="*",reason="ECONNREFUSED"}',
        'gateway_upstream_requests_open{upstream="*"}',
        'gateway_upstream_refusals_total{upstream="Calls"}',
      ]),
    );
    expect(new Set(Object.values(before))).toEqual(new Set([0]));
    await (await gateway.ask(admin, calls, { method: 'POST', body: 'y'.repeat(3000) })).text();
    await gateway.ask(admin, recordings);
    expect(await numbersOf(gateway)).toMatchObject({
      'gateway_upstream_requests_total{upstream="Calls"}': 1,
      'gateway_upstream_answer_seconds_count{upstream="Calls"}': 1,
      'gateway_upstream_bytes_total{upstream="Calls",direction="sent"}': 3000,
      'gateway_upstream_bytes_total{upstream="Calls",direction="received"}': 5000,
      'gateway_upstream_failures_total{upstream="*",reason="ECONNREFUSED"}': 1,
      'gateway_upstream_failures_total{upstream="Calls",reason="ECONNREFUSED"}': 0,
      'gateway_upstream_requests_open{upstream="Calls"}': 0,
    });
  });

  it('is charged to the account that asks: requests and bytes', async () => {
    const upstream = await serving((_request, response) => void response.end(Buffer.alloc(40_000_000)));
    const gateway = await start({ '*': { url: upstream.url } }, { environment: { ACCOUNT_COST_PER_MINUTE: '10000' } });
    const { sid, login } = await create(graphqlSurface(gateway.url));
    const path = `/Accounts/${sid}/Recordings/RE1.wav`;
    expect((await (await gateway.ask(login, path)).arrayBuffer()).byteLength).toBe(40_000_000);
    expect((await (await gateway.ask(login, path)).arrayBuffer()).byteLength).toBe(40_000_000);
    const refused = await gateway.ask(login, path);
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([429, true]);
  });

  it('is told by /health/upstreams, while readiness does not depend on it', async () => {
    const upstream = await serving(() => {});
    const gateway = await start({ Calls: { url: upstream.url }, '*': { url: await closedPort() } });
    const health = await fetch(`${gateway.url}/health/upstreams`);
    expect([health.status, await health.json()]).toEqual([
      503,
      {
        upstreams: [
          { name: 'Calls', status: 'reachable', open: 0 },
          { name: '*', status: 'unreachable', open: 0 },
        ],
      },
    ]);
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
  });
});

describe('a body that is passed on', () => {
  let gateway: Gateway;
  let upstream: TestUpstream;
  beforeAll(async () => {
    upstream = await startUpstream((request, response) => void request.resume().on('end', () => response.end('got it')));
    gateway = await startWithUpstreams({ '*': { url: upstream.url } }, { config: { bodyMilliseconds: 4_000 } });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  const upload = (path: string) => {
    const { hostname, port } = new URL(gateway.url);
    const headers = { authorization: basic(admin), 'content-length': 100 };
    const sent = httpRequest({ hostname, port, path: mount + path, method: 'POST', agent: false, headers });
    const answered = once(sent, 'response').then(
      ([response]) => (response as { statusCode: number }).statusCode,
      (error: Error) => error.message,
    );
    return { sent, answered };
  };

  it('may take longer than any other, as long as it comes', async () => {
    const { sent, answered } = upload(calls);
    for (let count = 0; count < 10; count += 1) {
      sent.write('x'.repeat(10));
      await sleep(600);
    }
    sent.end();
    expect(await answered).toBe(200);
  });

  it('is cut off when its client falls silent, as is any other that takes too long', async () => {
    for (const path of [calls, `/Accounts/${admin.login}`]) {
      const { sent, answered } = upload(path);
      sent.write('half');
      expect([408, 'socket hang up']).toContain(await answered);
      sent.destroy();
    }
    await eventually(() => expect(upstream.connections()).toBe(0));
  });
});
