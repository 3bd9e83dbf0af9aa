import { isIP } from 'node:net';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEmailAddress } from './domain/account.js';
import { defaultDocument, parseDocument } from './domain/profile.js';
import type { SignInLimits } from './domain/sign-in-limit.js';
import { type AuthTokenScheme, authTokenSchemes } from './domain/credentials.js';
import { assertStrongPassword } from './domain/password-policy.js';

/** All that the environment decides, checked (SPEC §8). */
export interface Config {
  /** 0 lets the system choose a free port. */
  readonly port: number;
  /** An address, of IPv6 without brackets, or a name. */
  readonly host: string;
  readonly metricsPort: number;
  /** The processes that serve. */
  readonly workers: number;
  /** Where users reach the gateway: for messages, and for the links in answers. Fit for a header, and without a slash at its end. */
  readonly publicUrl: string | undefined;
  /** A PostgreSQL server; without one, an embedded PostgreSQL keeps its files in `dataDirectory`. */
  readonly databaseUrl: string | undefined;
  /** A streaming replica of it, for reads that may be late. */
  readonly replicaUrl: string | undefined;
  /** How far behind the replica may be and still be read. */
  readonly replicaMaxLagSeconds: number;
  readonly dataDirectory: string;
  /** Connections of one worker at most. */
  readonly poolSize: number;
  /** How many look-ups, how many other reads, and how many changes wait for a connection at most, in one worker. */
  readonly queueSize: number;
  /** How long may take, in milliseconds: a read, a change, all that a change waits for locks. */
  readonly readMilliseconds: number;
  readonly changeMilliseconds: number;
  readonly lockMilliseconds: number;
  readonly migrateOnStart: boolean;
  /** Each of 32 bytes. The first one writes, all of them read; without any, a key is generated into `dataDirectory`. */
  readonly credentialsKeys: readonly Buffer[] | undefined;
  /** How AuthTokens are made (SPEC §5). */
  readonly authTokenScheme: AuthTokenScheme;
  /** Whether lists of accounts by REST show AuthTokens to whoever may read them. */
  readonly authTokensInLists: boolean;
  /** The document of the default profile. */
  readonly defaultProfile: string;
  readonly adminEmail: string;
  /** The Super Admin's first password; without it, one is generated. */
  readonly adminPassword: string | undefined;
  readonly maxLevels: number;
  readonly limits: RequestLimits;
  /** What a tree may use up in a minute, in each worker; one of its accounts half of it (SPEC §10). In points, see api/http/cost-budget.ts. */
  readonly accountCostPerMinute: number;
  readonly signInLimits: SignInLimits;
  /** Reverse proxies that are believed whom they forward for: addresses and ranges of them. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: string;
  readonly production: boolean;
  readonly graphiql: boolean;
  /** Origins whose pages may call the API from a browser. */
  readonly corsOrigins: readonly string[];
  /** How long an answer may wait for a client that reads nothing of it, in milliseconds. */
  readonly unreadMilliseconds: number;
  /** How long running requests may take after SIGTERM, in milliseconds. */
  readonly drainMilliseconds: number;
}

/** What one request may ask for. */
export interface RequestLimits {
  /** Requests that run at once, in one worker. */
  readonly atOnce: number;
  /** Of the body, in bytes. */
  readonly bodyBytes: number;
  /** Of a GraphQL document, without its variables: in characters, and in tokens. */
  readonly length: number;
  readonly tokens: number;
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  readonly fragments: number;
  /** How often one field of the answer may be selected. */
  readonly repetition: number;
  /** Values in the variables, inside lists and inputs. */
  readonly variables: number;
  /** What the operation can cost: about the objects that the answer can have. */
  readonly cost: number;
}

/** What is wrong with the environment: one sentence for each mistake. */
export class ConfigError extends Error {
  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join('\n'));
  }
}

/** The exit code of a process that was configured wrongly: EX_CONFIG of sysexits. */
export const exitCodeOfMistake = 78;

type Environment = Readonly<Record<string, string | undefined>>;

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

