import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { cloneDatabase } from '../support/database.js';
import { emptyDatabase } from '../support/databases.js';
import { program, spawnGateway, startGateway } from '../support/gateway-process.js';
import { postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { ask, expectNoProcessIn, killProcessesIn, runGateway } from '../support/processes.js';

const key = randomBytes(32).toString('hex');

let folder: string;
let cleanups: (() => Promise<unknown>)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-start-'));
  cleanups = [() => removeFolder(folder), () => killProcessesIn(folder)];
});
afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

function environment(settings: Record<string, string> = {}): Record<string, string> {
  return { DATA_DIR: folder, PORT: '0', METRICS_PORT: '0', ADMIN_PASSWORD: 'correct horse battery', ...settings };
}

async function onEmptyDatabase(): Promise<Record<string, string>> {
  const database = await emptyDatabase();
  cleanups.push(database.drop);
  return { DATABASE_URL: database.url, CREDENTIALS_KEY: key };
}

describe('the first start', () => {
  it.each([
    ['PORT', '1'],
    ['METRICS_PORT', '1'],
    ['PORT', '2'],
    ['METRICS_PORT', '2'],
  ])('at a %s that is taken, with WORKERS=%s, makes no Super Admin, whose password the next one shows', async (name, WORKERS) => {
    const database = await onEmptyDatabase();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const first = await runGateway(environment({ ...database, ADMIN_PASSWORD: '', WORKERS, [name]: `${port}` }));
    other.close();
    expect(first.mistakes).toEqual([expect.stringContaining('another program is listening')]);
    expect(first.output).not.toMatch(/password/i);

    const second = await startGateway({ dataDirectory: folder, environment: { ...database, ADMIN_PASSWORD: '' } });
    const [, secret] = /\n +password +(\S+)/.exec(second.output())!;
    const { data } = await postGraphql(second.url, { login: second.adminEmail, secret: secret! }, '{ viewer { role } }');
    expect(data).toEqual({ viewer: { role: 'ADMINISTRATOR' } });
    expect(await second.end('SIGTERM')).toBe(0);
  });

  it('answers 503 at its port until there is a Super Admin, and is live', async () => {
    const database = await onEmptyDatabase();
    const holder = await lockOf(database.DATABASE_URL!, firstStartLock);
    const { child, output } = spawnGateway(environment(database));
    await eventually(() => expect(output()).toContain('Server listening at'));
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(output())!;
    const answer = await postGraphql(url, { login: 'a@b.test', secret: 'a decent password' }, '{ viewer { sid } }');
    expect(answer).toMatchObject({ status: 503 });
    expect(JSON.stringify(answer.errors ?? answer)).toContain('The gateway is starting');
    const health = async (path: string) => (await fetch(`${url}/health/${path}`)).status;
    expect([await health('live'), await health('ready')]).toEqual([200, 503]);
    await holder.end();
    await eventually(async () => expect(await health('ready')).toBe(200));
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

describe('a later start', () => {
  it.each([
    ['says that ADMIN_PASSWORD is ignored, when it is not the password of the Super Admin', 'another horse battery', 1],
    ['says nothing of an ADMIN_PASSWORD that is the password of the Super Admin', 'correct horse battery', 0],
  ])('%s', async (_what, password, times) => {
    const database = await onEmptyDatabase();
    await (await startGateway({ dataDirectory: folder, environment: database })).end('SIGTERM');
    const later = await startGateway({ dataDirectory: folder, environment: { ...database, ADMIN_PASSWORD: password } });
    expect(await later.end('SIGTERM')).toBe(0);
    const told = [
      ...later.output().matchAll(/"level":40,.*"msg":"ADMIN_PASSWORD is ignored: the Super Admin already exists, with another password"/g),
    ];
    expect(told).toHaveLength(times);
    expect(later.output()).not.toContain(password);
  });
});

describe.each(['1', '2'])('SIGTERM ends a start, with WORKERS=%s and code 0,', (WORKERS) => {
  const endsBySignal = async (settings: Record<string, string>, isThere: (output: string) => Promise<boolean>): Promise<void> => {
    const { child, output } = spawnGateway(environment({ ...settings, WORKERS }));
    await eventually(async () => expect(await isThere(output())).toBe(true));
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(output()).not.toContain('is ready');
    await expectNoProcessIn(folder);
  };

  it.each([
    ['the migrations of another instance', 0x41_47_4d_31],
    ['the Super Admin of another instance', 0x41_47_4d_32],
  ])('that waits for %s', async (_what, lock) => {
    const database = await onEmptyDatabase();
    const holder = await lockOf(database.DATABASE_URL!, lock);
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`;
    await endsBySignal(database, async () => (await ask(database.DATABASE_URL!, waiting)).length > 0);
    await holder.end();
  });

  it('that waits for a database which says nothing', async () => {
    let connections = 0;
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => {
      connections += 1;
      sockets.add(socket.on('error', () => {}));
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const DATABASE_URL = `postgresql://gateway@127.0.0.1:${port}/gateway`;
    await endsBySignal({ DATABASE_URL, CREDENTIALS_KEY: key }, async () => connections > 0);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
});

it('SIGTERM ends a command that waits, with code 1: it has not done what it was told to', async () => {
  const database = await onEmptyDatabase();
  const holder = await lockOf(database.DATABASE_URL!, 0x41_47_4d_31);
  const { child, output } = spawnGateway(environment(database), ['migrate']);
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`;
  await eventually(async () => expect(await ask(database.DATABASE_URL!, waiting)).toHaveLength(1));
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([1, null]);
  expect(output()).not.toContain('have run');
  await holder.end();
});

describe('what the program cannot start with is told in a sentence:', () => {
  const run = (before: string, settings: Record<string, string> = {}): Promise<[number | null, string]> =>
    new Promise((resolve) => {
      const child = spawn('/bin/sh', ['-c', `${before} exec "$0" "$@"`, process.execPath, program()], {
        env: { PATH: process.env.PATH ?? '', ...environment(settings) },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let told = '';
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => (told += chunk));
      child.once('close', (code) => resolve([code, told]));
    });

  it.each(['18.20.8', '20.18.3', '12.0.0'])('Node.js %s', async (version) => {
    const stub = join(folder, 'older.cjs');
    await writeFile(stub, `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`);
    expect(await run(`NODE_OPTIONS='--require ${stub}'`)).toEqual([
      78,
      `The account gateway needs Node.js 20.19 or later; this is ${version}.\n`,
    ]);
  });

  it.runIf(process.platform === 'linux').each([24, 100, 255])('%i files', async (files) => {
    const sentence = `Only ${files} files may be open at once (ulimit -n); the account gateway needs 256 or more.\n`;
    expect(await run(`ulimit -n ${files};`)).toEqual([78, sentence]);
  });

  it.runIf(process.platform === 'linux').each(['/proc/x', '/proc/x/y', '/dev/null', '/dev/null/x'])('DATA_DIR=%s', async (DATA_DIR) => {
    for (const WORKERS of ['1', '2']) {
      const [code, told] = await run('', { DATA_DIR, WORKERS });
      expect([code, told]).toEqual([78, expect.stringMatching(new RegExp(`^The data folder ${DATA_DIR} cannot be written: \\w+: .*\n$`))]);
    }
  });

  it.each([
    ['192.0.2.1', 'HOST is 192.0.2.1, which is not an address of this machine.\n'],
    [
      'nobody.invalid',
      expect.stringMatching(/^HOST is nobody\.invalid, (?:an unknown host name|a host name that cannot be looked up right now)\.\n$/),
    ],
  ])('HOST=%s', async (HOST, sentence) => {
    const database = await cloneDatabase();
    cleanups.push(() => database.drop());
    for (const WORKERS of ['1', '2']) {
      expect(await run('', { DATABASE_URL: database.url, CREDENTIALS_KEY: key, HOST, WORKERS })).toEqual([78, sentence]);
    }
    expect(await database.query('SELECT 1 FROM account')).toEqual([]);
  });
});

const firstStartLock = 0x41_47_4d_32;

/** A session that holds an advisory lock of the database until it is ended. */
async function lockOf(url: string, lock: number): Promise<Client> {
  const holder = new Client({ connectionString: url });
  holder.on('error', () => {});
  await holder.connect();
  await holder.query('SELECT pg_advisory_lock($1)', [lock]);
  cleanups.push(() => holder.end());
  return holder;
}
