import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { DataSource } from 'typeorm';
import { createDataSource } from './persistence/connection/data-source.js';
import { allowOrigins, refuseCrossSiteWrites } from './api/http/cross-site.js';
import { explorer } from './api/graphql/explorer.js';
import { createSchema } from './api/graphql/schema.js';
import { graphqlApi } from './api/graphql/server.js';
import { errorPage } from './api/http/error-page.js';
import { health, refuseUntil } from './api/http/health.js';
import { createHttpServer } from './api/http/server.js';
import { CostBudgets, costOfMillisecond } from './api/http/cost-budget.js';
import { limitRequests } from './api/http/concurrency-limit.js';
import type { Services } from './api/services.js';
import { canonicalUrl } from './api/rest/path.js';
import { reference } from './api/rest/reference.js';
import { restApi } from './api/rest/rest-api.js';
import { listening } from './listening-address.js';
import { type Config, ConfigError } from './config.js';
import { Metrics, MetricsServer } from './metrics.js';
import { type Refusal, kinds } from './persistence/connection/admission.js';
import { openDatabase } from './persistence/schema/database-check.js';
import { Database, type DatabaseBounds } from './persistence/connection/database.js';
import { poolNumbers } from './persistence/connection/driver.js';
import { assertLocksExclude } from './persistence/schema/lock-check.js';
import { migrate } from './persistence/schema/migrate.js';
import { Replica } from './persistence/connection/replica.js';
import { AccountMigration } from './service/account-migration.js';
import { AccountQueries } from './service/account-queries.js';
import { AccountService } from './service/account-service.js';
import { AccountStatusService } from './service/account-status.js';
import { AuditedTransactions } from './service/audited-transaction.js';
import { AuthTokenQueries } from './service/auth-token-queries.js';
import { CredentialService } from './service/credential-service.js';
import { EmailConflicts } from './service/email-conflicts.js';
import { ensureDefaultProfile, ensureRoot, hasRightKey, hasRoot, hasRootOtherPassword } from './service/bootstrap.js';
import { HistoryService } from './service/history-service.js';
import { OrganizationService } from './service/organization-service.js';
import { type PasswordCost, Passwords } from './service/passwords.js';
import { ProfileQueries } from './service/profile-queries.js';
import { ProfileService } from './service/profile-service.js';
import { Secrets } from './service/secrets.js';
import { SignIn } from './service/sign-in.js';
import { SignInLimit } from './service/sign-in-limit.js';
import { SubresourceAccess } from './service/subresource-access.js';

export interface AppOptions {
  config: Config;
  databaseUrl: string;
  /** The first one writes, all of them read. */
  credentialsKeys: readonly Buffer[];
  /** Where they come from, for the sentence that says that they are the wrong ones. */
  credentialsKeysFrom?: string;
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
  budgets: CostBudgets;
  /** The names of the migrations that were run at the start. */
  migrated: readonly string[];
  /** Makes the Super Admin, unless there is one, or another program does that. */
  prepare(): Promise<void>;
  /** Opens the port of the API alone, then prepares; tells the URL. */
  open(): Promise<string>;
}

