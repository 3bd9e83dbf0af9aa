import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createHttpServer } from '../../src/api/http/server.js';
import { type Config, type ConfigError, readConfig } from '../../src/config.js';
import { defaultDocument } from '../../src/domain/profile.js';
import { AddressRules } from '../../src/events/address-rules.js';
import { documentedSettings } from '../support/documented-settings.js';

/** What people set variables to, for each of them: what that comes to, or that it is refused in a sentence. */
interface Values {
  /** What a value is read as; of the whole configuration. */
  read: (config: Config) => unknown;
  accepted: [string, unknown][];
  refused: string[];
}

const integer = (read: Values['read'], least: number, most: number, unit = 1): Values => ({
  read,
  accepted: [least, most].map((value) => [String(value), value * unit]),
  refused: [
    `${least - 1}`,
    `${most + 1}`,
    '1e3',
    '0x10',
    '1.5',
    '1_000',
    ' 1000',
    '1000 ',
    '+1000',
    '٣',
    'many',
    'Infinity',
    '9'.repeat(30),
  ],
});
const boolean = (read: Values['read']): Values => ({
  read,
  accepted: [
    ['true', true],
    ['false', false],
  ],
  refused: ['yes', 'no', '1', '0', 'TRUE', 'on', ' true'],
});
const key = '0'.repeat(64);
const collector: Values = {
  read: ({ spans }) => spans,
  accepted: ['http://collector:4318', 'https://[::1]:4318/v1/traces'].map((url) => [url, 'otlp']),
  refused: ['collector:4318', 'grpc://collector:4317', 'https://user:hunter2@collector'],
};
const databaseUrls: Pick<Values, 'accepted' | 'refused'> = {
  accepted: [
    'postgresql://user:password@host:5432/database',
    'postgres://host/database',
    'postgresql:///database?host=%2Fvar%2Frun%2Fpostgresql',
    'postgresql://[::1]/database?sslmode=verify-full',
  ].map((url) => [url, url]),
  refused: [
    'host:5432/database',
    'mysql://hunter2@host/database',
    'postgresql://',
    'postgresql://user:hunter2@host:0/database',
    'postgresql://user:hunter2@host:99999/database',
    'postgresql://user:hunter2%zz@host/database',
    'postgresql://user:hunter2@host/database?port=http',
    'postgresql://user:hunter2@host/database?sslmode=on',
    'postgresql://user:hunter2@ho st/database',
    'host=db user=gateway password=hunter2',
  ],
};

