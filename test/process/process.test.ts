import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { inDatabase } from '../support/database-url.js';
import {
  type GatewayProcess,
  type GatewayProcessOptions,
  copyDataDirectory,
  prepareDataDirectory,
  spawnGateway,
  startGateway,
} from '../support/gateway-process.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { ask, embeddedUrl, expectNoProcessIn, killProcessesIn, processesIn, runGateway } from '../support/processes.js';

const key = randomBytes(32).toString('hex');
const announced = /e-mail +(\S+)\n +password +(\S+)/;
const viewer = '{ viewer { sid emailAddress } }';
const createAccount = `mutation($email: EmailAddress!) {
  createAccount(input: { emailAddress: $email, password: "a decent password", role: DEVELOPER }) { account { sid } }
}`;

/** A request that waits for a lock waits for as long as the test makes it. */
const endless = { LOCK_TIMEOUT_SECONDS: '3600', CHANGE_TIMEOUT_SECONDS: '3600' };

let folder: string;
let cleanups: (() => Promise<unknown>)[];
/** The data of a gateway that was started before. */
let prepared: string;

beforeAll(async () => {
  prepared = await prepareDataDirectory();
});
afterAll(() => rm(prepared, { recursive: true, force: true }));
/** Makes every start of the tests that follow a later one. */
const startedBefore = (): void => beforeEach(() => copyDataDirectory(prepared, folder));

beforeEach(async () => {
  cleanups = [];
  folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));
  cleanups.push(() => killProcessesIn(folder));
  cleanups.push(() => expectNoProcessIn(folder));
});

afterEach(async () => {
  const failures: unknown[] = [];
  for (const cleanup of cleanups.toReversed()) await cleanup().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be cleaned up');
});

describe('the first start of the gateway', () => {
  it('prints where GraphiQL is and, once, a password that signs in; the second start prints none and finds everything', async () => {
    const first = await start({ environment: { ADMIN_PASSWORD: '' } });
    await metricsUrlOf(first);
    expect(first.output()).toContain(`GraphiQL  ${first.url}/graphiql\n`);
    expect((await fetch(`${first.url}/graphiql`)).status).toBe(200);
    const [, email, password] = announced.exec(first.output())!;
    expect(email).toBe('administrator@company.com');
    const root = await signIn(first, { login: email!, secret: password! });
    const created = await postGraphql(first.url, { login: root.sid, secret: password! }, createAccount, { email: 'a@b.test' });
    await first.end('SIGTERM');

    const second = await start({ environment: { ADMIN_PASSWORD: '' } });
    expect(second.output()).not.toMatch(/password/i);
    for (const login of [email!, root.sid]) {
      for (const secret of [password!, root.token]) expect(await signIn(second, { login, secret })).toEqual(root);
    }
    const children = await postGraphql(second.url, { login: email!, secret: root.token }, '{ accounts { nodes { sid } } }');
    expect(children.data!.accounts.nodes).toEqual([created.data!.createAccount.account]);
  });

  it('keeps the key where only its owner can read it, and no secret in any line of the log', async () => {
    const gateway = await start({ environment: { ADMIN_PASSWORD: '', LOG_LEVEL: 'trace' } });
    expect((await stat(join(folder, 'credentials.key'))).mode & 0o777).toBe(0o600);

    const [, email, password] = announced.exec(gateway.output())!;
    const { token } = await signIn(gateway, { login: email!, secret: password! });
    await signIn(gateway, { login: email!, secret: token });
    await postGraphql(gateway.url, { login: email!, secret: 'a wrong password' }, viewer);
    await postGraphql(gateway.url, { login: email!, secret: token }, createAccount, { email: password });
    await gateway.end('SIGTERM');

    expect(gateway.output().split(password!)).toHaveLength(2);
    const hidden = [token, 'a wrong password', 'a decent password', (await readFile(join(folder, 'credentials.key'), 'utf8')).trim()];
    const encoded = [password!, token].map((secret) => Buffer.from(`${email}:${secret}`).toString('base64'));
    for (const secret of [...hidden, ...encoded]) expect(gateway.output()).not.toContain(secret);
  });
});

