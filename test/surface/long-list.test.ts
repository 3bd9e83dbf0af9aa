import { type IncomingMessage, get } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { batchSize } from '../../src/service/streamed-list.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { basic } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { plant, plantAuthTokens } from '../support/plant.js';
import { residentBytes } from '../support/processes.js';
import { mount, parseXml } from '../support/rest-client.js';
import { openPausedSocket } from '../support/wire.js';

const length = 100_000;
const megabyte = 1024 * 1024;
const credentialsKey = 'ab'.repeat(32);
const open: Socket[] = [];
afterEach(() => open.splice(0).forEach((socket) => socket.destroy()));

/** Sends the request for a list on a socket of its own, and reads nothing until it is told to. */
async function requestList(url: string, path: string, authorization: string): Promise<Socket> {
  const socket = await openPausedSocket(url);
  open.push(socket);
  socket.write(
    `GET ${mount}${path} HTTP/1.1\r\nHost: ${new URL(url).hostname}\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`,
  );
  return socket;
}

/** The whole body of an answer. @throws Error when it was broken off */
async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** All that comes before the connection ends or breaks. */
async function readWhatComes(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

/** How often the statement that reads a batch has run in the database. */
async function batchesRead({ query }: TestDatabase): Promise<number> {
  const [found] = await query<{ calls: number }>(
    `SELECT coalesce(sum(calls), 0)::integer AS calls FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query LIKE '%CROSS JOIN LATERAL%LIMIT%'`,
  );
  return found!.calls;
}

async function forgetStatements({ query }: TestDatabase): Promise<void> {
  await query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  await query('SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)');
}

/** Waits until batches have been read and no more are, and says how many were. */
async function batchesReadInTheEnd(database: TestDatabase): Promise<number> {
  await eventually(async () => expect(await batchesRead(database)).toBeGreaterThan(0));
  let read = 0;
  for (let quiet = 0; quiet < 4; quiet++) {
    await sleep(300);
    const now = await batchesRead(database);
    if (now !== read || (await busyConnections(database)) > 0) quiet = -1;
    read = now;
  }
  return read;
}

describe(`the list of ${length} accounts, from a process of its own`, () => {
  let database: TestDatabase;
  let gateway: GatewayProcess;
  let authorization: string;

  beforeAll(async () => {
    database = await cloneDatabase();
    gateway = await startGateway({
      environment: {
        DATABASE_URL: database.url,
        CREDENTIALS_KEY: credentialsKey,
        LOG_LEVEL: 'warn',
        // So little that garbage is collected early, and that a list which is held as a whole ends the process.
        NODE_OPTIONS: '--max-old-space-size=80',
      },
    });
    authorization = basic({ login: gateway.adminEmail, secret: gateway.adminPassword });
    const [root] = await database.query<{ sid: string }>('SELECT sid FROM account');
    await plant(database, { below: root!.sid, widths: [length] });
    await plantAuthTokens(database, Buffer.from(credentialsKey, 'hex'));
  });
  afterAll(async () => {
    await gateway.stop();
    await database.drop();
  });

  const list = (path: string): Promise<Response> => fetch(`${gateway.url}${mount}${path}`, { headers: { authorization } });

  /** Takes no more of an answer than its head, until it is read. */
  const take = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const sent = get(`${gateway.url}${mount}${path}`, { agent: false, headers: { authorization } }, (answer) => {
        open.push(answer.socket);
        resolve(answer);
      });
      sent.on('error', reject);
    });

  it('is whole, is read from the database no faster than it is taken, and takes no memory that grows with it', async ({
    onTestFinished,
  }) => {
    // What the program takes anyway, once it has worked.
    for (const path of ['/Accounts.json?PageSize=100', '/Accounts?PageSize=100']) await (await list(path)).text();
    await forgetStatements(database);
    const before = await residentBytes(gateway.pid);
    let peak = before;
    const watch = setInterval(() => void residentBytes(gateway.pid).then((bytes) => (peak = Math.max(peak, bytes))), 20);
    onTestFinished(() => clearInterval(watch));
    const answer = await take('/Accounts.json');
    const whileWaiting = await batchesReadInTheEnd(database);
    // What the buffers of the two sockets hold; a small part of the 200 batches.
    expect(whileWaiting).toBeLessThan(60);
    expect(await busyConnections(database)).toBe(0);

    const json = await readAll(answer);
    expect(await batchesRead(database)).toBe(length / batchSize);
    const xml = await readAll(await take('/Accounts'));
    clearInterval(watch);

    const sids = new Set((JSON.parse(json) as { sid: string }[]).map(({ sid }) => sid));
    expect(sids.size).toBe(length);
    const inXml = [...xml.matchAll(/<Account><Sid>(AC[0-9a-f]{32})<\/Sid>/g)].map(([, sid]) => sid);
    expect(inXml.length).toBe(length);
    expect(json.match(/"sid":/g)).toHaveLength(length);
    expect(json.match(/"auth_token":"[0-9a-f]{32}"/g)).toHaveLength(length);
    expect(xml.match(/<AuthToken>[0-9a-f]{32}</g)).toHaveLength(length);
    expect(inXml.every((sid) => sids.has(sid!))).toBe(true);
    expect(xml.startsWith('<RestcommResponse><Accounts><Account>')).toBe(true);
    expect(xml.endsWith('</Account></Accounts></RestcommResponse>')).toBe(true);
    console.log(
      `resident: ${Math.round(before / megabyte)} MB before, ${Math.round(peak / megabyte)} MB at most; ` +
        `the answers: ${Math.round(json.length / megabyte)} MB of JSON, ${Math.round(xml.length / megabyte)} MB of XML`,
    );
    expect(peak - before).toBeLessThan(60 * megabyte);
  });

  it('is read no further once the client is gone, and no connection is kept for it', async () => {
    await forgetStatements(database);
    const socket = await requestList(gateway.url, '/Accounts', authorization);
    await eventually(async () => expect(await batchesRead(database)).toBeGreaterThan(0));
    socket.destroy();
    const read = await batchesReadInTheEnd(database);
    expect(read).toBeLessThan(60);
    expect(await busyConnections(database)).toBe(0);
  });

  it('keeps nobody else waiting, however many readers take it slowly', async () => {
    await Promise.all(Array.from({ length: 20 }, () => requestList(gateway.url, '/Accounts.json', authorization)));
    await batchesReadInTheEnd(database);
    const answers = await Promise.all(Array.from({ length: 40 }, () => list('/Accounts.json?PageSize=1')));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await busyConnections(database)).toBe(0);
  });
});