const values: Record<string, Values> = {
  PORT: integer(({ port }) => port, 0, 65_535),
  METRICS_PORT: integer(({ metricsPort }) => metricsPort, 0, 65_535),
  HOST: {
    read: ({ host }) => host,
    accepted: [
      ['127.0.0.1', '127.0.0.1'],
      ['0.0.0.0', '0.0.0.0'],
      ['::', '::'],
      ['::1', '::1'],
      ['[::1]', '::1'],
      ['localhost', 'localhost'],
      ['gateway-1.internal_net.company.com', 'gateway-1.internal_net.company.com'],
    ],
    refused: [
      '*',
      'http://localhost',
      'localhost:4000',
      '127.0.0.1:4000',
      '0.0.0.0/0',
      '[127.0.0.1]',
      '1.2.3',
      '256.0.0.1',
      '::1]',
      'a b',
      'a..b',
      '-x',
      'é.test',
      'a\nb',
      `${'a'.repeat(60)}!`,
      'a'.repeat(64),
    ],
  },
  WORKERS: integer(({ workers }) => workers, 1, 64),
  PUBLIC_URL: {
    read: ({ publicUrl }) => publicUrl,
    accepted: [
      ['https://gateway.test', 'https://gateway.test'],
      ['HTTPS://Gateway.Test/', 'https://gateway.test'],
      ['https://例え.jp/', 'https://xn--r8jz45g.jp'],
      ['http://[::1]:4000/accounts//', 'http://[::1]:4000/accounts'],
      ['https://gateway.test:443/a/../b', 'https://gateway.test/b'],
      ['https://gateway.test/é"<>', 'https://gateway.test/%C3%A9%22%3C%3E'],
    ],
    refused: [
      'gateway.test',
      '//gateway.test',
      'ftp://gateway.test',
      'mailto:root@gateway.test',
      'https://',
      'https://user:hunter2@gateway.test',
      'https://user@gateway.test',
      'https://gateway.test?x=1',
      'https://gateway.test/#x',
      'https://gateway.test/?',
      'https://gate\nway.test',
      'https://gateway.test/a\r\nSet-Cookie: x',
      ' https://gateway.test',
      'https://gateway.test/>; rel="x", <',
      'https://gateway.test:99999',
    ],
  },
  DATABASE_URL: { read: ({ databaseUrl }) => databaseUrl, ...databaseUrls },
  DATABASE_REPLICA_URL: { read: ({ replicaUrl }) => replicaUrl, ...databaseUrls },
  DATABASE_REPLICA_MAX_LAG_SECONDS: integer(({ replicaMaxLagSeconds }) => replicaMaxLagSeconds, 2, 3600),
  DATABASE_POOL_SIZE: integer(({ poolSize }) => poolSize, 3, 1000),
  DATABASE_QUEUE_SIZE: integer(({ queueSize }) => queueSize, 1, 100_000),
  DATA_DIR: {
    read: ({ dataDirectory }) => dataDirectory,
    accepted: [
      ['/var/lib/gateway', '/var/lib/gateway'],
      ['data/../state', resolve('state')],
    ],
    refused: [],
  },
  READ_TIMEOUT_SECONDS: integer(({ readMilliseconds }) => readMilliseconds, 1, 3600, 1000),
  CHANGE_TIMEOUT_SECONDS: integer(({ changeMilliseconds }) => changeMilliseconds, 1, 86_400, 1000),
  LOCK_TIMEOUT_SECONDS: integer(({ lockMilliseconds }) => lockMilliseconds, 1, 3600, 1000),
  DRAIN_SECONDS: integer(({ drainMilliseconds }) => drainMilliseconds, 1, 3600, 1000),
  MIGRATE_ON_START: boolean(({ migrateOnStart }) => migrateOnStart),
  GRAPHIQL: boolean(({ graphiql }) => graphiql),
  CONSOLE: boolean((config) => config.console),
  PLAN_SHADOW_SHARE: {
    read: ({ planShadowShare }) => planShadowShare,
    accepted: [
      ['0', 0],
      ['0.01', 0.01],
      ['.5', 0.5],
      ['1', 1],
      ['1.0', 1],
    ],
    refused: ['1.01', '2', '-0.1', '1e-3', '1%', '0,1', '0.', 'NaN', 'half', ' 0.1'],
  },
  AUTH_TOKENS_IN_LISTS: boolean(({ authTokensInLists }) => authTokensInLists),
  DEFAULT_PROFILE_FILE: {
    read: ({ defaultProfile }) => defaultProfile,
    accepted: [['package.json', readFileSync('package.json', 'utf8')]],
    refused: ['nowhere.json', '.', 'README.md', 'src/config.ts'],
  },
  NODE_ENV: {
    read: ({ production }) => production,
    accepted: [
      ['production', true],
      ['development', false],
      ['test', false],
    ],
    refused: ['prod', 'Production', 'production ', 'staging'],
  },
  CREDENTIALS_KEY: {
    read: ({ credentialsKeys }) => credentialsKeys?.map((one) => one.toString('hex')),
    accepted: [
      [key, [key]],
      [Buffer.from(key, 'hex').toString('base64'), [key]],
      [`${'1'.repeat(64)}\n${key}\n`, ['1'.repeat(64), key]],
    ],
    refused: ['hunter2', key.slice(1), `${key}0`, `${key},`, `${key},${key}`, `${key};${'1'.repeat(64)}`],
  },
  ADMIN_EMAIL: {
    read: ({ adminEmail }) => adminEmail,
    accepted: [['Root@Provider.Test', 'root@provider.test']],
    refused: ['root', 'root@', '@provider.test', 'a b@provider.test', 'a@b@c.test', 'Root <root@provider.test>', 'root@provider.test\n'],
  },
  ADMIN_PASSWORD: {
    read: ({ adminPassword }) => adminPassword,
    accepted: [['correct horse battery', 'correct horse battery']],
    refused: ['hunter2', 'password', '12345678'],
  },
  ACCOUNT_TREE_MAX_LEVELS: integer(({ maxLevels }) => maxLevels, 2, 50),
  AUTH_TOKEN_SCHEME: {
    read: ({ authTokenScheme }) => authTokenScheme,
    accepted: [
      ['random', 'random'],
      ['md5', 'md5'],
    ],
    refused: ['MD5', 'sha256', 'md5 '],
  },
  LOG_LEVEL: {
    read: ({ logLevel }) => logLevel,
    accepted: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => [level, level]),
    refused: ['INFO', 'warning', 'verbose', '30', ' info'],
  },
  OTEL_TRACES_EXPORTER: {
    read: ({ spans }) => spans,
    accepted: [
      ['otlp', 'otlp'],
      ['console', 'console'],
      ['none', undefined],
    ],
    refused: ['OTLP', 'jaeger', 'otlp,console'],
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: collector,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector,
  OTEL_EXPORTER_OTLP_PROTOCOL: { read: () => undefined, accepted: [['http/protobuf', undefined]], refused: ['grpc', 'http/json'] },
  OTEL_SDK_DISABLED: boolean(({ spans }) => spans === undefined),
  CORS_ORIGINS: {
    read: ({ corsOrigins }) => corsOrigins,
    accepted: [
      ['https://one.test, http://localhost:3000,', ['https://one.test', 'http://localhost:3000']],
      ['https://[::1]:8443', ['https://[::1]:8443']],
      [' ', []],
    ],
    refused: [
      '*',
      'null',
      'https://*.example.com',
      'https://one.test/',
      'https://one.test:443',
      'https://One.Test',
      'https://例え.jp',
      'one.test',
      'ftp://one.test',
      'https://user:hunter2@one.test',
      'https://one.test https://two.test',
    ],
  },
  TRUST_PROXY: {
    read: ({ trustedProxies }) => trustedProxies,
    accepted: [
      ['10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
      ['10.0.0.1/32,2001:db8::/32,::ffff:10.0.0.0/104', ['10.0.0.1/32', '2001:db8::/32', '::ffff:10.0.0.0/104']],
    ],
    refused: [
      'true',
      '1',
      '*',
      'loopback',
      'proxy.test',
      '0.0.0.0/0',
      '::/0',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/08',
      '10.0.0.0/',
      '10.0.0.0/255.0.0.0',
      'fe80::1%eth0',
      '10.0.0',
    ],
  },
  WEBHOOK_ALLOW_PRIVATE: {
    read: ({ webhookAllowPrivate }) => webhookAllowPrivate,
    accepted: [
      ['10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
      ['127.0.0.1,fd00::/8,::ffff:10.0.0.0/104', ['127.0.0.1', 'fd00::/8', '::ffff:10.0.0.0/104']],
    ],
    refused: ['true', '*', 'private', 'receiver.test', '0.0.0.0/0', '::/0', '10.0.0.0/33', '10.0.0.0/', 'fe80::1%eth0', '10.1', '0x7f.1'],
  },
  MAX_STREAMS: integer(({ streamLimits }) => streamLimits.all, 1, 1_000_000),
  MAX_STREAMS_PER_TREE: integer(({ streamLimits }) => streamLimits.perTree, 1, 1_000_000),
  WEBHOOK_ATTEMPT_DAYS: integer(({ webhookAttemptDays }) => webhookAttemptDays, 1, 3650),
  SIGN_IN_FAILURES_PER_ACCOUNT: integer(({ signInLimits }) => signInLimits.perAccount, 1, 1_000_000),
  SIGN_IN_FAILURES_PER_ADDRESS: integer(({ signInLimits }) => signInLimits.perAddress, 1, 1_000_000),
  SIGN_IN_FAILURES_SECONDS: integer(({ signInLimits }) => signInLimits.windowSeconds, 1, 86_400),
  SUBRESOURCE_UPSTREAMS: {
    read: ({ upstreams }) => (upstreams.size === 0 ? undefined : [...upstreams]),
    accepted: [
      ['{}', undefined],
      [
        '{"Calls": {"url": "http://voice:8080/restcomm/"}, "*": {"url": "HTTPS://Other.Test", "secret": "0123456789abcdef012345", "removal": false}}',
        [
          ['Calls', { url: 'http://voice:8080/restcomm', secret: undefined, authorization: undefined, removal: undefined }],
          ['*', { url: 'https://other.test', secret: '0123456789abcdef012345', authorization: undefined, removal: false }],
        ],
      ],
      [
        '{"Usage/Records": {"url": "http://[::1]:1", "authorization": "Basic eDp5", "removal": {"url": "http://host/removals"}}}',
        [
          [
            'Usage/Records',
            { url: 'http://[::1]:1', secret: undefined, authorization: 'Basic eDp5', removal: { url: 'http://host/removals' } },
          ],
        ],
      ],
    ],
    refused: [
      '[]',
      'null',
      '"Calls"',
      '{"Calls": "http://voice"}',
      '{"Calls": {}}',
      '{"Calls": {"url": 1}}',
      '{"Calls": {"url": "voice:8080"}}',
      '{"Calls": {"url": "ftp://voice"}}',
      '{"Calls": {"url": "http://user:hunter2@voice"}}',
      '{"Calls": {"url": "http://voice?x=hunter2"}}',
      '{"Calls": {"url": "http://voice#hunter2"}}',
      '{"Calls": {"url": "http://voice", "uri": "x"}}',
      '{"Calls": {"url": "http://voice", "secret": "hunter2"}}',
      '{"Calls": {"url": "http://voice", "secret": 1}}',
      '{"Calls": {"url": "http://voice", "authorization": "a\\r\\nhunter2"}}',
      '{"Calls": {"url": "http://voice", "authorization": ""}}',
      '{"Calls": {"url": "http://voice", "removal": "yes"}}',
      '{"Calls": {"url": "http://voice", "removal": {"url": "hunter2"}}}',
      '{"Calls": {"url": "http://voice", "removal": {"url": "http://voice", "more": 1}}}',
      '{"calls": {"url": "http://voice"}}',
      '{"SMS": {"url": "http://voice"}, "sMS": {"url": "http://voice"}}',
      '{"SMS/Messages/Archive": {"url": "http://voice"}}',
      '{"Calls/Recordings": {"url": "http://voice"}}',
      '{"Applications": {"url": "http://voice"}, "Applications/Numbers": {"url": "http://voice"}}',
      '{"Accounts": {"url": "http://voice"}}',
      '{"": {"url": "http://voice"}}',
      '{"A b": {"url": "http://voice"}}',
      '{"Usage/": {"url": "http://voice"}}',
      '{"Calls.json": {"url": "http://voice"}}',
    ],
  },
  UPSTREAM_CONNECT_TIMEOUT_SECONDS: integer(({ upstreamTimeouts }) => upstreamTimeouts.connect, 1, 60, 1000),
  UPSTREAM_ANSWER_TIMEOUT_SECONDS: integer(({ upstreamTimeouts }) => upstreamTimeouts.answer, 1, 3600, 1000),
  UPSTREAM_SILENCE_TIMEOUT_SECONDS: integer(({ upstreamTimeouts }) => upstreamTimeouts.silence, 1, 3600, 1000),
  UPSTREAM_MAX_REQUESTS: integer(({ upstreamLimits }) => upstreamLimits.perUpstream, 1, 100_000),
  UPSTREAM_MAX_REQUESTS_PER_ACCOUNT: integer(({ upstreamLimits }) => upstreamLimits.perAccount, 1, 100_000),
  ACCOUNT_COST_PER_MINUTE: integer(({ accountCostPerMinute }) => accountCostPerMinute, 1000, 1_000_000_000),
  MAX_REQUESTS: integer(({ limits }) => limits.atOnce, 1, 100_000),
  MAX_BODY_BYTES: integer(({ limits }) => limits.bodyBytes, 1024, 16_777_216),
  MAX_QUERY_LENGTH: integer(({ limits }) => limits.length, 1024, 16_777_216),
  MAX_QUERY_TOKENS: integer(({ limits }) => limits.tokens, 100, 20_000),
  MAX_QUERY_DEPTH: integer(({ limits }) => limits.depth, 5, 200),
  MAX_QUERY_ALIASES: integer(({ limits }) => limits.aliases, 0, 1000),
  MAX_QUERY_DIRECTIVES: integer(({ limits }) => limits.directives, 0, 1000),
  MAX_QUERY_FRAGMENTS: integer(({ limits }) => limits.fragments, 0, 1000),
  MAX_QUERY_REPETITION: integer(({ limits }) => limits.repetition, 1, 1000),
  MAX_QUERY_VARIABLES: integer(({ limits }) => limits.variables, 100, 100_000),
  MAX_QUERY_COST: integer(({ limits }) => limits.cost, 100, 10_000_000),
};

/** What else a variable needs to be read. */
const around = (name: string): Record<string, string> => ({
  CREDENTIALS_KEY: key,
  // The one port is no longer free once the other one is set to it.
  ...(name === 'PORT' ? { METRICS_PORT: '9000' } : { PORT: '9000' }),
  ...(name === 'OTEL_SDK_DISABLED' && { OTEL_TRACES_EXPORTER: 'otlp' }),
  ...(name === 'DATABASE_REPLICA_URL' && { DATABASE_URL: 'postgresql://primary/database' }),
});

function mistakesIn(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    return (error as ConfigError).mistakes;
  }
}

it('the table has every variable that is read', () => {
  const source = readFileSync(join(import.meta.dirname, '../../src/config.ts'), 'utf8');
  const read = [...source.matchAll(/reader\.\w+\('([A-Z_]+)'/g)].map(([, name]) => name);
  expect([...new Set(read)].toSorted()).toEqual(Object.keys(values).toSorted());
});

describe('the documentation', () => {
  const documented = documentedSettings();
  /** What a variable comes to where the documentation names no value; nothing for all others. */
  const withoutValue: Record<string, unknown> = {
    DEFAULT_PROFILE_FILE: defaultDocument,
    CORS_ORIGINS: [],
    TRUST_PROXY: [],
    WEBHOOK_ALLOW_PRIVATE: [],
  };

  it('lists every variable, each once', () => {
    expect(documented.map(({ name }) => name).toSorted()).toEqual(Object.keys(values).toSorted());
  });

  it.each(documented)('has the default of $name as it is', ({ name, byDefault }) => {
    if (byDefault === undefined) expect(values[name]!.read(readConfig({}))).toEqual(withoutValue[name]);
    else expect(readConfig({ [name]: byDefault })).toEqual(readConfig({}));
  });

  it.each([
    ['GRAPHIQL', 'graphiql'],
    ['CONSOLE', 'console'],
  ] as const)('says of %s, whose default depends on NODE_ENV, what it is in production', (name, setting) => {
    expect(documented.find((setting) => setting.name === name)!.meaning).toMatch(/production.* `false`/);
    expect([readConfig({})[setting], readConfig({ NODE_ENV: 'production' })[setting]]).toEqual([true, false]);
  });
});

describe.each(Object.entries(values))('%s', (name, { read, accepted, refused }) => {
  it('is read as a person means it, and all that is read can be used', () => {
    for (const [value, expected] of accepted) {
      const config = readConfig({ ...around(name), [name]: value });
      expect(read(config), value).toEqual(expected);
      expect(() => usedBy(config), value).not.toThrow();
    }
  });

  it('is refused, where it means nothing, in one sentence that shows no password', () => {
    for (const value of refused) {
      const mistakes = mistakesIn({ ...around(name), [name]: value });
      expect(mistakes, value).toEqual([expect.stringMatching(new RegExp(`^${name} [^\\n]*\\.$`))]);
      expect(mistakes.join(), value).not.toContain('hunter2');
    }
  });

  it('counts as not set when it is empty', () => {
    expect(readConfig({ ...around(name), [name]: '' })).toEqual(
      readConfig(Object.fromEntries(Object.entries(around(name)).filter(([other]) => other !== name))),
    );
  });
});

/** What the parts make of it that could refuse what was read. */
function usedBy({ trustedProxies, publicUrl, corsOrigins, limits, webhookAllowPrivate }: Config): void {
  const log = pino({ level: 'silent' });
  createHttpServer({
    log,
    bodyBytes: limits.bodyBytes,
    trustedProxies,
    publicUrl,
    canonicalUrl: (url) => url,
    bodyMilliseconds: 30_000,
    unreadMilliseconds: 60_000,
    observe: () => {},
  });
  new AddressRules(webhookAllowPrivate);
  for (const value of [publicUrl ?? '', ...corsOrigins]) new Headers({ link: `<${value}>` });
}
