import { pino } from 'pino';
import { type App, createApp } from './app.js';
import { type Config, ConfigError, exitCodeOfMistake, readConfig } from './config.js';
import { credentialsKeyIn } from './credentials-key.js';
import { EmbeddedPostgresError, startEmbeddedPostgres } from './persistence/embedded-postgres.js';

/** `migrate` brings the database up to date and ends; without it, the gateway runs until it is told to stop. */
const migratesOnly = process.argv[2] === 'migrate';

async function main(): Promise<void> {
  const config = readConfig();
  const log = pino({ level: config.logLevel });
  const embedded = config.databaseUrl === undefined ? await startPostgres(config) : undefined;
  try {
    const app = await createApp({
      config: migratesOnly ? { ...config, migrateOnStart: true } : config,
      databaseUrl: config.databaseUrl ?? embedded!.url,
      credentialsKey: config.credentialsKey ?? (await credentialsKeyIn(config.dataDirectory)),
      log,
      announcePassword,
    });
    if (!migratesOnly) await serve(app, config);
    await app.close();
  } finally {
    await embedded?.stop();
  }
}

function startPostgres({ dataDirectory }: Config) {
  return startEmbeddedPostgres({ directory: dataDirectory });
}

/** Listens, says where, and returns once a signal asks to stop. */
async function serve(app: App, config: Config): Promise<void> {
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve);
  });
  const { url, metricsUrl } = await app.listen();
  const base = config.publicUrl ?? url;
  say(`The account gateway is ready.\n  GraphQL   ${base}/graphql`);
  if (config.graphiql) say(`  GraphiQL  ${base}/graphiql`);
  say(`  Metrics   ${metricsUrl}/metrics\n`);

  app.server.log.info({ signal: await stopped }, 'draining');
  setTimeout(() => app.server.server.closeAllConnections(), config.drainMilliseconds).unref();
}

/** To the terminal, not to the log: a log is kept, and this must not be. */
function announcePassword(emailAddress: string, password: string): void {
  say(`\nThe Super Admin was created. The password is shown this once:\n  e-mail    ${emailAddress}\n  password  ${password}\n`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    if (error instanceof ConfigError) {
      for (const mistake of error.mistakes) process.stderr.write(`${mistake}\n`);
      process.exit(exitCodeOfMistake);
    }
    process.stderr.write(`The gateway stops: ${reasonOf(error)}\n`);
    process.exit(1);
  },
);

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A lost connection is an aggregate of tries; a mistake of ours is of use only with its stack.
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [error];
  const foreseen = error instanceof EmbeddedPostgresError || 'code' in (first ?? error);
  return foreseen ? (first ?? error).message : (error.stack ?? error.message);
}
