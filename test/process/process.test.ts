import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../src/version.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { administrator, metricsUrlOf, useGatewayFolder } from '../support/gateway-folder.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { postGraphql } from '../support/graphql-client.js';
import { announced, signIn } from '../support/sign-in.js';

const key = randomBytes(32).toString('hex');
const viewer = '{ viewer { sid emailAddress } }';
const createAccount = `mutation($email: EmailAddress!) {
  createAccount(input: { emailAddress: $email, password: "a decent password", role: DEVELOPER }) { account { sid } }
}`;

const folder = useGatewayFolder();

describe('the first start of the gateway', () => {
  it('prints where GraphiQL is and, once, a password that signs in; the second start prints none and finds everything', async () => {
    const first = await folder.start({ environment: { ADMIN_PASSWORD: '' } });
    await metricsUrlOf(first);
    expect(first.output()).toContain(`GraphiQL  ${first.url}/graphiql\n`);
    expect((await fetch(`${first.url}/graphiql`)).status).toBe(200);
    const [, email, password] = announced.exec(first.output())!;
    expect(email).toBe('administrator@company.com');
    const root = await signIn(first, { login: email!, secret: password! });
    const created = await postGraphql(first.url, { login: root.sid, secret: password! }, createAccount, { email: 'a@b.test' });
    await first.end('SIGTERM');

    const second = await folder.start({ environment: { ADMIN_PASSWORD: '' } });
    expect(second.output()).not.toMatch(/password/i);
    for (const login of [email!, root.sid]) {
      for (const secret of [password!, root.token]) expect(await signIn(second, { login, secret })).toEqual(root);
    }
    const children = await postGraphql(second.url, { login: email!, secret: root.token }, '{ accounts { nodes { sid } } }');
    expect(children.data!.accounts.nodes).toEqual([created.data!.createAccount.account]);
  });

  it('keeps the key where only its owner can read it, and no secret in any line of the log', async () => {
    const gateway = await folder.start({ environment: { ADMIN_PASSWORD: '', LOG_LEVEL: 'trace' } });
    expect((await stat(join(folder.path, 'credentials.key'))).mode & 0o777).toBe(0o600);

    const [, email, password] = announced.exec(gateway.output())!;
    const { token } = await signIn(gateway, { login: email!, secret: password! });
    await signIn(gateway, { login: email!, secret: token });
    await postGraphql(gateway.url, { login: email!, secret: 'a wrong password' }, viewer);
    await postGraphql(gateway.url, { login: email!, secret: token }, createAccount, { email: password });
    await gateway.end('SIGTERM');

    expect(gateway.output().split(password!)).toHaveLength(2);
    const hidden = [token, 'a wrong password', 'a decent password', (await readFile(join(folder.path, 'credentials.key'), 'utf8')).trim()];
    const encoded = [password!, token].map((secret) => Buffer.from(`${email}:${secret}`).toString('base64'));
    for (const secret of [...hidden, ...encoded]) expect(gateway.output()).not.toContain(secret);
  });
});

it('the log begins with the versions, and has the time of each line as ISO 8601', async () => {
  await folder.startedBefore();
  const gateway = await folder.start();
  await gateway.end('SIGTERM');
  const lines = gateway
    .output()
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  expect(lines[0]).toMatchObject({ version, node: process.versions.node, msg: 'the account gateway starts' });
  for (const { time } of lines) expect(new Date(time).toISOString()).toBe(time);
});

describe('where nothing can be written but in DATA_DIR', () => {
  it('the gateway does all that it does', async () => {
    const permission = ['--permission', '--experimental-permission'].find((flag) => process.allowedNodeEnvironmentFlags.has(flag));
    const allowed = ['--allow-fs-read=*', `--allow-fs-write=${folder.path}/*`, '--allow-child-process', '--allow-addons', '--allow-worker'];
    const gateway = await folder.start({ environment: { NODE_OPTIONS: [permission, ...allowed].join(' ') } });
    const { status, errors } = await postGraphql(gateway.url, administrator(gateway), createAccount, { email: 'sales@customer.test' });
    expect([status, errors]).toEqual([200, undefined]);
    for (const path of ['/graphiql', '/restcomm/2012-04-24/', '/health/ready']) expect((await fetch(gateway.url + path)).status).toBe(200);
    expect(await gateway.end('SIGTERM')).toBe(0);
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
    [{ GRAPHIQL: 'false', CONSOLE: 'false' }, 404, undefined],
    [{ NODE_ENV: 'production' }, 404, () => production],
    [{ NODE_ENV: 'production', GRAPHIQL: 'true', CONSOLE: 'true' }, 200, undefined],
  ])('with %j, /graphiql and /console answer %i', async (settings, status, running) => {
    const gateway = running?.() ?? (await startOn(settings as Record<string, string>));
    if (running === undefined) folder.cleanUp(() => gateway.end('SIGTERM'));
    for (const path of ['/graphiql', '/console']) expect((await fetch(gateway.url + path)).status).toBe(status);
    await metricsUrlOf(gateway);
    for (const [name, path] of [
      ['GraphiQL', 'graphiql'],
      ['Console ', 'console'],
    ]) {
      expect(gateway.output().includes(`${name}  ${gateway.url}/${path}\n`)).toBe(status === 200);
    }
  });

  it('tells nothing of its schema in production', async () => {
    const introspect = (gateway: GatewayProcess) => postGraphql(gateway.url, administrator(gateway), '{ __schema { queryType { name } } }');
    const misspell = (gateway: GatewayProcess) => postGraphql(gateway.url, administrator(gateway), '{ viewr { sid } }');

    expect((await introspect(usual)).data).toEqual({ __schema: { queryType: { name: 'Query' } } });
    expect((await misspell(usual)).errors![0]!.message).toContain('Did you mean "viewer"');
    expect(await introspect(production)).toMatchObject({
      status: 400,
      errors: [{ message: expect.stringContaining('Introspection is off') }],
    });
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
