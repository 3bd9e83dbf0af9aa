import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { version } from '../../src/version.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { type EmptyDatabase, emptyDatabase } from '../support/databases.js';
import { startGateway } from '../support/gateway-process.js';
import { postGraphql } from '../support/graphql-client.js';
import { type Ended, ask, runGateway } from '../support/processes.js';
import { sendRest } from '../support/rest-client.js';

let folder: string;
let cleanups: (() => Promise<unknown>)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-check-'));
  cleanups = [() => rm(folder, { recursive: true, force: true })];
});
afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

const environment = (databaseUrl: string, settings: Record<string, string> = {}) => ({
  DATA_DIR: folder,
  PORT: '0',
  METRICS_PORT: '0',
  DATABASE_URL: databaseUrl,
  CREDENTIALS_KEY: '0'.repeat(64),
  ADMIN_PASSWORD: 'correct horse battery',
  ...settings,
});

const run = (databaseUrl: string, args: string[] = [], settings: Record<string, string> = {}): Promise<Ended> =>
  runGateway(environment(databaseUrl, settings), args);

async function empty(options = ''): Promise<EmptyDatabase> {
  const database = await emptyDatabase(options);
  cleanups.push(database.drop);
  return database;
}

async function migrated(): Promise<TestDatabase> {
  const database = await cloneDatabase();
  cleanups.push(() => database.drop());
  return database;
}

/** The URL by which a new role reaches the database, with these rights. */
async function asRole(database: { url: string }, grants: (role: string) => string): Promise<string> {
  const role = `role_${randomBytes(6).toString('hex')}`;
  await ask(database.url, `CREATE ROLE ${role} LOGIN; ${grants(role)}`);
  cleanups.push(() => ask(inject('serverUrl'), `DROP ROLE IF EXISTS ${role}`).catch(() => undefined));
  cleanups.push(() => ask(database.url, `DROP OWNED BY ${role}`));
  return database.url.replace('user=postgres', `user=${role}`);
}