describe('where nothing can be written but in DATA_DIR', () => {
  it('the gateway does all that it does', async () => {
    const permission = ['--permission', '--experimental-permission'].find((flag) => process.allowedNodeEnvironmentFlags.has(flag));
    const allowed = ['--allow-fs-read=*', `--allow-fs-write=${folder}/*`, '--allow-child-process', '--allow-addons', '--allow-worker'];
    const gateway = await start({ environment: { NODE_OPTIONS: [permission, ...allowed].join(' ') } });
    const { status, errors } = await postGraphql(gateway.url, administrator(gateway), createAccount, { email: 'sales@customer.test' });
    expect([status, errors]).toEqual([200, undefined]);
    for (const path of ['/graphiql', '/restcomm/2012-04-24/', '/health/ready']) expect((await fetch(gateway.url + path)).status).toBe(200);
    expect(await gateway.end('SIGTERM')).toBe(0);
  });
});

describe.each([1, 2])('a gateway that is told to stop, with WORKERS=%i,', (count) => {
  const WORKERS = `${count}`;
  startedBefore();

  it('ends by SIGTERM with code 0, silently, and leaves no process behind', async () => {
    const gateway = await start({ environment: { WORKERS } });
    await postGraphql(gateway.url, administrator(gateway), viewer);
    expect(await processesIn(folder)).not.toEqual([]);
    expect(await gateway.end('SIGTERM')).toBe(0);
    await expectNoProcessIn(folder);
    expect(gateway.output()).not.toMatch(/"level":[4-6]0/);
  });

  it('finishes every request that runs, takes no new one, and ends right after the last', async () => {
    // All of them have a connection, whichever worker they come to, and wait for as long as the test makes them.
    const gateway = await start({ environment: { WORKERS, DATABASE_POOL_SIZE: '190', ...endless, DRAIN_SECONDS: '3600' } });
    const { requests, release } = await runningRequests(gateway, 40 / count);
    const ended = gateway.end('SIGTERM');
    await drains(gateway);
    expect(await readiness(gateway)).toBe(false);
    await release();

    const answers = await Promise.all(requests);
    expect(await ended).toBe(0);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));

    await start();
    const kept = await ask(embeddedUrl(folder), `SELECT sid FROM account WHERE email_address LIKE 'running-%'`);
    expect(kept.map(({ sid }) => sid).toSorted()).toEqual(answers.map(({ data }) => data!.createAccount.account.sid).toSorted());
  });

  it('ends so by SIGINT too, and is not hurried by a second one, such as npm passes on', async () => {
    const gateway = await start({ environment: { WORKERS, ...endless, DRAIN_SECONDS: '3600' } });
    const { requests, release } = await runningRequests(gateway, 1);
    const ended = gateway.end('SIGINT');
    await drains(gateway);
    process.kill(gateway.pid, 'SIGINT');
    await sleep(500);
    await release();
    expect(await statusesOf(requests)).toEqual([200]);
    expect(await ended).toBe(0);
    await expectNoProcessIn(folder);
    expect(gateway.output()).not.toMatch(/"level":[4-6]0/);
  });

  it('waits no longer than DRAIN_SECONDS for a request that does not end', async () => {
    const gateway = await start({ environment: { WORKERS, ...endless, DRAIN_SECONDS: '1' } });
    const { requests } = await runningRequests(gateway, 1);
    expect(await gateway.end('SIGTERM')).toBe(0);
    expect(await statusesOf(requests)).toEqual(['no answer']);
    await expectNoProcessIn(folder);
  });

  it('is held up no longer than DRAIN_SECONDS by clients that only connected, to the API and to the metrics', async () => {
    const gateway = await start({ environment: { WORKERS, DRAIN_SECONDS: '1' } });
    const ports = [gateway.url, await metricsUrlOf(gateway)].map((url) => Number(new URL(url).port));
    const clients = ports.map((port) => connect(port, '127.0.0.1').on('error', () => {}));
    await Promise.all(clients.map((client) => once(client, 'connect')));
    expect(await gateway.end('SIGTERM')).toBe(0);
    for (const client of clients) client.destroy();
  });

  it.each([300, 700, 1_100])('leaves no process behind when the signal comes %i ms into the first start', async (milliseconds) => {
    await Promise.all((await readdir(folder)).map((name) => rm(join(folder, name), { recursive: true })));
    const { child } = spawnGateway(environment({ WORKERS }));
    const ended = once(child, 'exit');
    await sleep(milliseconds);
    child.kill('SIGTERM');
    await ended;
    await expectNoProcessIn(folder);
    expect((await start()).output()).toContain('ready');
  });
});

