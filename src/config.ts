import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEmailAddress } from './domain/account.js';
import { defaultDocument, parseDocument } from './domain/profile.js';
import type { SignInLimits } from './domain/sign-in-limit.js';
import type { StreamLimits } from './api/graphql/stream-places.js';
import { type AuthTokenScheme, authTokenSchemes } from './domain/credentials.js';
import { assertStrongPassword } from './domain/password-policy.js';
import { type Environment, EnvironmentReader } from './environment-reader.js';
import type { PlacesLimits } from './subresources/places.js';
import type { UpstreamTimeouts } from './subresources/upstream.js';
import type { SpanDestination } from './tracing/tracer.js';
import { type UpstreamsSettings, parseUpstreams } from './subresources/upstream-settings.js';

/** The settings from the environment, validated (SPEC §8). */
export interface Config {
  /** 0 lets the system choose a free port. */
  readonly port: number;
  /** An IP address, without brackets, or a host name. */
  readonly host: string;
  readonly metricsPort: number;
  /** How many processes serve. */
  readonly workers: number;
  /** Where users reach the gateway, for messages and for links in answers. ASCII, without a slash at its end. */
  readonly publicUrl: string | undefined;
  /** A PostgreSQL server. Without one, an embedded PostgreSQL keeps its files in `dataDirectory`. */
  readonly databaseUrl: string | undefined;
  /** A streaming replica of that server, for reads that may be stale. */
  readonly replicaUrl: string | undefined;
  /** How far behind the replica may be to still be read. */
  readonly replicaMaxLagSeconds: number;
  readonly dataDirectory: string;
  /** Connections of one worker, at most. */
  readonly poolSize: number;
  /** How many look-ups, other reads and changes may each wait for a connection, in one worker. */
  readonly queueSize: number;
  /** How long work waits for a connection, in milliseconds. */
  readonly queueMilliseconds: number;
  /** Time limits, in milliseconds: of a read, of a change, and of a change's waits for locks in total. */
  readonly readMilliseconds: number;
  readonly changeMilliseconds: number;
  readonly lockMilliseconds: number;
  readonly migrateOnStart: boolean;
  /** Keys of 32 bytes. The first one encrypts, all of them decrypt. Without any, a key is generated in `dataDirectory`. */
  readonly credentialsKeys: readonly Buffer[] | undefined;
  /** How AuthTokens are generated (SPEC §5). */
  readonly authTokenScheme: AuthTokenScheme;
  /** Whether REST lists of accounts include AuthTokens for callers who may read them. */
  readonly authTokensInLists: boolean;
  /** The document of the default profile. */
  readonly defaultProfile: string;
  readonly adminEmail: string;
  /** The Super Admin's first password; without it, one is generated. */
  readonly adminPassword: string | undefined;
  readonly maxLevels: number;
  readonly limits: RequestLimits;
  /** The services behind the subresources, by subresource (SPEC §6). */
  readonly upstreams: UpstreamsSettings;
  readonly upstreamTimeouts: UpstreamTimeouts;
  readonly upstreamLimits: PlacesLimits;
  /** Streams of events that are open at once, in each worker. */
  readonly streamLimits: StreamLimits;
  /** Addresses and ranges that webhooks may be sent to although they are not public, by plain http too (SPEC §7). */
  readonly webhookAllowPrivate: readonly string[];
  /** After how many days it is forgotten what came of a delivery. */
  readonly webhookAttemptDays: number;
  /** How many points a tree may use in a minute, in each worker; one of its accounts, half (SPEC §10). See api/http/cost-budget.ts. */
  readonly accountCostPerMinute: number;
  readonly signInLimits: SignInLimits;
  /** Addresses and ranges of reverse proxies whose `X-Forwarded-*` headers are trusted. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: string;
  /** Where spans of traces are sent; nowhere where it is undefined. */
  readonly spans: SpanDestination | undefined;
  readonly production: boolean;
  readonly graphiql: boolean;
  readonly console: boolean;
  /** The share of planned GraphQL answers that is compared with the executor's: 0 for none, 1 for all. */
  readonly planShadowShare: number;
  /** Origins whose pages may call the API from a browser (CORS). */
  readonly corsOrigins: readonly string[];
  /** How long an answer may wait for a client that does not read it, in milliseconds. */
  readonly unreadMilliseconds: number;
  /** How long a body may take to arrive, in milliseconds; one that is passed on, how long its client may be silent. */
  readonly bodyMilliseconds: number;
  /** How long running requests have to finish after SIGTERM, in milliseconds. */
  readonly drainMilliseconds: number;
}

