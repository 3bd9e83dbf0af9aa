import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { DataSource } from 'typeorm';
import { createDataSource } from './persistence/data-source.js';
import { allowOrigins, refuseCrossSiteWrites } from './api/cross-site.js';
import { explorer } from './api/graphql/explorer.js';
import { createSchema } from './api/graphql/schema.js';
import { graphqlApi } from './api/graphql/server.js';
import { health } from './api/health.js';
import { createHttpServer } from './api/http-server.js';
import { Metering, costOfMillisecond } from './api/metering.js';
import { limitRequests } from './api/overload.js';
import type { Services } from './api/services.js';
import { canonicalUrl } from './api/rest/path.js';
import { reference } from './api/rest/reference.js';
import { restApi } from './api/rest/rest-api.js';
import { type Config, ConfigError } from './config.js';
import { Metrics, MetricsServer, type PoolNumbers } from './metrics.js';
import { type Refusal, kinds } from './persistence/admission.js';
import { Database, type DatabaseBounds } from './persistence/database.js';
import { locksExclude } from './persistence/lock-check.js';
import { migrate } from './persistence/migrate.js';
import { Replica } from './persistence/replica.js';
import { AccountMigration } from './service/account-migration.js';
import { AccountReading } from './service/account-reading.js';
import { AccountService } from './service/account-service.js';
import { Changes } from './service/changes.js';
import { CredentialService } from './service/credential-service.js';
import { EmailConflicts } from './service/email-conflicts.js';
import { ensureRoot } from './service/first-start.js';
import { HistoryService } from './service/history-service.js';
import { OrganizationService } from './service/organization-service.js';
import { type PasswordCost, Passwords } from './service/passwords.js';
import { ProfileService } from './service/profile-service.js';
import { Secrets } from './service/secrets.js';
import { SignInLimit } from './service/sign-in-limit.js';
import { SubresourceAccess } from './service/subresource-access.js';

export interface AppOptions {
  config: Config;
  databaseUrl: string;
  /** The first one writes, all of them read. */
  credentialsKeys: readonly Buffer[];
  log: FastifyBaseLogger;
  /** Told the Super Admin's generated password, once. */
  announcePassword: (emailAddress: string, password: string) => void;
  /** Cheaper than by default in tests that make many accounts. */
  passwordCost?: PasswordCost;
}

/** What serves, in one process or in several, but does not listen yet. */
export interface Gateway {
  /** Opens the port of the API and that of the metrics. */
  listen(): Promise<{ url: string; metricsUrl: string }>;
  /** Breaks off the requests that still run. */
  cutOff(): void;
  /** Takes no more requests, finishes those that run, and lets go of the database. */
  close(): Promise<void>;
}

/** The gateway in one process, put together and connected to its database. */
export interface App extends Gateway {
  server: FastifyInstance;
  dataSource: DataSource;
  metrics: Metrics;
  metering: Metering;
  /** Opens the port of the API alone; tells its URL. */
  open(): Promise<string>;
}