describe.each([1, 2])('npm start, with WORKERS=%i', (count) => {
  startedBefore();

  it.each([
    ['SIGTERM to npm alone', 'SIGTERM', (npm: ChildProcess) => npm.pid!],
    ['SIGTERM to all that npm started', 'SIGTERM', (npm: ChildProcess) => -npm.pid!],
    ['Ctrl-C in the terminal', 'SIGINT', (npm: ChildProcess) => -npm.pid!],
  ] as const)('ends by %s, after the requests that run', async (_name, signal, target) => {
    const npm = await npmStart({ WORKERS: `${count}`, ...endless, DRAIN_SECONDS: '3600' });
    const { requests, release } = await runningRequests(npm, 3);
    process.kill(target(npm.child), signal);
    await drains(npm);
    expect(await readiness(npm)).toBe(false);
    await release();
    expect(await statusesOf(requests)).toEqual([200, 200, 200]);
    await eventually(() => expect(isAlive(npm.serverPid())).toBe(false));
    await expectNoProcessIn(folder);
  });
});

describe('what cannot be started says so in one sentence', () => {
  it('that one is already running in the folder, which goes on', async () => {
    await copyDataDirectory(prepared, folder);
    const gateway = await start();
    const { code, mistakes } = await runGateway(environment());
    expect(mistakes).toEqual([expect.stringMatching(/already running in \S+ \(pid \d+\)\. .+\.$/)]);
    expect(code).toBeGreaterThan(0);
    expect((await postGraphql(gateway.url, administrator(gateway), viewer)).status).toBe(200);
  });

  it.each([
    ['PORT', '1'],
    ['METRICS_PORT', '1'],
    ['PORT', '2'],
    ['METRICS_PORT', '2'],
  ])('that the %s is in use, with WORKERS=%s', async (name, WORKERS) => {
    await copyDataDirectory(prepared, folder);
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, mistakes, output } = await runGateway(environment({ WORKERS, [name]: `${port}` }));
    other.close();
    expect(mistakes).toEqual([expect.stringContaining(`${port}`)]);
    expect(mistakes[0]).toMatch(/^The gateway stopped: another program is listening at 127\.0\.0\.1:\d+; set PORT or METRICS_PORT\.$/m);
    expect(code).toBeGreaterThan(0);
    expect(output).not.toMatch(/"level":[4-6]0/);
    await expectNoProcessIn(folder);
  });

  it('that DATABASE_URL leads nowhere, without its password', async () => {
    const { code, mistakes } = await runGateway(
      environment({ DATABASE_URL: 'postgresql://gateway:hunter2@127.0.0.1:1/gateway', CREDENTIALS_KEY: key }),
    );
    expect(mistakes).toEqual([expect.stringContaining('ECONNREFUSED 127.0.0.1:1')]);
    expect(code).toBe(1);
  });

  it('that CREDENTIALS_KEY does not fit the database', async () => {
    await copyDataDirectory(prepared, folder);
    const sentence = 'is not the key that the AuthTokens in this database were encrypted with. Restore the right one.';
    for (const settings of [{}, { MIGRATE_ON_START: 'false' }, { WORKERS: '2' }]) {
      const ended = await runGateway(environment({ CREDENTIALS_KEY: key, ...settings }));
      expect(ended).toMatchObject({ code: 78, mistakes: [`CREDENTIALS_KEY ${sentence}`] });
    }
    const file = join(folder, 'credentials.key');
    await writeFile(file, key);
    expect(await runGateway(environment())).toMatchObject({ code: 78, mistakes: [`${file} ${sentence}`] });
    await expectNoProcessIn(folder);
  });

  it.each(['1', '2'])('that credentials.key is missing beside a database, with WORKERS=%s, and nothing is written', async (WORKERS) => {
    await copyDataDirectory(prepared, folder);
    const file = join(folder, 'credentials.key');
    await rm(file);
    const contents = async () => (await readdir(folder, { recursive: true })).toSorted();
    const before = await contents();
    const sentence = 'is missing, and nothing else can decrypt the AuthTokens in the database beside it. Restore it from a backup,';
    for (const args of [[], ['migrate'], ['rotate-key']]) {
      const { code, mistakes } = await runGateway(environment({ WORKERS }), args);
      expect([code, mistakes]).toEqual([78, [`${file} ${sentence} or set CREDENTIALS_KEY if the key is kept there.`]]);
    }
    expect(await contents()).toEqual(before);
    expect(await runGateway(environment(), ['verify-history'])).toMatchObject({ code: 0, mistakes: [] });
  });

  it('that credentials.key is damaged', async () => {
    await writeFile(join(folder, 'credentials.key'), 'not a key');
    expect(await runGateway(environment())).toMatchObject({
      code: 78,
      mistakes: [expect.stringMatching(/^\S+credentials\.key does not hold a key.*\.$/)],
    });
    await expectNoProcessIn(folder);
  });
});

