import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { DataSource } from 'typeorm';
import { createDataSource } from './persistence/connection/data-source.js';
import { allowOrigins, refuseCrossSiteWrites } from './api/http/cross-site.js';
import { explorer } from './api/graphql/explorer.js';
import { documentation } from './api/docs/documentation.js';
import { home } from './api/docs/home.js';
import { createSchema } from './api/graphql/schema.js';
import { graphqlApi } from './api/graphql/server.js';
import { StreamPlaces } from './api/graphql/stream-places.js';
import { webConsole } from './api/http/console.js';
import { health, refuseUntil, upstreamHealth } from './api/http/health.js';
import { createHttpServer } from './api/http/server.js';
import { CostBudgets, costOfMillisecond } from './api/http/cost-budget.js';
import { limitRequests } from './api/http/concurrency-limit.js';
import type { Services } from './api/services.js';
import { AddressRules } from './events/address-rules.js';
import { WebhookSender } from './events/webhook-sender.js';
import { canonicalUrl } from './api/rest/path.js';
import { reference } from './api/rest/reference.js';
import { restApi } from './api/rest/rest-api.js';
import { listening } from './listening-address.js';
import type { Config } from './config.js';
import { wrongKey } from './credentials-key.js';
import { Metrics, MetricsServer } from './metrics.js';
import { type RefusalReason, workKinds } from './persistence/connection/admission.js';
import { openDatabase } from './persistence/schema/database-check.js';
import { Database, type DatabaseBounds } from './persistence/connection/database.js';
import { poolNumbers } from './persistence/connection/driver.js';
import { assertLocksExclude } from './persistence/schema/lock-check.js';
import { migrate } from './persistence/schema/migrate.js';
import { Replica } from './persistence/connection/replica.js';
import type { Sid } from './domain/sid.js';
import { AccountMigration } from './service/account-migration.js';
import { AccountQueries } from './service/account-queries.js';
import { AccountService } from './service/account-service.js';
import { AccountStatusService } from './service/account-status.js';
import { AuditedTransactions } from './service/audited-transaction.js';
import { AuthTokenQueries } from './service/auth-token-queries.js';
import { CredentialService } from './service/credential-service.js';
import { EmailConflicts } from './service/email-conflicts.js';
import { ensureDefaultProfile, ensureRoot, hasRightKey, hasRoot, hasRootOtherPassword } from './service/bootstrap.js';
import { EventSubscriptions } from './service/event-subscriptions.js';
import { HistoryWatch } from './service/history-watch.js';
import { EventQueries } from './service/event-queries.js';
import { HistoryQueries } from './service/history-queries.js';
import { OrganizationService } from './service/organization-service.js';
import { type PasswordCost, Passwords } from './service/passwords.js';
import { ProfileQueries } from './service/profile-queries.js';
import { ProfileService } from './service/profile-service.js';
import { Secrets } from './service/secrets.js';
import { SignIn } from './service/sign-in.js';
import { SignInLimit } from './service/sign-in-limit.js';
import { RemovalDrain } from './service/removal-drain.js';
import { ResourceRemovals } from './service/resource-removal.js';
import { SubresourceAccess } from './service/subresource-access.js';
import { WebhookDeliverer } from './service/webhook-deliverer.js';
import { WebhookPausing } from './service/webhook-pausing.js';
import { WebhookQueries } from './service/webhook-queries.js';
import { WebhookRetention } from './service/webhook-retention.js';
import { Sending } from './service/webhook-sending.js';
import { WebhookService } from './service/webhook-service.js';
import { detached } from './tracing/tracer.js';
import { Places } from './subresources/places.js';
import { RemovalSender } from './subresources/removal-sender.js';
import { Upstreams } from './subresources/upstreams.js';