const environments = ['production', 'development', 'test'];

/**
 * Each value is parsed here, once, and used as it was parsed.
 * @param needsKey whether the program reads or makes AuthTokens
 * @throws ConfigError
 */
export function readConfig(environment: Environment = process.env, { needsKey = true } = {}): Config {
  const mistakes: string[] = [];
  const reader = new Reader(environment, mistakes);
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
    // Each worker needs one to read, one to change, one to ask whether the database answers.
    poolSize: Math.floor(reader.integer('DATABASE_POOL_SIZE', 10 * workers, 3 * workers, 1000) / workers),
    queueSize: reader.integer('DATABASE_QUEUE_SIZE', 1000, 1, 100_000),
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
    accountCostPerMinute: reader.integer('ACCOUNT_COST_PER_MINUTE', 3_000_000, 1000, 1_000_000_000),
    signInLimits: {
      perAccount: reader.integer('SIGN_IN_FAILURES_PER_ACCOUNT', 10, 1, 1_000_000),
      perAddress: reader.integer('SIGN_IN_FAILURES_PER_ADDRESS', 100, 1, 1_000_000),
      windowSeconds: reader.integer('SIGN_IN_FAILURES_SECONDS', 900, 1, 86_400),
    },
    trustedProxies: reader.addresses('TRUST_PROXY'),
    logLevel: reader.oneOf('LOG_LEVEL', 'info', logLevels),
    production,
    graphiql: reader.boolean('GRAPHIQL', !production),
    corsOrigins: reader.origins('CORS_ORIGINS'),
    unreadMilliseconds: 60_000,
    drainMilliseconds: reader.integer('DRAIN_SECONDS', 20, 1, 3600) * 1000,
  };
  if (config.port !== 0 && config.port === config.metricsPort) {
    mistakes.push(`PORT and METRICS_PORT must differ; both are ${config.port}.`);
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return Object.freeze(config);
}

/** Reads single variables, and collects what is wrong with them. A variable that is set but empty counts as not set. */
class Reader {
  constructor(
    private readonly environment: Environment,
    private readonly mistakes: string[],
  ) {}

  text(name: string): string | undefined {
    return this.environment[name] || undefined;
  }

  integer(name: string, otherwise: number, min: number, max: number): number {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    return this.#mistake(`${name} must be a whole number from ${min} to ${max}, not ${shown(text)}.`, otherwise);
  }

  boolean(name: string, otherwise: boolean): boolean {
    return this.oneOf(name, String(otherwise), ['true', 'false']) === 'true';
  }

  oneOf<Value extends string>(name: string, otherwise: Value, values: readonly Value[]): Value {
    const text = this.text(name) ?? otherwise;
    const value = values.find((known) => known === text);
    return value ?? this.#mistake(`${name} must be one of ${values.join(', ')}, not ${shown(text)}.`, otherwise);
  }

  /** What stands between commas. */
  list(name: string): string[] {
    const entries = (this.text(name) ?? '').split(',').map((entry) => entry.trim());
    return entries.filter((entry) => entry !== '');
  }

  /** Origins as browsers send them. */
  origins(name: string): string[] {
    return this.list(name).filter((origin) => {
      if (isWebUrl(origin) && new URL(origin).origin === origin && !origin.includes('*')) return true;
      return this.#mistake(`${name} must be origins like https://console.company.com, separated by commas, not ${shown(origin)}.`, false);
    });
  }

  /** IP addresses, and ranges of them in CIDR notation; none of everybody, who could then pretend to come from anywhere. */
  addresses(name: string): string[] {
    return this.list(name).filter(
      (entry) =>
        isAddressRange(entry) ||
        this.#mistake(`${name} must be addresses or ranges like 10.0.0.0/8, separated by commas, not ${shown(entry)}.`, false),
    );
  }