/** A value that each variable refuses, and why. */
const wrong: Record<string, [string, RegExp]> = {
  PORT: ['http', /^PORT must be a whole number from 0 to 65535, not "http"\.$/],
  WORKERS: ['0', /^WORKERS must be a whole number from 1 to 64, not "0"\.$/],
  METRICS_PORT: ['65536', /^METRICS_PORT must be a whole number from 0 to 65535, not "65536"\.$/],
  PUBLIC_URL: ['ftp://files.test', /^PUBLIC_URL must be an http or https URL/],
  HOST: ['http://127.0.0.1', /^HOST must be an IP address or a host name/],
  NODE_ENV: ['prod', /^NODE_ENV must be one of production, development, test, not "prod"\.$/],
  CORS_ORIGINS: ['https://*.example.com', /^CORS_ORIGINS must be origins like /],
  TRUST_PROXY: ['0.0.0.0/0', /^TRUST_PROXY must be addresses or ranges like /],
  DATABASE_POOL_SIZE: ['0', /^DATABASE_POOL_SIZE must be a whole number from 3/],
  DATABASE_QUEUE_SIZE: ['0', /^DATABASE_QUEUE_SIZE must be /],
  READ_TIMEOUT_SECONDS: ['0', /^READ_TIMEOUT_SECONDS must be /],
  CHANGE_TIMEOUT_SECONDS: ['-1', /^CHANGE_TIMEOUT_SECONDS must be /],
  LOCK_TIMEOUT_SECONDS: ['5s', /^LOCK_TIMEOUT_SECONDS must be /],
  MAX_REQUESTS: ['0', /^MAX_REQUESTS must be /],
  MIGRATE_ON_START: ['yes', /^MIGRATE_ON_START must be one of true, false, not "yes"\.$/],
  ADMIN_EMAIL: ['nobody', /^ADMIN_EMAIL is refused: .*\.$/],
  ACCOUNT_TREE_MAX_LEVELS: ['1', /^ACCOUNT_TREE_MAX_LEVELS must be /],
  MAX_BODY_BYTES: ['-5', /^MAX_BODY_BYTES must be /],
  MAX_QUERY_TOKENS: ['1e3', /^MAX_QUERY_TOKENS must be /],
  MAX_QUERY_DEPTH: ['0x10', /^MAX_QUERY_DEPTH must be /],
  MAX_QUERY_ALIASES: ['1.5', /^MAX_QUERY_ALIASES must be /],
  MAX_QUERY_DIRECTIVES: ['many', /^MAX_QUERY_DIRECTIVES must be /],
  MAX_QUERY_FRAGMENTS: ['-1', /^MAX_QUERY_FRAGMENTS must be /],
  MAX_QUERY_REPETITION: ['0', /^MAX_QUERY_REPETITION must be /],
  MAX_QUERY_VARIABLES: ['1e9', /^MAX_QUERY_VARIABLES must be /],
  MAX_QUERY_COST: ['99', /^MAX_QUERY_COST must be /],
  ACCOUNT_COST_PER_MINUTE: ['unlimited', /^ACCOUNT_COST_PER_MINUTE must be /],
  LOG_LEVEL: ['loud', /^LOG_LEVEL must be one of /],
  GRAPHIQL: ['1', /^GRAPHIQL must be one of true, false/],
  DRAIN_SECONDS: ['0', /^DRAIN_SECONDS must be /],
};