interface AppOptions {
  config: Config;
  databaseUrl: string;
  /** The first one encrypts, all of them decrypt. */
  credentialsKeys: readonly Buffer[];
  /** Where the keys are kept, for the message that they are the wrong ones. */
  credentialsKeysFrom?: string;
  log: FastifyBaseLogger;
  /** Called once with the Super Admin's generated password. */
  announcePassword: (emailAddress: string, password: string) => void;
  /** Lower in tests that create many accounts. */
  passwordCost?: PasswordCost;
  /** False in tests that count what requests take: looking for events to deliver takes statements of its own. */
  deliversEvents?: boolean;
}

/** A gateway, in one process or in several, that does not listen yet. */
export interface Gateway {
  /** Opens the port of the API and that of the metrics, and returns their URLs. */
  listen(): Promise<{ url: string; metricsUrl: string }>;
  /** Closes the connections of requests that are still running. */
  cutOff(): void;
  /** Takes no more requests, finishes those that are running, and closes the database connections. */
  close(): Promise<void>;
}

/** The gateway in one process, connected to its database. */
export interface App extends Gateway {
  server: FastifyInstance;
  dataSource: DataSource;
  metrics: Metrics;
  budgets: CostBudgets;
  /** The names of the migrations that this start has run. */
  migrated: readonly string[];
  /** Creates the Super Admin, unless there is one or MIGRATE_ON_START leaves that to another process. */
  prepare(): Promise<void>;
  /** Opens only the port of the API, then prepares. Returns the URL. */
  open(): Promise<string>;
}