/** The composition root: makes every part and hands each what it works with. @throws ConfigError, UnfitDatabaseError */
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
  const pending = await openDatabase(dataSource, { migrates: config.migrateOnStart, rights: 'all' });
  try {
    await assertLocksExclude(dataSource);
    // Where there is nothing to do, no right to change tables is needed.
    const migrated = config.migrateOnStart && pending.length > 0 ? await migrate(dataSource) : [];
    if (migrated.length > 0) log.info({ migrations: migrated }, 'migrations have run');
    if (pending.length > 0 && !config.migrateOnStart) {
      log.warn({ migrations: pending }, 'migrations have not run; nothing is answered before "npm run migrate" has run them');
    }
    return await compose(options, dataSource, migrated);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

async function compose(options: AppOptions, dataSource: DataSource, migrated: readonly string[]): Promise<App> {
  const { config, log, credentialsKeys, announcePassword, passwordCost } = options;
  const metrics = new Metrics();
  const budgets = new CostBudgets({
    costPerMinute: config.accountCostPerMinute,
    observe: {
      cost: (surface, cost) => metrics.observeCost(surface, cost),
      refusal: (surface, code) => metrics.countRefusal(surface, code),
    },
  });
  const bounds: DatabaseBounds = {
    ...config,
    onRefused: (reason: Refusal) => metrics.countOverload(reason),
    onUsed: (payer, milliseconds) => budgets.charge(payer, milliseconds * costOfMillisecond),
  };
  const replica = config.replicaUrl === undefined ? undefined : replicaAt(config.replicaUrl, config, bounds, log);
  const database = new Database(dataSource, bounds, replica);
  const secrets = new Secrets(credentialsKeys, config.authTokenScheme);
  const transactions = new AuditedTransactions(database, secrets);
  const limit = new SignInLimit(database, secrets, config.signInLimits);
  const passwords = new Passwords(passwordCost, {
    onHash: (payer, milliseconds) => budgets.charge(payer, milliseconds * costOfMillisecond),
  });
  const credentials = new CredentialService(database, transactions, secrets, passwords, limit);
  const signIn = new SignIn(database, secrets, passwords, limit, (reason) => metrics.countRefusedSignIn(reason));

  // A wrong key would refuse every AuthToken; better to refuse the start.
  const isMigrated = await database.isReady();
  if (isMigrated && !(await hasRightKey(database, secrets))) {
    const from = options.credentialsKeysFrom ?? 'CREDENTIALS_KEY';
    throw new ConfigError([`${from} is not the key that the AuthTokens in this database were encrypted with. Restore the right one.`]);
  }
  // Where others migrate, they make the Super Admin too.
  const { adminEmail: emailAddress, adminPassword: password } = config;
  let isPrepared = !config.migrateOnStart || (await hasRoot(database));
  if (isMigrated && password !== undefined && (await hasRootOtherPassword(database, passwords, password))) {
    log.warn('ADMIN_PASSWORD is ignored: the Super Admin exists already, and has another password');
  }
  const prepare = async (): Promise<void> => {
    const announce = (generated: string): void => announcePassword(emailAddress, generated);
    if (!isPrepared) await ensureRoot(database, transactions, credentials, { emailAddress, password, announce });
    if (config.migrateOnStart) await ensureDefaultProfile(database, transactions, config.defaultProfile);
    isPrepared = true;
  };

  metrics.watchQueue(kinds, (kind) => database.waiting(kind));
  metrics.watchPool('primary', () => poolNumbers(dataSource));
  if (replica !== undefined) {
    metrics.watchPool('replica', () => replica.dataSource && poolNumbers(replica.dataSource));
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
  // First, so that a page of these origins can read whatever refuses it too.
  if (config.corsOrigins.length > 0) await allowOrigins(server, config.corsOrigins);
  refuseUntil(server, () => isPrepared);
  limitRequests(server, config.limits.atOnce, () => metrics.countOverload('requests'));
  refuseCrossSiteWrites(server, config.corsOrigins, config.publicUrl);
  health(server, async () => isPrepared && database.isReady());
  const services: Services = {
    authentication: metrics.timed('credentials', signIn),
    accounts: metrics.timed(
      'accounts',
      new AccountService(transactions, credentials, new EmailConflicts(database, transactions), config.maxLevels),
    ),
    accountStatus: metrics.timed('accounts', new AccountStatusService(transactions)),
    accountQueries: metrics.timed('accountQueries', new AccountQueries(database, secrets)),
    migration: metrics.timed('migration', new AccountMigration(transactions)),
    organizations: metrics.timed('organizations', new OrganizationService(database, transactions)),
    credentials: metrics.timed('credentials', credentials),
    authTokens: metrics.timed('credentials', new AuthTokenQueries(database, transactions, secrets)),
    profiles: metrics.timed('profiles', new ProfileService(transactions)),
    profileQueries: metrics.timed('profiles', new ProfileQueries(database)),
    history: metrics.timed('history', new HistoryService(database)),
    subresources: metrics.timed('subresources', new SubresourceAccess(database)),
  };
  reference(server);
  errorPage(server);
  await restApi(server, { services, publicUrl: config.publicUrl, authTokensInLists: config.authTokensInLists, budgets });
  await graphqlApi(server, {
    schema: createSchema(),
    services,
    limits: config.limits,
    introspection: config.graphiql || !config.production,
    suggestions: !config.production,
    observeBatch: (loader, size) => metrics.observeBatch(loader, size),
    observeAnswer: (by) => metrics.countAnswer(by),
    budgets,
  });
  if (config.graphiql) await explorer(server);

  const metricsServer = new MetricsServer(() => metrics.text());
  const open = async (): Promise<string> => {
    const url = await listening(server.listen({ port: config.port, host: config.host }), config.host, 'PORT');
    replica?.follow(database);
    await prepare();
    return url;
  };
  return {
    server,
    dataSource,
    metrics,
    budgets,
    migrated,
    prepare,
    open,
    async listen() {
      const metricsUrl = await metricsServer.listen(config);
      return { url: await open(), metricsUrl };
    },
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
