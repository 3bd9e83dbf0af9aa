import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { administrator, useGatewayFolder } from '../support/gateway-folder.js';
import { postGraphql } from '../support/graphql-client.js';
import { expectNoProcessIn, processesIn, runGateway } from '../support/processes.js';

const key = randomBytes(32).toString('hex');
const folder = useGatewayFolder();

/** How the messages about a key end. */
const ifLost = 'If it is lost for good, "account-gateway replace-key" makes a new one.';

describe('what cannot be started says so in one sentence', () => {
  it('that one is already running in the folder, which goes on', async () => {
    await folder.startedBefore();
    const gateway = await folder.start();
    const { code, mistakes } = await runGateway(folder.environment());
    expect(mistakes).toEqual([expect.stringMatching(/already running in \S+ \(pid \d+\)\. .+\.$/)]);
    expect(code).toBeGreaterThan(0);
    expect((await postGraphql(gateway.url, administrator(gateway), '{ viewer { sid } }')).status).toBe(200);
  });

  it.each([
    ['PORT', '1'],
    ['METRICS_PORT', '1'],
    ['PORT', '2'],
    ['METRICS_PORT', '2'],
  ])('that the %s is in use, with WORKERS=%s', async (name, WORKERS) => {
    await folder.startedBefore();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, mistakes, output } = await runGateway(folder.environment({ WORKERS, [name]: `${port}` }));
    other.close();
    expect(mistakes).toEqual([expect.stringContaining(`${port}`)]);
    expect(mistakes[0]).toMatch(/^The gateway stopped: another program is listening at 127\.0\.0\.1:\d+; set PORT or METRICS_PORT\.$/m);
    expect(code).toBeGreaterThan(0);
    expect(output).not.toMatch(/"level":[4-6]0/);
    await expectNoProcessIn(folder.path);
  });

  it('that DATABASE_URL leads nowhere, without its password', async () => {
    const { code, mistakes } = await runGateway(
      folder.environment({ DATABASE_URL: 'postgresql://gateway:hunter2@127.0.0.1:1/gateway', CREDENTIALS_KEY: key }),
    );
    expect(mistakes).toEqual([expect.stringContaining('ECONNREFUSED 127.0.0.1:1')]);
    expect(code).toBe(1);
  });

  it('that CREDENTIALS_KEY does not fit the database', async () => {
    await folder.startedBefore();
    const sentence = `is not the key that the AuthTokens in this database were encrypted with. Restore the right one. ${ifLost}`;
    for (const settings of [{}, { MIGRATE_ON_START: 'false' }, { WORKERS: '2' }]) {
      const ended = await runGateway(folder.environment({ CREDENTIALS_KEY: key, ...settings }));
      expect(ended).toMatchObject({ code: 78, mistakes: [`CREDENTIALS_KEY ${sentence}`] });
    }
    const file = join(folder.path, 'credentials.key');
    await writeFile(file, key);
    expect(await runGateway(folder.environment())).toMatchObject({ code: 78, mistakes: [`${file} ${sentence}`] });
    await expectNoProcessIn(folder.path);
  });

  it.each(['1', '2'])('that credentials.key is missing beside a database, with WORKERS=%s, and nothing is written', async (WORKERS) => {
    await folder.startedBefore();
    const file = join(folder.path, 'credentials.key');
    await rm(file);
    const contents = async () => (await readdir(folder.path, { recursive: true })).toSorted();
    const before = await contents();
    const sentence = 'is missing, and nothing else can decrypt the AuthTokens in the database beside it. Restore it from a backup,';
    for (const args of [[], ['migrate'], ['rotate-key']]) {
      const { code, mistakes } = await runGateway(folder.environment({ WORKERS }), args);
      expect([code, mistakes]).toEqual([78, [`${file} ${sentence} or set CREDENTIALS_KEY if the key is kept there. ${ifLost}`]]);
    }
    expect(await contents()).toEqual(before);
    expect(await runGateway(folder.environment(), ['verify-history'])).toMatchObject({ code: 0, mistakes: [] });
  });

  it('that credentials.key is damaged', async () => {
    await writeFile(join(folder.path, 'credentials.key'), 'not a key');
    expect(await runGateway(folder.environment())).toMatchObject({
      code: 78,
      mistakes: [expect.stringMatching(/^\S+credentials\.key does not hold a key.*\.$/)],
    });
    await expectNoProcessIn(folder.path);
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
  WEBHOOK_ALLOW_PRIVATE: ['private', /^WEBHOOK_ALLOW_PRIVATE must be addresses or ranges like /],
  LOG_LEVEL: ['loud', /^LOG_LEVEL must be one of /],
  GRAPHIQL: ['1', /^GRAPHIQL must be one of true, false/],
  CONSOLE: ['1', /^CONSOLE must be one of true, false/],
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
      folder.environment(Object.fromEntries(Object.entries(wrong).map(([name, [value]]) => [name, value]))),
    );
    expect(code).toBe(78);
    expect(mistakes.toSorted()).toEqual(
      Object.keys(wrong)
        .toSorted()
        .map((name) => expect.stringMatching(wrong[name]![1])),
    );
    expect(processesIn(folder.path)).toEqual([]);
  });

  it.each(secretly)('in %s is told without its value: %s', async (name, value, sentence) => {
    const ended = await runGateway(folder.environment({ CREDENTIALS_KEY: key, [name]: value }));
    expect(ended).toMatchObject({ code: 78, mistakes: [expect.stringMatching(sentence)] });
    expect(ended.output).not.toContain('hunter2');
  });

  it('can be what is missing', async () => {
    const ended = await runGateway(folder.environment({ DATABASE_URL: 'postgresql://gateway:hunter2@127.0.0.1/gateway' }));
    expect(ended).toMatchObject({ code: 78, mistakes: [expect.stringMatching(/^CREDENTIALS_KEY is required together with DATABASE_URL/)] });
    expect(ended.output).not.toContain('hunter2');
  });
});
