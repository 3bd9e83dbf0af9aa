import { execFile, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type EmptyDatabase, emptyDatabase } from '../support/databases.js';
import { program } from '../support/gateway-process.js';
import { admin } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { runGateway } from '../support/processes.js';
import { password, uniqueEmail } from '../support/tree.js';

/** The last commit before the release that is under way; each release moves it. */
const versionBefore = 'c106321';

const repository = join(import.meta.dirname, '../..');
const run = promisify(execFile);

let folder: string;
let programBefore: string;
/** Builds the version before from this repository, with the libraries of this one. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-upgrade-'));
  await run('/bin/sh', ['-c', 'git -C "$0" archive "$1" | tar -x -C "$2"', repository, versionBefore, folder]);
  await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
  await run(join(repository, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: folder });
  programBefore = join(folder, 'dist/src/entry.js');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let database: EmptyDatabase;
let settings: Record<string, string>;
let cleanups: (() => Promise<unknown>)[];
beforeEach(async () => {
  database = await emptyDatabase();
  cleanups = [database.drop];
  settings = {
    DATABASE_URL: database.url,
    CREDENTIALS_KEY: randomBytes(32).toString('hex'),
    PORT: '0',
    METRICS_PORT: '0',
    ADMIN_EMAIL: admin.login,
    ADMIN_PASSWORD: admin.secret,
  };
});
afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

interface Instance {
  url: string;
  end(): Promise<number | null>;
}

async function start(entry: string): Promise<Instance> {
  const child = spawn(process.execPath, [entry], { env: { PATH: process.env.PATH, ...settings }, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  cleanups.push(async () => child.kill('SIGKILL') && (await exited));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const url = await eventually(() => {
    expect([child.exitCode, output]).toEqual([null, expect.stringMatching(/GraphQL +http\S+\/graphql/)]);
    return /GraphQL +(http\S+)\/graphql/.exec(output)![1]!;
  });
  return {
    url,
    async end() {
      child.kill('SIGTERM');
      return (await exited)[0];
    },
  };
}

const create = `mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { sid } } }`;
const rename = `mutation($input: UpdateAccountInput!) { updateAccount(input: $input) { account { friendlyName } } }`;
const setStatus = `mutation($input: SetAccountStatusInput!) { setAccountStatus(input: $input) { account { status } } }`;
const children = '{ accounts(first: 5) { totalCount nodes { sid emailAddress friendlyName status } } }';

/** Clients that ask whichever instance there is, and again when an answer says so or none comes: each change under an idempotency key. */
function traffic(instances: string[]) {
  const failures: string[] = [];
  const names = new Map<string, string>();
  let answers = 0;
  let isOver = false;

  async function ask(login: Login, query: string, input?: Record<string, unknown>): Promise<Record<string, any> | undefined> {
    const variables = input === undefined ? {} : { input: { ...input, idempotencyKey: randomUUID() } };
    for (let tries = 0; tries < 1_000; tries++) {
      const url = instances[(answers + tries) % instances.length]!;
      const answer = await postGraphql(url, login, query, variables).catch(() => undefined);
      const codes = answer?.errors?.map(({ extensions }) => extensions.code);
      if (answer !== undefined && codes === undefined) {
        answers++;
        return answer.data!;
      }
      if (codes?.some((code) => !['UNAVAILABLE', 'OVERLOADED', 'IDEMPOTENCY_IN_FLIGHT'].includes(code))) {
        failures.push(`${url} answered ${JSON.stringify(answer)} to ${query} with ${JSON.stringify(variables)}`);
        return undefined;
      }
      await sleep(50);
    }
    failures.push(`no answer to ${query}`);
    return undefined;
  }

  async function client(): Promise<void> {
    const top = await ask(admin, create, { emailAddress: uniqueEmail('upgrade'), password, role: 'ADMINISTRATOR' });
    const login = { login: top?.createAccount.account.sid as string, secret: password };
    while (!isOver && failures.length === 0) {
      const below = await ask(login, create, { emailAddress: uniqueEmail('upgrade'), password, role: 'DEVELOPER' });
      const sid = below?.createAccount.account.sid as string;
      const friendlyName = `Name ${randomUUID()}`;
      await ask(login, rename, { sid, friendlyName });
      names.set(sid, friendlyName);
      for (const status of ['SUSPENDED', 'ACTIVE']) await ask(login, setStatus, { sid, status });
      await ask({ login: sid, secret: password }, '{ viewer { sid status capabilities { voiceAndSms } } }');
      await ask(login, children);
    }
  }
  const clients = [client(), client(), client()];
  return {
    failures,
    names,
    /** Waits for so many more answers, or a failure. */
    async goesOn(count = 60): Promise<void> {
      const enough = answers + count;
      while (answers < enough && failures.length === 0) await sleep(20);
      expect(failures).toEqual([]);
    },
    async end(): Promise<void> {
      isOver = true;
      await Promise.all(clients);
    },
  };
}

it('this version starts beside the one before, under traffic, and takes over: no request fails, the history is sound', async () => {
  const before = await start(programBefore);
  const instances = [before.url];
  const clients = traffic(instances);
  await clients.goesOn();

  const now = await start(program());
  instances.push(now.url);
  await clients.goesOn(120);

  expect(await before.end()).toBe(0);
  await clients.goesOn();
  await clients.end();
  expect(clients.failures).toEqual([]);
  for (const [sid, friendlyName] of clients.names) {
    const answer = await postGraphql(now.url, { login: sid, secret: password }, '{ viewer { friendlyName status } }');
    expect(answer.data).toEqual({ viewer: { friendlyName, status: 'ACTIVE' } });
  }
  expect(await runGateway(settings, ['verify-history'])).toMatchObject({
    code: 0,
    output: expect.stringContaining('The history is sound'),
  });
  expect(await now.end()).toBe(0);
});

it('the way back: what this version has backed up before it migrates is restored by it, and serves the version before', async () => {
  const dataDirectory = join(folder, 'data');
  const made = join(folder, 'made');
  const restored = join(folder, 'restored');
  const on = (place: string) => ({ PORT: '0', METRICS_PORT: '0', ADMIN_EMAIL: admin.login, ADMIN_PASSWORD: admin.secret, DATA_DIR: place });
  const input = { emailAddress: uniqueEmail('back'), password, role: 'DEVELOPER' };

  settings = on(dataDirectory);
  const before = await start(programBefore);
  const created = await postGraphql(before.url, admin, create, { input });
  const { sid } = created.data!.createAccount.account;
  expect(await before.end()).toBe(0);
  expect(await runGateway(settings, ['backup', made])).toMatchObject({ code: 0, output: expect.stringContaining('an older version') });
  const now = await start(program());
  expect((await postGraphql(now.url, { login: sid, secret: password }, '{ viewer { sid } }')).status).toBe(200);
  expect(await now.end()).toBe(0);

  settings = on(restored);
  expect(await runGateway(settings, ['restore', made])).toMatchObject({ code: 0 });
  const again = await start(programBefore);
  const answer = await postGraphql(again.url, { login: sid, secret: password }, '{ viewer { sid } }');
  expect(answer.data).toEqual({ viewer: { sid } });
  expect(await again.end()).toBe(0);
  const { stdout } = await run(process.execPath, [programBefore, 'verify-history'], { env: { ...settings, PATH: process.env.PATH } });
  expect(stdout).toContain('The history is sound');
});
