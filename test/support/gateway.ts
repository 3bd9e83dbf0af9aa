import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { type App, createApp } from '../../src/app.js';
import { type Config, readConfig } from '../../src/config.js';
import type { Database } from '../../src/persistence/connection/database.js';
import type { PasswordCost } from '../../src/service/passwords.js';
import type { Secrets } from '../../src/service/secrets.js';
import { SignInLimit } from '../../src/service/sign-in-limit.js';
import { type TestDatabase, cloneDatabase } from './database.js';
import { patience } from './patience.js';

/** Enough to be argon2id; the tests make thousands. */
export const cheapPasswords: PasswordCost = { memoryCost: 64, timeCost: 1, parallelism: 1 };

export const admin = { login: 'root@provider.test', secret: 'correct horse battery' };

/** A gateway that listens on a port of its own, with a database of its own. */
export interface TestGateway {
  url: string;
  metricsUrl: string;
  app: App;
  database: TestDatabase;
  /** What it logged, line by line. */
  log: string[];
  stop(): Promise<void>;
}

export interface TestGatewayOptions {
  environment?: Record<string, string>;
  config?: Partial<Config>;
  /** Another instance on the same database, with the same key. */
  database?: TestDatabase;
  credentialsKeys?: readonly Buffer[];
  passwordCost?: PasswordCost;
  /** Whether it tells webhooks and services of changes; else all its statements are those of requests. */
  deliversEvents?: boolean;
}

export const testKey = randomBytes(32);

/** Lets a service be tried as often as a test likes. */
export function unlimited(database: Database, secrets: Secrets): SignInLimit {
  return new SignInLimit(database, secrets, { perAccount: 1_000_000, perAddress: 1_000_000, windowSeconds: 60 });
}

/** Starts a gateway in this process, on real PostgreSQL and a real port. */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const database = options.database ?? (await cloneDatabase());
  const log: string[] = [];
  const environment = {
    PORT: '0',
    METRICS_PORT: '0',
    ADMIN_EMAIL: admin.login,
    ADMIN_PASSWORD: admin.secret,
    // Most tests are not about limits, and all come from one address.
    SIGN_IN_FAILURES_PER_ACCOUNT: '1000000',
    SIGN_IN_FAILURES_PER_ADDRESS: '1000000',
    ...options.environment,
  };
  const app = await createApp({
    // However busy the machine is, no request is refused because others take long.
    config: { ...readConfig(environment), queueMilliseconds: patience, ...options.config },
    databaseUrl: database.url,
    credentialsKeys: options.credentialsKeys ?? [testKey],
    log: pino({ level: 'trace' }, { write: (line: string) => void log.push(line) }),
    announcePassword: () => {},
    passwordCost: options.passwordCost ?? cheapPasswords,
    deliversEvents: options.deliversEvents ?? false,
  });
  const { url, metricsUrl } = await app.listen();
  return {
    url,
    metricsUrl,
    app,
    database,
    log,
    async stop() {
      await app.close();
      if (options.database === undefined) await database.drop();
    },
  };
}