describe('a database that the gateway cannot work on ends the start with a sentence and code 78:', () => {
  it.each(['1', '2'])('one in LATIN1, with WORKERS=%s, which stays as it is', async (WORKERS) => {
    const database = await empty(`ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
    const ended = await run(database.url, [], { WORKERS });
    const sentence = `The database "${database.name}" has the encoding LATIN1; the gateway needs UTF8. Make one by: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.`;
    expect(ended).toMatchObject({ code: 78, mistakes: [sentence] });
    expect(await ask(database.url, `SELECT 1 FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
  });

  it('one that it may only read, and one that it may not migrate', async () => {
    const reader = await asRole(await migrated(), (role) => `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
    expect(await run(reader)).toMatchObject({
      code: 78,
      mistakes: [
        expect.stringMatching(
          /^The role "role_\w+" lacks rights that the gateway needs: INSERT, UPDATE on account; .*; INSERT on history; INSERT, UPDATE on history_head; .*\. Grant them\.$/,
        ),
      ],
    });
    const stranger = await asRole(await empty(), () => '');
    expect(await run(stranger)).toMatchObject({
      code: 78,
      mistakes: [
        expect.stringMatching(/^The role "role_\w+" may not make tables in the schema "public", as migrations do\. Grant it CREATE/),
      ],
    });
  });

  it('one in which it may not create the extension that finds texts, until somebody else has', async () => {
    const database = await empty();
    const maker = await asRole(database, (role) => `GRANT CREATE, USAGE ON SCHEMA public TO ${role}`);
    expect(await run(maker, ['migrate'])).toMatchObject({
      code: 78,
      mistakes: [
        expect.stringMatching(
          /^The role "role_\w+" may not create the extension pg_trgm in the database "\w+"\. Run CREATE EXTENSION pg_trgm there as a role that may, or grant it CREATE on the database\.$/,
        ),
      ],
    });
    await ask(database.url, 'CREATE EXTENSION pg_trgm');
    expect(await run(maker, ['migrate'])).toMatchObject({ code: 0, mistakes: [] });
  });

  it.each([[[]], [['migrate']], [['verify-history']], [['rotate-key']]])('one that a newer gateway has migrated, for %j', async (args) => {
    const database = await migrated();
    await database.query(`INSERT INTO migration (timestamp, name) VALUES (1, 'Webhooks1800000000000')`);
    const CREDENTIALS_KEY = ['0', '1'].map((digit) => digit.repeat(64)).join();
    // The template was migrated by this version.
    const told = `A newer gateway has changed this database (Webhooks1800000000000), which version ${version} does not know.`;
    expect(await run(database.url, args, { CREDENTIALS_KEY })).toMatchObject({
      code: 78,
      mistakes: [`${told} Use ${version}, or a later one.`],
    });

    await database.query(`COMMENT ON TABLE migration IS 'account-gateway 9.1.0'`);
    expect((await run(database.url, args, { CREDENTIALS_KEY })).mistakes).toEqual([`${told} Use 9.1.0, or a later one.`]);
  });

  it('one that does not exist, and one that refuses the role', async () => {
    const { name, url } = await empty();
    expect(await run(url.replace(name, 'nothing_here'))).toMatchObject({
      code: 78,
      mistakes: ['The database server refuses the gateway: database "nothing_here" does not exist.'],
    });
    expect(await run(url.replace('user=postgres', 'user=nobody_here'))).toMatchObject({
      code: 78,
      mistakes: ['The database server refuses the gateway: role "nobody_here" does not exist.'],
    });
  });

  const http = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';
  it.each([
    ['an HTTP server', (socket: Socket) => socket.once('data', () => socket.end(http))],
    ['an SSH server', (socket: Socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n')],
    ['a MySQL server', (socket: Socket) => void socket.write(Buffer.from('4a0000000a382e302e3336000b000000', 'hex'))],
    ['a server that answers anything', (socket: Socket) => socket.once('data', () => socket.end('?'))],
  ])('%s', async (_name, answer) => {
    const port = await portOf(answer);
    expect(await run(`postgresql://gateway:hunter2@127.0.0.1:${port}/gateway`)).toMatchObject({
      code: 78,
      mistakes: [`What listens at 127.0.0.1:${port}, where DATABASE_URL leads, is no PostgreSQL server: it speaks another protocol.`],
    });
  });
});

describe('a database that may come back is none that is configured wrongly:', () => {
  it.each([
    ['hangs up', (socket: Socket) => void socket.destroy(), / hangs up: it is no PostgreSQL server, or a proxy without one\.$/],
    ['says nothing', () => {}, / does not answer\.$/],
  ])('one that %s is told in a sentence, with code 1', async (_name, answer, sentence) => {
    const { code, mistakes } = await run(`postgresql://gateway:hunter2@127.0.0.1:${await portOf(answer)}/gateway`);
    expect(mistakes).toEqual([expect.stringMatching(sentence)]);
    expect(code).toBe(1);
  });
});