  /** An address of this machine, or a name of it; as in a URL, IPv6 may have brackets. */
  host(name: string, otherwise: string): string {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    const address = text.replace(/^\[(.*)\]$/, '$1');
    if (isIP(address) !== 0 && (address === text || isIP(address) === 6)) return address;
    // What has digits and dots alone is an address that is none.
    if (!/^[\d.]+$/.test(text) && text.split('.').every((label) => /^[a-z\d_][a-z\d_-]{0,62}$/i.test(label))) return text;
    return this.#mistake(`${name} must be an IP address or a host name like 0.0.0.0, ::1 or localhost, not ${shown(text)}.`, otherwise);
  }

  /** As an ASCII text without a slash at its end: names of other scripts, and signs that a header cannot have, are written as URLs write them. */
  webUrl(name: string): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const url = isWebUrl(text) ? new URL(text) : undefined;
    const isPlain = url !== undefined && url.username === '' && url.password === '' && !/[?#\s]/.test(text);
    if (isPlain) return (url.origin + url.pathname).replace(/\/+$/, '');
    return this.#mistake(`${name} must be an http or https URL without user, query and fragment, not ${shown(text)}.`, undefined);
  }

  /** The value is not repeated in the mistake: it holds a password. */
  databaseUrl(name: string): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const fault = /^postgres(?:ql)?:\/\/\S+$/.test(text) ? faultOfDatabaseUrl(text) : '';
    if (fault === undefined) return text;
    return this.#mistake(`${name} must be a URL like postgresql://user:password@host:5432/database${fault}.`, undefined);
  }

  /** A value that a rule of the domain decides on. */
  checked(name: string, rule: (text: string) => string): string | undefined {
    const text = this.text(name);
    try {
      return text === undefined ? undefined : rule(text);
    } catch (error) {
      return this.#mistake(`${name} is refused: ${(error as Error).message}`, undefined);
    }
  }

  keys(name: string): Buffer[] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const sentence = `${name} must be 32 bytes, as 64 hexadecimal digits or as base64; or several of them, separated by commas.`;
    const keys = parseKeys(text);
    if (keys === undefined) return this.#mistake(sentence, undefined);
    if (new Set(keys.map((key) => key.toString('hex'))).size === keys.length) return keys;
    return this.#mistake(`${name} lists a key twice.`, undefined);
  }

  #mistake<Value>(sentence: string, instead: Value): Value {
    this.mistakes.push(sentence);
    return instead;
  }
}

/** As the driver knows them. */
const tlsModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** What is wrong with the URL of a database, without repeating any of it; nothing when the driver understands it all. */
function faultOfDatabaseUrl(text: string): string | undefined {
  try {
    decodeURIComponent(new URL(text).href);
  } catch {
    return '';
  }
  const { port, searchParams } = new URL(text);
  const ports = [port, ...searchParams.getAll('port')].filter((one) => one !== '');
  if (ports.some((one) => !/^\d+$/.test(one) || Number(one) < 1 || Number(one) > 65_535)) return ', with a port from 1 to 65535';
  if (searchParams.getAll('sslmode').some((mode) => !tlsModes.includes(mode))) return `, with an sslmode of ${tlsModes.join(', ')}`;
  return undefined;
}

/** A value in a sentence, on one line; what stands before the @ of a URL may be a password. */
function shown(text: string): string {
  return JSON.stringify(text.replace(/\/\/.*@/s, '//…@'));
}

/** Whether the text is a URL of http or https. */
function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Whether the text is an IP address, or a range as 10.0.0.0/8. */
function isAddressRange(text: string): boolean {
  const [, address = '', prefix] = /^([^/%]*)(?:\/([1-9]\d{0,2}))?$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && (prefix === undefined || Number(prefix) <= (version === 4 ? 32 : 128));
}

/** The keys that the text lists, separated by commas or line ends; nothing when one of them is none. */
export function parseKeys(text: string): Buffer[] | undefined {
  const keys = text
    .trim()
    .split(/\s*[,\n]\s*/)
    .map(parseKey);
  return keys.every((key) => key !== undefined) ? keys : undefined;
}

/** The 32 bytes that the text stands for, in hexadecimal or base64. */
function parseKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/** The text of a file. @throws Error that says in a sentence why there is none */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`the file ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`, { cause: error });
  }
}