const secretly: [string, string, RegExp][] = [
  ['DATABASE_URL', 'mysql://gateway:hunter2@db.test/gateway', /^DATABASE_URL must be a URL like /],
  ['DATABASE_URL', 'postgresql://gateway:hunter2@127.0.0.1:99999/gateway', /^DATABASE_URL must be a URL like /],
  ['DATABASE_URL', 'postgresql://gateway:hunter2%zz@127.0.0.1/gateway', /^DATABASE_URL must be a URL like /],
  ['CREDENTIALS_KEY', 'hunter2', /^CREDENTIALS_KEY must be 32 bytes/],
  ['ADMIN_PASSWORD', 'hunter2', /^ADMIN_PASSWORD is refused: /],
];

describe('a mistake in the configuration', () => {
  it('of any kind has a sentence of its own, and ends it with code 78', async () => {
    const { code, mistakes } = await runGateway(
      environment(Object.fromEntries(Object.entries(wrong).map(([name, [value]]) => [name, value]))),
    );
    expect(code).toBe(78);
    expect(mistakes.toSorted()).toEqual(
      Object.keys(wrong)
        .toSorted()
        .map((name) => expect.stringMatching(wrong[name]![1])),
    );
    expect(await processesIn(folder)).toEqual([]);
  });

  it.each(secretly)('in %s is told without its value: %s', async (name, value, sentence) => {
    const ended = await runGateway(environment({ CREDENTIALS_KEY: key, [name]: value }));
    expect(ended).toMatchObject({ code: 78, mistakes: [expect.stringMatching(sentence)] });
    expect(ended.output).not.toContain('hunter2');
  });

  it('can be what is missing', async () => {
    const ended = await runGateway(environment({ DATABASE_URL: 'postgresql://gateway:hunter2@127.0.0.1/gateway' }));
    expect(ended).toMatchObject({ code: 78, mistakes: [expect.stringMatching(/^CREDENTIALS_KEY is required together with DATABASE_URL/)] });
    expect(ended.output).not.toContain('hunter2');
  });
});