/** The composition root: makes every part and hands each what it works with. @throws ConfigError */
export async function createApp(options: AppOptions): Promise<App> {
  const { config, log } = options;
  const dataSource = createDataSource({
    url: options.databaseUrl,
    poolSize: config.poolSize,
    // Not the error itself: it holds the whole connection. After `destroy` it is PostgreSQL that ends, which is no news.
    onBrokenConnection: ({ message }) => {
      if (dataSource.isInitialized) log.warn({ reason: message }, 'a database connection broke');
    },
  });
  await dataSource.initialize();
  try {
    return await compose(options, dataSource);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

async function compose({ config, log, credentialsKeys, announcePassword, passwordCost }: AppOptions, dataSource: DataSource): Promise<App> {
  const metrics = new Metrics();
  const metering = new Metering({
    costPerMinute: config.accountCostPerMinute,
    observe: {
      cost: (surface, cost) => metrics.observeCost(surface, cost),
      refusal: (surface, code) => metrics.countRefusal(surface, code),
    },
  });
  const bounds: DatabaseBounds = {
    ...config,
    onRefused: (reason: Refusal) => metrics.countOverload(reason),
    onUsed: (payer, milliseconds) => metering.charge(payer, milliseconds * costOfMillisecond),
  };
  const replica = config.replicaUrl === undefined ? undefined : replicaAt(config.replicaUrl, config, bounds, log);
  const database = new Database(dataSource, bounds, replica);
  const secrets = new Secrets(credentialsKeys, config.authTokenScheme);
  const changes = new Changes(database, secrets);
  const limit = new SignInLimit(database, secrets, config.signInLimits);
  const passwords = new Passwords(passwordCost, {
    onHash: (payer, milliseconds) => metering.charge(payer, milliseconds * costOfMillisecond),
  });
  const credentials = new CredentialService(database, changes, secrets, passwords, limit, (reason) => metrics.countRefusedSignIn(reason));

  if (!(await locksExclude(dataSource))) {
    throw new ConfigError([
      'The database does not keep advisory locks (pg_advisory_xact_lock): two sessions had the same one at once. ' +
        'Changes would not exclude each other. Use PostgreSQL 15 or later.',
    ]);
  }
  if (config.migrateOnStart) {
    await migrate(dataSource);
    await ensureRoot(database, changes, credentials, {
      emailAddress: config.adminEmail,
      password: config.adminPassword,
      announce: (password) => announcePassword(config.adminEmail, password),
    });
  }
  // A wrong key would refuse every AuthToken; better to refuse the start.
  if ((await database.isReady()) && !(await credentials.hasRightKey())) {
    throw new ConfigError(['CREDENTIALS_KEY is not the key that the AuthTokens in this database were encrypted with.']);
  }

  metrics.watchQueue(kinds, (kind) => database.waiting(kind));
  metrics.watchPool('primary', () => poolOf(dataSource));
  if (replica !== undefined) {
    metrics.watchPool('replica', () => replica.dataSource && poolOf(replica.dataSource));
    metrics.watchReplica(() => replica.isUsed);
  }

  const server = createHttpServer({
    log,
    bodyBytes: config.limits.bodyBytes,
    trustedProxies: config.trustedProxies,
    publicUrl: config.publicUrl,
    canonicalUrl,
    unreadMilliseconds: config.unreadMilliseconds,
    observe: (request, seconds) => metrics.observeRequest(request, seconds),
  });
  limitRequests(server, config.limits.atOnce, () => metrics.countOverload('requests'));
  refuseCrossSiteWrites(server, config.corsOrigins);
  if (config.corsOrigins.length > 0) await allowOrigins(server, config.corsOrigins);
  health(server, () => database.isReady());
  const services: Services = {
    accounts: metrics.timed('accounts', new AccountService(changes, credentials, new EmailConflicts(database, changes), config.maxLevels)),
    accountReading: metrics.timed('accountReading', new AccountReading(database)),
    migration: metrics.timed('migration', new AccountMigration(changes)),
    organizations: metrics.timed('organizations', new OrganizationService(database, changes)),
    credentials: metrics.timed('credentials', credentials),
    profiles: metrics.timed('profiles', new ProfileService(database, changes)),
    history: metrics.timed('history', new HistoryService(database)),
    subresources: metrics.timed('subresources', new SubresourceAccess(database)),
  };
  reference(server);
  await restApi(server, { services, publicUrl: config.publicUrl, metering });
  await graphqlApi(server, {
    schema: createSchema(),
    services,
    limits: config.limits,
    introspection: config.graphiql || !config.production,
    suggestions: !config.production,
    observeBatch: (loader, size) => metrics.observeBatch(loader, size),
    observeAnswer: (by) => metrics.countAnswer(by),
    metering,
  });
  if (config.graphiql) await explorer(server);

  const metricsServer = new MetricsServer(() => metrics.text());
  const open = (): Promise<string> => {
    replica?.follow(database);
    return server.listen({ port: config.port, host: config.host });
  };
  return {
    server,
    dataSource,
    metrics,
    metering,
    open,
    listen: async () => ({ url: await open(), metricsUrl: await metricsServer.listen(config) }),
    cutOff: () => server.server.closeAllConnections(),
    async close() {
      // A kept-alive connection becomes idle after its last answer, long after Fastify has closed those that were idle before.
      const sweep = setInterval(() => server.server.closeIdleConnections(), 100);
      await server.close().finally(() => clearInterval(sweep));
      await metricsServer.close();
      await replica?.close();
      await database.close();
    },
  };
}

/** The replica that is read where it may be late; what becomes of it is logged when it changes. */
function replicaAt(url: string, { poolSize, replicaMaxLagSeconds }: Config, bounds: DatabaseBounds, log: FastifyBaseLogger): Replica {
  return new Replica({
    connect: () => createDataSource({ url, poolSize }),
    bounds,
    maxLagSeconds: replicaMaxLagSeconds,
    onUsed: () => log.info('the replica is read'),
    onLeft: (reason) => log.warn({ reason }, 'the replica is not read for now; the primary is'),
  });
}

/** There is none before the first connection. */
function poolOf(dataSource: DataSource): PoolNumbers | undefined {
  return (dataSource.driver as unknown as { master?: PoolNumbers }).master;
}