/** Connections of the gateway that are in a statement or a transaction. */
async function busyConnections({ query }: TestDatabase): Promise<number> {
  const [found] = await query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'account-gateway' AND state <> 'idle'`,
  );
  return found!.count;
}

describe('a list that fails half-way', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway();
    const [root] = await gateway.database.query<{ sid: string }>('SELECT sid FROM account');
    await plant(gateway.database, { below: root!.sid, widths: [20_000] });
  });
  afterAll(() => gateway.stop());

  it.each(['/Accounts.json', '/Accounts'])('breaks the connection off, so that it cannot pass for whole: %s', async (path) => {
    await forgetStatements(gateway.database);
    const socket = await requestList(gateway.url, path, basic(admin));
    await batchesReadInTheEnd(gateway.database);
    let answer: string;
    await gateway.database.query('ALTER TABLE account RENAME TO account_gone');
    try {
      answer = await readWhatComes(socket);
    } finally {
      await gateway.database.query('ALTER TABLE account_gone RENAME TO account');
    }
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.match(/"sid"|<Sid>/g)!.length).toBeGreaterThan(batchSize);
    expect(answer).not.toContain('\r\n0\r\n\r\n');
    expect(answer).not.toMatch(/relation|account_gone|INTERNAL/);
    await eventually(() => expect(gateway.log.join('')).toMatch(/"status":500,[^\n]*"msg":"aborted"/));
    expect(gateway.log.filter((line) => line.includes('a list was aborted'))).not.toEqual([]);
  });

  it('says so by its status when it fails before the first account', async () => {
    await gateway.database.query('ALTER TABLE account RENAME COLUMN organization_sid TO moved');
    let response: Response;
    try {
      response = await fetch(`${gateway.url}${mount}/Accounts`, { headers: { authorization: basic(admin) } });
    } finally {
      await gateway.database.query('ALTER TABLE account RENAME COLUMN moved TO organization_sid');
    }
    expect(response.status).toBe(500);
    expect(parseXml(await response.text()).RestcommResponse).toMatchObject({ Code: '20500', Error: 'INTERNAL', Status: '500' });
  });
});