describe('what operators and browsers see', () => {
  let database: TestDatabase;
  /** Two that run for all of these tests, on one database. */
  let usual: GatewayProcess;
  let production: GatewayProcess;
  let dataDirectory: string;
  const startOn = (settings: Record<string, string>) =>
    startGateway({ dataDirectory, environment: { DATABASE_URL: database.url, CREDENTIALS_KEY: key, ...settings } });
  beforeAll(async () => {
    database = await cloneDatabase();
    dataDirectory = await mkdtemp(join(tmpdir(), 'gateway-'));
    usual = await startOn({});
    production = await startOn({ NODE_ENV: 'production' });
  });
  afterAll(async () => {
    await Promise.all([usual.stop(), production.stop()]);
    await database.drop();
  });

  it.each([
    [{}, 200, () => usual],
    [{ GRAPHIQL: 'false' }, 404, undefined],
    [{ NODE_ENV: 'production' }, 404, () => production],
    [{ NODE_ENV: 'production', GRAPHIQL: 'true' }, 200, undefined],
  ])('with %j, /graphiql answers %i', async (settings, status, running) => {
    const gateway = running?.() ?? (await startOn(settings as Record<string, string>));
    if (running === undefined) cleanups.push(() => gateway.end('SIGTERM'));
    expect((await fetch(`${gateway.url}/graphiql`)).status).toBe(status);
    await metricsUrlOf(gateway);
    expect(gateway.output().includes('GraphiQL ')).toBe(status === 200);
  });

  it('tells nothing of its schema in production', async () => {
    const introspect = (gateway: GatewayProcess) => postGraphql(gateway.url, administrator(gateway), '{ __schema { queryType { name } } }');
    const misspell = (gateway: GatewayProcess) => postGraphql(gateway.url, administrator(gateway), '{ viewr { sid } }');

    expect((await introspect(usual)).data).toEqual({ __schema: { queryType: { name: 'Query' } } });
    expect((await misspell(usual)).errors![0]!.message).toContain('Did you mean "viewer"');
    expect(await introspect(production)).toMatchObject({ status: 400, errors: [{ message: expect.stringContaining('introspection') }] });
    const refused = await misspell(production);
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.errors)).not.toContain('Did you mean');
  });

  it('is live and ready', async () => {
    const answers = await Promise.all(['live', 'ready'].map(async (path) => (await fetch(`${usual.url}/health/${path}`)).json()));
    expect(answers).toEqual([{ status: 'live' }, { status: 'ready' }]);
  });

  it('measures, on a port of its own', async () => {
    const metrics = async () => (await fetch(`${await metricsUrlOf(usual)}/metrics`)).text();
    const counted = (text: string, name: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.slice(name.length) ?? 0,
      );
    const before = await metrics();
    await postGraphql(usual.url, administrator(usual), '{ viewer { organization { sid } subAccounts { nodes { sid } } } }');
    const after = await metrics();
    for (const name of [
      'gateway_request_duration_seconds_count{method="POST",route="/graphql",status="200"}',
      'gateway_use_case_duration_seconds_count{use_case="credentials.authenticate",outcome="done"}',
    ]) {
      expect(counted(after, name), name).toBe(counted(before, name) + 1);
    }
    expect(after).toMatch(/^gateway_loader_batch_size_count\{loader="\w+"\} [1-9]/m);
    expect(after).toMatch(/^gateway_database_pool_connections\{database="primary",state="total"\} [1-9]/m);
    expect((await fetch(`${usual.url}/metrics`)).status).toBe(404);
  });
});