describe('a role with the rights that statements need, and none more', () => {
  it('is the one that the operating guide makes', async () => {
    const database = await migrated();
    const guide = await readFile(join(import.meta.dirname, '../../docs/operating.md'), 'utf8');
    const [, create, grants] = /```sql\n(CREATE ROLE .*?;)\n(.*?)```/s.exec(guide)!;
    expect(create).toMatch(/^CREATE ROLE gateway /);
    const url = await asRole(database, (role) => grants!.replaceAll(/(TO|FROM) gateway;/g, `$1 ${role};`));
    const tablesWithout = async (right: string): Promise<string[]> => {
      const tables = await ask(
        url,
        `SELECT relname AS name FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND NOT has_table_privilege(oid, $1) ORDER BY 1`,
        [right],
      );
      return tables.map(({ name }) => name);
    };
    expect(await tablesWithout('SELECT')).toEqual([]);
    expect(await tablesWithout('INSERT')).toEqual(['migration']);
    expect(await tablesWithout('UPDATE')).toEqual(['cascade_part', 'history', 'migration']);
    expect(await tablesWithout('DELETE')).toEqual(['account', 'cascade_part', 'history', 'history_head', 'migration', 'organization']);
    const gateway = await startGateway({ dataDirectory: folder, environment: { ...environment(url), MIGRATE_ON_START: 'false' } });
    expect(await gateway.end('SIGTERM')).toBe(0);
  });

  it('runs the gateway, and verifies the history with the right to read that alone', async () => {
    const database = await migrated();
    const gateway = await startGateway({ dataDirectory: folder, environment: environment(database.url) });
    await gateway.end('SIGTERM');
    const url = await asRole(
      database,
      (role) => `GRANT SELECT ON migration TO ${role}; GRANT SELECT, INSERT ON history, cascade_part TO ${role};
        GRANT SELECT, INSERT, UPDATE ON account, organization, history_head TO ${role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON credential, password_reset_token, profile, account_profile, organization_profile,
          idempotency_key, sign_in_failure, email_conflict, email_claim, organization_account, webhook, webhook_place,
          webhook_attempt, resource_removal, removal_place, account_import, account_import_row TO ${role}`,
    );
    const again = await startGateway({ dataDirectory: folder, environment: environment(url) });
    const login = { login: again.adminEmail, secret: again.adminPassword };
    const { data } = await postGraphql(
      again.url,
      login,
      'mutation { createAccount(input: { emailAddress: "a@b.test", password: "a decent password", role: DEVELOPER }) { account { sid } } }',
    );
    const { sid } = data!.createAccount.account;
    for (const query of [
      `setAccountStatus(input: { sid: "${sid}", status: SUSPENDED }) { reachedCount }`,
      `closeAccount(input: { sid: "${sid}" }) { reachedCount }`,
    ]) {
      expect((await postGraphql(again.url, login, `mutation { ${query} }`)).errors).toBeUndefined();
    }
    expect(await again.end('SIGTERM')).toBe(0);

    const reader = await asRole(database, (role) => `GRANT SELECT ON history, history_head TO ${role}`);
    expect(await run(reader, ['verify-history'], { CREDENTIALS_KEY: '' })).toMatchObject({
      code: 0,
      mistakes: [],
      output: expect.stringContaining('The history is sound'),
    });
  });
});

describe('migrations that have not run', () => {
  it('are told in the log and to callers, and then by "migrate", which says when there is nothing to do', async () => {
    const { url } = await empty();
    const gateway = await startGateway({ dataDirectory: folder, environment: environment(url, { MIGRATE_ON_START: 'false' }) });
    cleanups.push(async () => gateway.end('SIGKILL'));
    const login = { login: gateway.adminEmail, secret: gateway.adminPassword };
    const sentence = 'The migrations of the database have not run. Try again once its operator has run them.';
    const byGraphql = await postGraphql(gateway.url, login, '{ viewer { sid } }');
    expect([byGraphql.status, byGraphql.errors![0]!.message, byGraphql.errors![0]!.extensions.code]).toEqual([
      503,
      sentence,
      'UNAVAILABLE',
    ]);
    const byRest = await sendRest(gateway.url, login, { path: '/Accounts.json' });
    expect([byRest.status, JSON.parse(byRest.text).message, byRest.headers.get('retry-after')]).toEqual([503, sentence, '1']);

    const first = await run(url, ['migrate']);
    expect(first).toMatchObject({ code: 0, mistakes: [] });
    expect(first.output).toMatch(/^\d+ migrations have run: Accounts1700000000000, .*ConstraintsByBytes1700000005000.*\.$/m);
    expect((await run(url, ['migrate'])).output).toMatch(/^Nothing to do: all migrations had already run\.$/m);
    expect((await postGraphql(gateway.url, login, '{ viewer { role } }')).errors).toBeUndefined();
    await gateway.end('SIGTERM');
    expect(gateway.output()).toMatch(/"level":40,.*"migrations":\["Accounts1700000000000",.*"msg":"migrations have not run; /);
    expect(await readdir(folder)).toEqual([]);
  });
});

/** A port at which something listens that answers so. */
async function portOf(answer: (socket: Socket) => unknown): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    answer(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
