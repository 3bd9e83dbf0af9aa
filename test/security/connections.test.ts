import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { basic, postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { residentBytes } from '../support/processes.js';
import { mount } from '../support/rest-client.js';
import { openPausedSocket } from '../support/wire.js';

const megabyte = 1024 * 1024;
const open: Socket[] = [];
afterEach(() => open.splice(0).forEach((socket) => socket.destroy()));

async function connectTo(url: string): Promise<Socket> {
  const socket = await openPausedSocket(url);
  open.push(socket);
  return socket;
}

const requestFor = (path: string, login = admin): string =>
  `GET ${path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: ${basic(login)}\r\n\r\n`;

/** All that comes until the connection ends or breaks. */
async function readWhatComes(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await new Promise((resolve) => (socket.closed ? resolve(undefined) : socket.once('close', resolve)));
  return Buffer.concat(chunks);
}

describe('requests of one connection', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await startGateway({ environment: { LOG_LEVEL: 'error' } });
  });
  afterAll(() => gateway.stop());
  const administrator = () => ({ login: gateway.adminEmail, secret: gateway.adminPassword });

  it('by the ten thousand cut it off, take no memory, and keep nobody else waiting', async () => {
    await postGraphql(gateway.url, administrator(), '{ viewer { sid } }');
    const before = await residentBytes(gateway.pid);
    let peak = before;
    const watch = setInterval(() => void residentBytes(gateway.pid).then((bytes) => (peak = Math.max(peak, bytes))), 20);
    for (const path of [`${mount}/Accounts.json`, '/graphql?query=%7Bviewer%7Bsid%7D%7D', '/nowhere']) {
      const socket = await connectTo(gateway.url);
      const cutOff = readWhatComes(socket);
      socket.write(requestFor(path, administrator()).repeat(60_000));
      expect((await postGraphql(gateway.url, administrator(), '{ viewer { sid } }')).status).toBe(200);
      await cutOff;
    }
    clearInterval(watch);
    expect(peak - before).toBeLessThan(100 * megabyte);
  });

  it('are all answered, in order, as long as they are not too many', async () => {
    const socket = await connectTo(gateway.url);
    const paths = Array.from({ length: 30 }, (_, number) => `/2012-04-24/Accounts.json?Page=${number}`);
    socket.write(
      paths
        .map((path) => requestFor(path, administrator()))
        .join('')
        .replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n'),
    );
    const text = (await readWhatComes(socket)).toString();
    expect(text.match(/HTTP\/1\.1 200 /g)).toHaveLength(30);
    expect([...text.matchAll(/"page":(\d+)/g)].map(([, page]) => Number(page))).toEqual(paths.map((_, number) => number));
  });
});

describe('a client that reads', () => {
  /** Milliseconds, where a gateway of its own waits for a minute. */
  const unreadMilliseconds = 2_000;
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ config: { unreadMilliseconds } });
    const [root] = await gateway.database.query<{ sid: string }>('SELECT sid FROM account');
    await plant(gateway.database, { below: root!.sid, widths: [40_000] });
    const settings = 'x'.repeat(1_000_000);
    const create = 'mutation($document: JSONObject!) { createProfile(input: { document: $document }) { profile { sid } } }';
    const { data } = await postGraphql(gateway.url, admin, create, { document: { settings } });
    profile = data!.createProfile.profile.sid;
  });
  afterAll(() => gateway.stop());
  let profile: string;

  const brokenOff = (): string[] => gateway.log.filter((line) => line.includes('"msg":"aborted"'));
  const countConnections = (): Promise<number> =>
    new Promise((resolve) => gateway.app.server.server.getConnections((_error, number) => resolve(number)));
  const busyConnections = async (): Promise<number> => {
    const [found] = await gateway.database.query<{ count: number }>(
      `SELECT count(*)::integer AS count FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'account-gateway' AND state <> 'idle'`,
    );
    return found!.count;
  };
  const byGraphql = () => `/graphql?query=${encodeURIComponent(`{ profile(sid: "${profile}") { document } }`)}`;
  const answers: [what: string, requests: () => string, count: number][] = [
    ['a list that streams', () => requestFor(`${mount}/Accounts.json`), 1],
    ['lists that wait for each other', () => requestFor(`${mount}/Accounts`).repeat(3), 3],
    ['answers of GraphQL', () => requestFor(byGraphql()).replace('\r\n\r\n', '\r\nApollo-Require-Preflight: 1\r\n\r\n').repeat(20), 20],
    ['documents by REST', () => requestFor(`${mount}/Profiles/${profile}`).repeat(20), 20],
    ['files of pages', () => requestFor('/graphiql/graphiql.js').repeat(30), 30],
  ];

  it.each(answers)('nothing is cut off, and what it holds is freed: %s', async (_what, requests, count) => {
    const [earlier, connections] = [gateway.log.length, await countConnections()];
    const socket = await connectTo(gateway.url);
    socket.write(requests());
    const ended = (): string[] => gateway.log.slice(earlier).filter((line) => /"msg":"(?:answered|aborted)"/.test(line));
    await eventually(() => expect(ended()).toHaveLength(count));
    expect(ended().some((line) => line.includes('"msg":"aborted"'))).toBe(true);
    expect(await countConnections()).toBeLessThanOrEqual(connections);
    await eventually(async () => expect(await busyConnections()).toBe(0));
  });

  it('nothing is cut off, though it goes on sending', async () => {
    const socket = await connectTo(gateway.url);
    socket.write(requestFor(`${mount}/Accounts.json`));
    const sending = setInterval(() => socket.write(requestFor('/health/live')), unreadMilliseconds / 4);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await eventually(() => expect(brokenOff().some((line) => line.includes('/health/live'))).toBe(true));
    clearInterval(sending);
    socket.resume();
    await closed;
  });

  const long = `{ ${['a', 'b', 'c', 'd'].map((name) => `${name}: profile(sid: "SID") { document }`).join(' ')} }`;
  const steadily: [what: string, request: () => string, bytesAtOnce: number, end: string][] = [
    ['a list that streams', () => requestFor(`${mount}/Accounts.json`), 1.5 * megabyte, ']\r\n0\r\n\r\n'],
    // The gateway writes it once, and the system takes it a part at a time.
    [
      'one long answer',
      () =>
        requestFor(`/graphql?query=${encodeURIComponent(long.replaceAll('SID', profile))}`).replace(
          '\r\n\r\n',
          '\r\nApollo-Require-Preflight: 1\r\n\r\n',
        ),
      megabyte / 4,
      '"}}}}\n',
    ],
  ];

  it.each(steadily)('slowly but steadily has all of it, however long it takes: %s', async (_what, request, bytesAtOnce, end) => {
    const before = brokenOff().length;
    const socket = await connectTo(gateway.url);
    socket.write(request().replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    const began = performance.now();
    const chunks: Buffer[] = [];
    let taken = 0;
    for await (const chunk of socket) {
      chunks.push(chunk as Buffer);
      taken += (chunk as Buffer).length;
      if (taken < bytesAtOnce) continue;
      await sleep(unreadMilliseconds / 4);
      taken = 0;
    }
    expect(performance.now() - began).toBeGreaterThan(2 * unreadMilliseconds);
    expect(Buffer.concat(chunks).subarray(-20).toString().endsWith(end)).toBe(true);
    expect(brokenOff().length).toBe(before);
  });
});

it('a connection on which nothing has come does not hold up the end of the gateway', async () => {
  const gateway = await startTestGateway();
  const came = readWhatComes(await connectTo(gateway.url));
  await gateway.stop();
  // Else it would be answered 408 after a minute.
  expect((await came).toString()).toBe('');
});