describe('an empty database', () => {
  let databaseUrl: string;
  beforeEach(async () => {
    const name = `gateway_empty_${randomBytes(6).toString('hex')}`;
    databaseUrl = inDatabase(inject('serverUrl'), name);
    await ask(inject('serverUrl'), `CREATE DATABASE ${name}`);
    cleanups.push(() => ask(inject('serverUrl'), `DROP DATABASE ${name} WITH (FORCE)`));
  });

  it('that is not migrated at start makes the gateway ready once "migrate" was run, without a restart', async () => {
    const settings = { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: key };
    const gateway = await start({ environment: { ...settings, MIGRATE_ON_START: 'false' } });
    const health = async (path: string) => (await fetch(`${gateway.url}/health/${path}`)).status;
    expect([await health('live'), await health('ready')]).toEqual([200, 503]);

    expect(await runGateway(environment(settings), ['migrate'])).toMatchObject({ code: 0, mistakes: [] });
    expect(await health('ready')).toBe(200);
    expect((await postGraphql(gateway.url, administrator(gateway), viewer)).status).toBe(200);
  });

  it('gets a history that "verify-history" holds against its checkpoint, beside the gateway that runs', async () => {
    const settings = { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: key };
    const gateway = await start({ environment: settings });
    const checkpoint = join(folder, 'checkpoint.json');
    // It reads no AuthToken, and needs no key.
    const verify = (...options: string[]) =>
      runGateway(environment({ DATABASE_URL: databaseUrl }), ['verify-history', ...options, checkpoint]);
    expect(await verify()).toMatchObject({
      code: 78,
      mistakes: [`There is no ${checkpoint}. To create a first checkpoint there: verify-history --new ${checkpoint}`],
    });
    expect(await verify('--new')).toMatchObject({ code: 0, mistakes: [], output: 'The history is sound: 2 entries in 1 chain.\n' });
    expect(await verify('--new')).toMatchObject({ code: 78, mistakes: [expect.stringContaining('Leave --new out')] });
    await postGraphql(gateway.url, administrator(gateway), createAccount, { email: 'sales@customer.test' });
    const again = await verify();
    expect(again.output).toMatch(/^The history is sound: 3 entries in 2 chains, and continues the checkpoint of \S+Z\.\n$/);

    await ask(databaseUrl, `DELETE FROM history WHERE operation = 'createOrganization'`);
    const { code, output } = await verify();
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/^The history is not sound\. Entry 1 of the history of AC\w{32} is missing\.\n$/),
    ]);
    const lowest = { date: new Date().toISOString(), chains: { [`AC${'0'.repeat(32)}`]: { position: 0, hash: '0'.repeat(64) } } };
    for (const text of ['not one', JSON.stringify(lowest)]) {
      await writeFile(checkpoint, text);
      expect(await verify()).toMatchObject({ code: 78, mistakes: [`${checkpoint}: This is not a checkpoint of the history.`] });
    }
  });

  it('has a history whose verdict is told, though the checkpoint cannot be written', async () => {
    const gateway = await start({ environment: { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: key } });
    await gateway.end('SIGTERM');
    const nowhere = join(folder, 'missing', 'checkpoint.json');
    const ended = await runGateway(environment({ DATABASE_URL: databaseUrl }), ['verify-history', '--new', nowhere]);
    expect(ended).toMatchObject({ code: 1, mistakes: [expect.stringContaining('ENOENT')] });
    expect(ended.output).toMatch(/^The history is sound: 2 entries in 1 chain\.\n/);
  });

  it('is prepared by one of five gateways that start on it at once', async () => {
    const settings = { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: key, ADMIN_PASSWORD: '' };
    const gateways = await Promise.all(Array.from({ length: 5 }, () => start({ environment: settings })));

    const passwords = gateways.flatMap(({ output }) => announced.exec(output())?.[2] ?? []);
    expect(passwords).toHaveLength(1);
    for (const gateway of gateways) {
      expect(await readiness(gateway)).toBe(true);
      await signIn(gateway, { login: 'administrator@company.com', secret: passwords[0]! });
    }
    expect(await ask(databaseUrl, 'SELECT count(*)::integer AS roots FROM account WHERE parent_sid IS NULL')).toEqual([{ roots: 1 }]);
    expect(await ask(databaseUrl, 'SELECT name FROM migration GROUP BY name HAVING count(*) <> 1')).toEqual([]);
  });
});

/** What a gateway in this test's folder is given. */
function environment(settings: Record<string, string> = {}): Record<string, string> {
  return { DATA_DIR: folder, PORT: '0', METRICS_PORT: '0', ADMIN_PASSWORD: 'correct horse battery', ...settings };
}