/** Limits on one request. */
export interface RequestLimits {
  /** Requests that run at the same time, in one worker. */
  readonly atOnce: number;
  /** Size of the body, in bytes. */
  readonly bodyBytes: number;
  /** Length of a GraphQL document, without its variables: in characters and in tokens. */
  readonly length: number;
  readonly tokens: number;
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  readonly fragments: number;
  /** How often the same field of the answer may be selected. */
  readonly repetition: number;
  /** Values in the variables, counted inside lists and inputs too. */
  readonly variables: number;
  /** Estimated cost of an operation: about the number of objects that its answer can have. */
  readonly cost: number;
}

/** The configuration, or a command line, is wrong: one sentence for each mistake. */
export class ConfigError extends Error {
  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join('\n'));
  }
}

/** The exit code for a wrong configuration: EX_CONFIG in sysexits.h. */
export const configExitCode = 78;

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

const environments = ['production', 'development', 'test'];

/**
 * Reads the settings from the environment. Nothing else in the program does.
 * @param needsKey whether the program reads or makes AuthTokens
 * @throws ConfigError
 */
export function readConfig(environment: Environment = process.env, { needsKey = true } = {}): Config {
  const { config, mistakes } = examineConfig(environment, { needsKey });
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return config;
}

/** Reads the settings, and says what is wrong with them; a setting that is wrong has its default. */
export function examineConfig(
  environment: Environment = process.env,
  { needsKey = true } = {},
): { config: Config; mistakes: readonly string[] } {
  const mistakes: string[] = [];
  const reader = new EnvironmentReader(environment, mistakes);
  const workers = reader.integer('WORKERS', 1, 1, 64);
  const production = reader.oneOf('NODE_ENV', 'development', environments) === 'production';
  const databaseUrl = reader.databaseUrl('DATABASE_URL');
  const replicaUrl = reader.databaseUrl('DATABASE_REPLICA_URL');
  if (replicaUrl !== undefined && reader.text('DATABASE_URL') === undefined) {
    mistakes.push('DATABASE_REPLICA_URL needs DATABASE_URL: the embedded database has no replica.');
  }
  const credentialsKeys = reader.keys('CREDENTIALS_KEY');
  if (needsKey && databaseUrl !== undefined && reader.text('CREDENTIALS_KEY') === undefined) {
    mistakes.push('CREDENTIALS_KEY is required together with DATABASE_URL; make one with: openssl rand -hex 32');
  }
  const adminEmail = reader.checked('ADMIN_EMAIL', parseEmailAddress) ?? 'administrator@company.com';
  const adminPassword = reader.checked('ADMIN_PASSWORD', (password) => {
    assertStrongPassword(password, adminEmail);
    return password;
  });
  const config: Config = {
    port: reader.integer('PORT', 4000, 0, 65_535),
    host: reader.host('HOST', '127.0.0.1'),
    metricsPort: reader.integer('METRICS_PORT', 9464, 0, 65_535),
    workers,
    publicUrl: reader.webUrl('PUBLIC_URL'),
    databaseUrl,
    replicaUrl,
    replicaMaxLagSeconds: reader.integer('DATABASE_REPLICA_MAX_LAG_SECONDS', 10, 2, 3600),
    dataDirectory: resolve(reader.text('DATA_DIR') ?? 'data'),
    // Each worker needs one connection to read, one to change, and one to check that the database answers.
    poolSize: Math.floor(reader.integer('DATABASE_POOL_SIZE', 10 * workers, 3 * workers, 1000) / workers),
    queueSize: reader.integer('DATABASE_QUEUE_SIZE', 1000, 1, 100_000),
    queueMilliseconds: 5_000,
    readMilliseconds: reader.integer('READ_TIMEOUT_SECONDS', 15, 1, 3600) * 1000,
    changeMilliseconds: reader.integer('CHANGE_TIMEOUT_SECONDS', 300, 1, 86_400) * 1000,
    lockMilliseconds: reader.integer('LOCK_TIMEOUT_SECONDS', 10, 1, 3600) * 1000,
    migrateOnStart: reader.boolean('MIGRATE_ON_START', true),
    credentialsKeys,
    authTokenScheme: reader.oneOf('AUTH_TOKEN_SCHEME', 'random', authTokenSchemes),
    authTokensInLists: reader.boolean('AUTH_TOKENS_IN_LISTS', true),
    defaultProfile: reader.checked('DEFAULT_PROFILE_FILE', (path) => parseDocument(textOf(path))) ?? defaultDocument,
    adminEmail,
    adminPassword,
    maxLevels: reader.integer('ACCOUNT_TREE_MAX_LEVELS', 10, 2, 50),
    limits: {
      atOnce: reader.integer('MAX_REQUESTS', 256, 1, 100_000),
      bodyBytes: reader.integer('MAX_BODY_BYTES', 2_097_152, 1024, 16_777_216),
      length: reader.integer('MAX_QUERY_LENGTH', 65_536, 1024, 16_777_216),
      tokens: reader.integer('MAX_QUERY_TOKENS', 2000, 100, 20_000),
      depth: reader.integer('MAX_QUERY_DEPTH', 32, 5, 200),
      aliases: reader.integer('MAX_QUERY_ALIASES', 30, 0, 1000),
      directives: reader.integer('MAX_QUERY_DIRECTIVES', 20, 0, 1000),
      fragments: reader.integer('MAX_QUERY_FRAGMENTS', 100, 0, 1000),
      repetition: reader.integer('MAX_QUERY_REPETITION', 20, 1, 1000),
      variables: reader.integer('MAX_QUERY_VARIABLES', 2000, 100, 100_000),
      cost: reader.integer('MAX_QUERY_COST', 20_000, 100, 10_000_000),
    },
    upstreams: reader.checked('SUBRESOURCE_UPSTREAMS', parseUpstreams) ?? new Map(),
    upstreamTimeouts: {
      connect: reader.integer('UPSTREAM_CONNECT_TIMEOUT_SECONDS', 5, 1, 60) * 1000,
      answer: reader.integer('UPSTREAM_ANSWER_TIMEOUT_SECONDS', 60, 1, 3600) * 1000,
      silence: reader.integer('UPSTREAM_SILENCE_TIMEOUT_SECONDS', 60, 1, 3600) * 1000,
    },
    upstreamLimits: {
      perUpstream: reader.integer('UPSTREAM_MAX_REQUESTS', 1000, 1, 100_000),
      perAccount: reader.integer('UPSTREAM_MAX_REQUESTS_PER_ACCOUNT', 100, 1, 100_000),
    },
    streamLimits: {
      all: reader.integer('MAX_STREAMS', 20_000, 1, 1_000_000),
      perTree: reader.integer('MAX_STREAMS_PER_TREE', 100, 1, 1_000_000),
    },
    webhookAllowPrivate: reader.addresses('WEBHOOK_ALLOW_PRIVATE'),
    webhookAttemptDays: reader.integer('WEBHOOK_ATTEMPT_DAYS', 30, 1, 3650),
    accountCostPerMinute: reader.integer('ACCOUNT_COST_PER_MINUTE', 3_000_000, 1000, 1_000_000_000),
    signInLimits: {
      perAccount: reader.integer('SIGN_IN_FAILURES_PER_ACCOUNT', 10, 1, 1_000_000),
      perAddress: reader.integer('SIGN_IN_FAILURES_PER_ADDRESS', 100, 1, 1_000_000),
      windowSeconds: reader.integer('SIGN_IN_FAILURES_SECONDS', 900, 1, 86_400),
    },
    trustedProxies: reader.addresses('TRUST_PROXY'),
    logLevel: reader.oneOf('LOG_LEVEL', 'info', logLevels),
    spans: spanDestination(reader),
    production,
    graphiql: reader.boolean('GRAPHIQL', !production),
    console: reader.boolean('CONSOLE', !production),
    planShadowShare: reader.share('PLAN_SHADOW_SHARE', 0),
    corsOrigins: reader.origins('CORS_ORIGINS'),
    unreadMilliseconds: 60_000,
    bodyMilliseconds: 30_000,
    drainMilliseconds: reader.integer('DRAIN_SECONDS', 20, 1, 3600) * 1000,
  };
  if (config.port !== 0 && config.port === config.metricsPort) {
    mistakes.push(`PORT and METRICS_PORT must differ; both are ${config.port}.`);
  }
  return { config: Object.freeze(config), mistakes };
}

const spanDestinations = ['otlp', 'console'] as const;

/** Whether and where spans are sent. OpenTelemetry's SDK, which is loaded if they are, reads its other variables itself. */
function spanDestination(reader: EnvironmentReader): SpanDestination | undefined {
  const isDisabled = reader.boolean('OTEL_SDK_DISABLED', false);
  const endpoints = [reader.webUrl('OTEL_EXPORTER_OTLP_ENDPOINT'), reader.webUrl('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')];
  const byDefault = endpoints.some((endpoint) => endpoint !== undefined) ? 'otlp' : 'none';
  const chosen = reader.oneOf('OTEL_TRACES_EXPORTER', byDefault, [...spanDestinations, 'none']);
  reader.oneOf('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/protobuf', ['http/protobuf']);
  return chosen === 'none' || isDisabled ? undefined : chosen;
}

/** The text of a file. @throws Error with a sentence that says why it cannot be read */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`the file ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`, { cause: error });
  }
}