/** The composition root: creates every part and connects them. @throws ConfigError, UnfitDatabaseError */
export async function createApp(options: AppOptions): Promise<App> {
  const { config, databaseUrl, log } = options;
  const dataSource = createDataSource({
    url: databaseUrl,
    poolSize: config.poolSize,
    // Log the message only: the error holds the whole connection. Once the pool is destroyed, PostgreSQL closing connections is expected.
    onBrokenConnection: ({ message }) => {
      if (dataSource.isInitialized) log.warn({ reason: message }, 'a database connection broke');
    },
  });
  const pending = await openDatabase(dataSource, { migrates: config.migrateOnStart, rights: 'all' });
  try {
    await assertLocksExclude(dataSource);
    const migrated = await runMigrations(dataSource, pending, config, log);
    return await compose(options, dataSource, migrated);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

/** Runs the pending migrations if this process may, and returns their names. */
async function runMigrations(dataSource: DataSource, pending: string[], config: Config, log: FastifyBaseLogger): Promise<string[]> {
  // With nothing to run, the database role needs no right to change tables.
  if (pending.length === 0) return [];
  if (!config.migrateOnStart) {
    log.warn({ migrations: pending }, 'migrations have not run; requests are refused until "npm run migrate" has run them');
    return [];
  }
  const migrated = await migrate(dataSource);
  if (migrated.length > 0) log.info({ migrations: migrated }, 'migrations have run');
  return migrated;
}

async function compose(options: AppOptions, dataSource: DataSource, migrated: readonly string[]): Promise<App> {
  const { config } = options;
  const metrics = new Metrics();
  const budgets = createBudgets(config, metrics);
  const { database, replica } = createDatabase(options, dataSource, metrics, budgets);
  const core = createServices(options, database, metrics, budgets);
  const { deliveries } = core;
  const preparation = await createPreparation(options, database, core);
  const upstreams = createUpstreams(options, metrics);
  const server = await createServer(options, { metrics, budgets, database, services: core.services, upstreams, preparation });
  const metricsServer = new MetricsServer(() => metrics.text());

  const open = async (): Promise<string> => {
    const url = await listening(server.listen({ port: config.port, host: config.host }), config.host, 'PORT');
    replica?.follow(database);
    await preparation.run();
    deliveries.start();
    return url;
  };
  return {
    server,
    dataSource,
    metrics,
    budgets,
    migrated,
    prepare: preparation.run,
    open,
    async listen() {
      const metricsUrl = await metricsServer.listen(config);
      return { url: await open(), metricsUrl };
    },
    cutOff() {
      server.server.closeAllConnections();
      deliveries.cutOff();
    },
    async close() {
      const delivered = deliveries.stop();
      core.watch.stop();
      // Fastify closes connections that are idle now. A kept-alive one that is in use becomes idle only after its last answer.
      const sweep = setInterval(() => server.server.closeIdleConnections(), 100);
      await server.close().finally(() => clearInterval(sweep));
      await delivered;
      await upstreams.close();
      await metricsServer.close();
      await replica?.close();
      await database.close();
    },
  };
}

function createBudgets({ accountCostPerMinute }: Config, metrics: Metrics): CostBudgets {
  return new CostBudgets({
    costPerMinute: accountCostPerMinute,
    observe: {
      cost: (surface, cost) => metrics.observeCost(surface, cost),
      refusal: (surface, code) => metrics.countRefusal(surface, code),
    },
  });
}

function createDatabase({ config, log }: AppOptions, dataSource: DataSource, metrics: Metrics, budgets: CostBudgets) {
  const bounds: DatabaseBounds = {
    ...config,
    onRefused: (reason: RefusalReason) => metrics.countOverload(reason),
    onUsed: (payer, milliseconds) => budgets.charge(payer, milliseconds * costOfMillisecond),
  };
  const { replicaUrl } = config;
  const replica =
    replicaUrl === undefined
      ? undefined
      : new Replica({
          connect: () => createDataSource({ url: replicaUrl, poolSize: config.poolSize }),
          bounds,
          maxLagSeconds: config.replicaMaxLagSeconds,
          onUsable: () => log.info('the replica is read'),
          onUnusable: (reason) => log.warn({ reason }, 'the replica is not read for now; the primary is'),
        });
  const database = new Database(dataSource, bounds, replica);

  metrics.watchDatabase(() => database.condition());
  metrics.watchQueue(workKinds, (kind) => database.waiting(kind));
  metrics.watchPool('primary', () => poolNumbers(dataSource));
  if (replica !== undefined) {
    metrics.watchPool('replica', () => replica.dataSource && poolNumbers(replica.dataSource));
    metrics.watchReplica(() => replica.isUsed);
  }
  return { database, replica };
}

function createUpstreams({ config, log }: AppOptions, metrics: Metrics): Upstreams {
  const upstreamMetrics = metrics.ofUpstreams(config.upstreams.keys());
  return new Upstreams({
    settings: config.upstreams,
    timeouts: config.upstreamTimeouts,
    places: new Places(config.upstreamLimits, (upstream) => upstreamMetrics.refused(upstream)),
    metrics: upstreamMetrics,
    onFailed: (upstream, reason) => log.warn({ upstream, reason }, 'an upstream failed'),
  });
}

/** The use cases, each of them timed, and the parts that the start needs too. */
interface Core {
  services: Services;
  transactions: AuditedTransactions;
  secrets: Secrets;
  passwords: Passwords;
  credentials: CredentialService;
  deliveries: Deliveries;
  watch: HistoryWatch;
}

function createServices(options: AppOptions, database: Database, metrics: Metrics, budgets: CostBudgets): Core {
  const { config, credentialsKeys, passwordCost } = options;
  const secrets = new Secrets(credentialsKeys, config.authTokenScheme);
  const transactions = new AuditedTransactions(database, secrets, (treeSids) =>
    detached(() => {
      deliveries.wake(treeSids);
      watch.wake(treeSids);
    }),
  );
  const watch = new HistoryWatch(database, (error) =>
    options.log.warn({ reason: (error as Error).message }, 'streams of events are held up'),
  );
  const rules = new AddressRules(config.webhookAllowPrivate);
  const sender = new WebhookSender(rules);
  const sending = new Sending(sender, secrets);
  const deliveries = createDeliveries(options, { database, transactions, sender, sending, metrics });
  const signInLimit = new SignInLimit(database, secrets, config.signInLimits);
  const passwords = new Passwords(passwordCost, {
    onHash: (payer, milliseconds) => budgets.charge(payer, milliseconds * costOfMillisecond),
    secrets,
  });
  const credentials = new CredentialService(database, transactions, secrets, passwords, signInLimit);
  const signIn = new SignIn(database, secrets, passwords, signInLimit, (reason) => metrics.countRefusedSignIn(reason));
  const emailConflicts = new EmailConflicts(database, transactions);
  const services: Services = {
    authentication: metrics.timed('credentials', signIn),
    accounts: metrics.timed('accounts', new AccountService(transactions, credentials, emailConflicts, config.maxLevels)),
    accountStatus: metrics.timed('accounts', new AccountStatusService(transactions)),
    accountQueries: metrics.timed('accountQueries', new AccountQueries(database, secrets)),
    migration: metrics.timed('migration', new AccountMigration(transactions)),
    organizations: metrics.timed('organizations', new OrganizationService(database, transactions)),
    credentials: metrics.timed('credentials', credentials),
    authTokens: metrics.timed('credentials', new AuthTokenQueries(database, transactions, secrets)),
    profiles: metrics.timed('profiles', new ProfileService(transactions)),
    profileQueries: metrics.timed('profiles', new ProfileQueries(database)),
    history: metrics.timed('history', new HistoryQueries(database)),
    events: metrics.timed('events', new EventQueries(database)),
    subscriptions: metrics.timed('subscriptions', new EventSubscriptions(database, watch)),
    subresources: metrics.timed('subresources', new SubresourceAccess(database, new Set(config.upstreams.keys()))),
    removals: metrics.timed('removals', new ResourceRemovals(database, transactions)),
    webhooks: metrics.timed('webhooks', new WebhookService(database, transactions, secrets, rules, sending)),
    webhookQueries: metrics.timed('webhooks', new WebhookQueries(database)),
  };
  return { services, transactions, secrets, passwords, credentials, deliveries, watch };
}

/** What tells others in this process of what has happened: webhooks of events, services of what to remove. */
interface Deliveries {
  start(): void;
  /** Called with the trees that a change in this process has added to. */
  wake(treeSids: readonly Sid[]): void;
  /** Ends what is being sent. */
  cutOff(): void;
  stop(): Promise<void>;
}

interface DeliveryParts {
  database: Database;
  transactions: AuditedTransactions;
  sender: WebhookSender;
  sending: Sending;
  metrics: Metrics;
}

function createDeliveries(
  { config, log, deliversEvents = true }: AppOptions,
  { database, transactions, sender, sending, metrics }: DeliveryParts,
): Deliveries {
  const deliveryMetrics = metrics.ofDeliveries();
  const failed = (error: unknown): void => {
    deliveryMetrics.failed();
    log.warn({ reason: (error as Error).message }, 'deliveries of events are held up');
  };
  const deliverer = new WebhookDeliverer(database, sending, new WebhookPausing(transactions), {
    accepted: ({ milliseconds }, lag) => deliveryMetrics.accepted(milliseconds / 1000, lag / 1000),
    refused: ({ milliseconds }) => deliveryMetrics.refused(milliseconds / 1000),
    failed,
  });
  const removalSender = new RemovalSender(config.upstreams, config.upstreamTimeouts);
  const removalMetrics = metrics.ofRemovals(removalSender.subresources);
  const removalDrain = new RemovalDrain(database, removalSender, {
    removed: (subresource, accounts) => removalMetrics.removed(subresource, accounts),
    refused: (subresource) => removalMetrics.refused(subresource),
    failed: (error) => log.warn({ reason: (error as Error).message }, 'removals are held up'),
  });
  const retention = new WebhookRetention(database, config.webhookAttemptDays, failed);
  return {
    start() {
      if (!deliversEvents) return;
      deliverer.start();
      retention.start();
      removalDrain.start();
    },
    wake: (treeSids) => deliverer.wake(treeSids),
    cutOff() {
      void sender.close();
      void removalSender.close();
    },
    async stop() {
      retention.stop();
      await Promise.all([deliverer.stop(), removalDrain.stop()]);
      await sender.close();
      await removalSender.close();
    },
  };
}

/** What has to be there before requests are served: the Super Admin and the default profile. */
interface Preparation {
  isDone(): boolean;
  run(): Promise<void>;
}

async function createPreparation(options: AppOptions, database: Database, core: Core): Promise<Preparation> {
  const { config, log, announcePassword } = options;
  const { transactions, secrets, passwords, credentials } = core;
  const { adminEmail: emailAddress, adminPassword: password } = config;
  const isMigrated = await database.isReady();
  // With a wrong key, every AuthToken would be refused. Refuse to start instead.
  if (isMigrated && !(await hasRightKey(database, secrets))) {
    throw wrongKey(options.credentialsKeysFrom ?? 'CREDENTIALS_KEY');
  }
  // The process that migrates also creates the Super Admin.
  let isDone = !config.migrateOnStart || (await hasRoot(database));
  if (isMigrated && password !== undefined && (await hasRootOtherPassword(database, passwords, password))) {
    log.warn('ADMIN_PASSWORD is ignored: the Super Admin already exists, with another password');
  }
  return {
    isDone: () => isDone,
    async run() {
      const announce = (generated: string): void => announcePassword(emailAddress, generated);
      if (!isDone) await ensureRoot(database, transactions, credentials, { emailAddress, password, announce });
      if (config.migrateOnStart) await ensureDefaultProfile(database, transactions, config.defaultProfile);
      isDone = true;
    },
  };
}

interface ServerParts {
  metrics: Metrics;
  budgets: CostBudgets;
  database: Database;
  services: Services;
  upstreams: Upstreams;
  preparation: Preparation;
}

/** The HTTP server with everything it serves. Requests pass the hooks in the order in which they are added here. */
async function createServer({ config, log }: AppOptions, parts: ServerParts): Promise<FastifyInstance> {
  const { metrics, budgets, database, services, upstreams, preparation } = parts;
  const server = createHttpServer({
    log,
    bodyBytes: config.limits.bodyBytes,
    trustedProxies: config.trustedProxies,
    publicUrl: config.publicUrl,
    canonicalUrl,
    unreadMilliseconds: config.unreadMilliseconds,
    bodyMilliseconds: config.bodyMilliseconds,
    observe: (request, seconds) => metrics.observeRequest(request, seconds),
  });
  // CORS comes first, so that pages of these origins can read refusals too.
  if (config.corsOrigins.length > 0) await allowOrigins(server, config.corsOrigins);
  refuseUntil(server, preparation.isDone);
  limitRequests(server, config.limits.atOnce, () => metrics.countOverload('requests'));
  refuseCrossSiteWrites(server, config.corsOrigins, config.publicUrl);
  health(server, async () => preparation.isDone() && database.isReady());
  upstreamHealth(server, upstreams);
  reference(server);
  documentation(server);
  await restApi(server, { services, publicUrl: config.publicUrl, authTokensInLists: config.authTokensInLists, budgets, upstreams });
  const streamPlaces = new StreamPlaces(config.streamLimits);
  metrics.watchStreams(() => streamPlaces.taken);
  await graphqlApi(server, {
    schema: createSchema(),
    services,
    streamPlaces,
    limits: config.limits,
    introspection: config.graphiql || !config.production,
    suggestions: !config.production,
    observeBatch: (loader, size) => metrics.observeBatch(loader, size),
    observeAnswer: (by) => metrics.countAnswer(by),
    planShadowShare: config.planShadowShare,
    observeShadow: (result) => metrics.countShadow(result),
    budgets,
  });
  if (config.graphiql) await explorer(server);
  if (config.console) webConsole(server);
  home(server, { tools: config, publicUrl: config.publicUrl });
  return server;
}