/** Starts a gateway in this test's folder; whatever happens, it ends with the test. */
async function start(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const gateway = await startGateway({ dataDirectory: folder, ...options });
  cleanups.push(async () => kill(gateway.pid));
  return gateway;
}

/** Starts the repository as its users do, in a process group of its own, as a terminal would. */
async function npmStart(settings: Record<string, string>) {
  const child = spawn('npm', ['start'], {
    cwd: join(import.meta.dirname, '../..'),
    env: { PATH: process.env.PATH, HOME: folder, npm_config_update_notifier: 'false', ...environment(settings) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const serverPid = () => Number(/"pid":(\d+)/.exec(text)?.[1]);
  cleanups.push(
    async () => kill(child.pid!),
    async () => kill(serverPid()),
  );
  const started = /GraphQL +(http\S+)\/graphql/;
  await eventually(() => expect(text).toMatch(started));
  return {
    child,
    serverPid,
    url: started.exec(text)![1]!,
    output: () => text,
    adminEmail: 'administrator@company.com',
    adminPassword: 'correct horse battery',
  };
}

function kill(pid: number): void {
  if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGKILL');
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

type Running = Pick<GatewayProcess, 'url' | 'output' | 'adminEmail' | 'adminPassword'>;

function administrator({ adminEmail, adminPassword }: Running): Login {
  return { login: adminEmail, secret: adminPassword };
}

/** It is printed last. */
async function metricsUrlOf({ output }: Running): Promise<string> {
  const printed = /Metrics +(http\S+)\/metrics/;
  await eventually(() => expect(output()).toMatch(printed));
  return printed.exec(output())![1]!;
}

/** Who has just signed in, and the AuthToken. */
async function signIn({ url }: Running, login: Login) {
  const { sid, emailAddress } = (await postGraphql(url, login, viewer)).data!.viewer as { sid: string; emailAddress: string };
  const { data } = await postGraphql(url, login, 'query($sid: ID!) { authToken(sid: $sid) }', { sid });
  expect(data!.authToken).toMatch(/^[0-9a-f]{32}$/);
  return { sid, emailAddress, token: data!.authToken as string };
}

/** Waits until the gateway has heard the signal, and some more, for a second one or a mistake to show. */
async function drains({ output }: Running): Promise<void> {
  await eventually(() => expect(output()).toContain('"draining"'));
  await sleep(500);
}

/** False when the gateway says no, and when it does not listen any more. */
async function readiness({ url }: Running): Promise<boolean> {
  return fetch(`${url}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Requests that create accounts and, having been received, wait for a lock until they are released. */
async function runningRequests(gateway: Running, count: number) {
  const blocker = new Client({ connectionString: embeddedUrl(folder) });
  blocker.on('error', () => {});
  await blocker.connect();
  cleanups.push(() => blocker.end());
  await postGraphql(gateway.url, administrator(gateway), viewer);
  await blocker.query('BEGIN; SELECT 1 FROM account FOR UPDATE');

  const requests = Array.from({ length: count }, (_, i) =>
    postGraphql(gateway.url, administrator(gateway), createAccount, { email: `running-${i}@b.test` }),
  );
  for (const request of requests) request.catch(() => {});
  const metricsUrl = await metricsUrlOf(gateway);
  await eventually(async () => {
    const metrics = await (await fetch(metricsUrl)).text();
    const connections = (state: string) => Number(new RegExp(`connections{database="primary",state="${state}"} (\\d+)`).exec(metrics)?.[1]);
    const locked = await ask(embeddedUrl(folder), `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`);
    expect(locked.length + connections('waiting')).toBe(count);
  });
  // After a crash there is nothing left to release.
  return { requests, release: () => blocker.query('COMMIT').catch(() => {}) };
}

function statusesOf(requests: Promise<{ status: number }>[]): Promise<unknown[]> {
  return Promise.all(
    requests.map((request) =>
      request.then(
        ({ status }) => status,
        (error: Error) => error.message,
      ),
    ),
  );
}
