import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { basic } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { residentBytes } from '../support/processes.js';
import { mount } from '../support/rest-client.js';
import { type TestUpstream, startUpstream } from '../support/upstream.js';

const megabyte = 1024 * 1024;
const long = 200 * megabyte;
const piece = Buffer.alloc(64 * 1024, 'x');

/** A body of 200 MB, made as it is read. */
const longBody = (): Readable => Readable.from(pieces(), { objectMode: false });
function* pieces(): Generator<Buffer> {
  for (let sent = 0; sent < long; sent += piece.length) yield piece;
}

let upstream: TestUpstream;
let gateway: GatewayProcess;
/** How much the upstream has sent and received of bodies. */
let sent = 0;
let received = 0;
beforeAll(async () => {
  upstream = await startUpstream((request, response) => {
    if (request.url!.includes('stalled')) return;
    request.on('data', (chunk: Buffer) => (received += chunk.length));
    if (request.method === 'POST') request.on('end', () => response.end(String(received)));
    else
      longBody()
        .on('data', () => (sent += piece.length))
        .pipe(response);
  });
  gateway = await startGateway({
    environment: {
      LOG_LEVEL: 'error',
      SUBRESOURCE_UPSTREAMS: JSON.stringify({ '*': { url: upstream.url } }),
      UPSTREAM_ANSWER_TIMEOUT_SECONDS: '1',
    },
  });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

function ask(method: string, path: string): ClientRequest {
  const { hostname, port } = new URL(gateway.url);
  const headers = { authorization: basic({ login: gateway.adminEmail, secret: gateway.adminPassword }) };
  const request = httpRequest({ hostname, port, path: `${mount}/Accounts/${gateway.adminEmail}/${path}`, method, headers, agent: false });
  return request.on('error', () => {});
}
const answerTo = async (request: ClientRequest): Promise<IncomingMessage> => (await once(request, 'response'))[0] as IncomingMessage;

/** By how much the memory of the gateway grows at most while the work runs. Signing in is behind it by then. */
async function growthWhile(work: () => Promise<void>): Promise<number> {
  (await answerTo(ask('GET', 'Recordings/RE1.wav').end())).destroy();
  const before = await residentBytes(gateway.pid);
  let peak = before;
  const watch = setInterval(() => void residentBytes(gateway.pid).then((bytes) => (peak = Math.max(peak, bytes))), 20);
  await work();
  clearInterval(watch);
  return peak - before;
}

it('200 MB come down in memory that does not grow', async () => {
  const growth = await growthWhile(async () => {
    const answer = await answerTo(ask('GET', 'Recordings/RE1.wav').end());
    let bytes = 0;
    for await (const chunk of answer) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(long);
  });
  expect(growth).toBeLessThan(100 * megabyte);
});

it('200 MB go up in memory that does not grow', async () => {
  const growth = await growthWhile(async () => {
    received = 0;
    const request = ask('POST', 'Recordings');
    longBody().pipe(request);
    const answer = await answerTo(request);
    expect([answer.statusCode, await answer.setEncoding('utf8').toArray()]).toEqual([200, [String(long)]]);
  });
  expect(growth).toBeLessThan(100 * megabyte);
});

it('a client that reads nothing keeps the upstream from sending', async () => {
  sent = 0;
  const answer = await answerTo(ask('GET', 'Recordings/RE1.wav').end());
  answer.pause();
  let before = -1;
  await eventually(() => {
    const unchanged = sent === before;
    before = sent;
    expect(unchanged).toBe(true);
  }, 500);
  expect(sent).toBeLessThan(long / 2);
  answer.destroy();
});

it('an upstream that reads nothing keeps the client from sending, and is given up', async () => {
  const request = ask('POST', 'Recordings/stalled');
  const body = longBody();
  let read = 0;
  body.on('data', () => (read += piece.length)).pipe(request);
  const answer = await answerTo(request);
  expect(answer.statusCode).toBe(504);
  expect(read).toBeLessThan(long / 2);
  body.destroy();
  request.destroy();
});
