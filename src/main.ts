import { type Logger, pino } from 'pino';
import { mounts } from './api/rest/path.js';
import type { App, Gateway } from './app.js';
import { type Config, ConfigError, exitCodeOfMistake, readConfig } from './config.js';
import { credentialsKeysIn } from './credentials-key.js';
import { EmbeddedPostgresError, startEmbeddedPostgres } from './persistence/embedded-postgres.js';
import { type Failure, WorkerFailure, Workers, isWorker, report, work } from './workers.js';

/** What the program can be told to do instead of running until it is told to stop. */
const commands = ['migrate', 'verify-history', 'rotate-key'];

async function main([command, file]: string[]): Promise<void> {
  if (command !== undefined && !commands.includes(command)) {
    throw new ConfigError([`There is no command "${command}", only ${commands.join(', ')}.`]);
  }
  const config = readConfig();
  const stopped = signalToStop();
  // Lines of the same moment are written together; what is left is written when the process ends.
  const log = pino({ level: config.logLevel }, pino.destination({ sync: false, minLength: 4096, periodicFlush: 100 }));
  if (isWorker) return work(loadApp(config, log), config.drainMilliseconds);

  // Both begin at once, and need the database only later.
  const gatewayOn = command === undefined && config.workers > 1 ? startWorkers(config, log) : loadApp(config, log, command);
  const embedded = config.databaseUrl === undefined ? await startPostgres(config) : undefined;
  const databaseUrl = config.databaseUrl ?? embedded!.url;
  try {
    if (command === 'verify-history') return await tellOfHistory(databaseUrl, file);
    if (command === 'rotate-key') return await tellOfKeys(config, databaseUrl);
    const gateway = await gatewayOn(databaseUrl);
    try {
      if (command !== 'migrate') await serve(gateway, config, log, stopped);
    } finally {
      await gateway.close();
    }
  } finally {
    await embedded?.stop();
  }
}

/**
 * From the first moment on, so that no start is cut off half-way: it is finished, then undone. Every signal is taken, not
 * just the first: npm passes on the Ctrl-C that the terminal sends us too, and a second one must not cut the drain short.
 * A worker takes them and does nothing: it is told to stop by the process that started it.
 */
function signalToStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.on('SIGTERM', resolve).on('SIGINT', resolve);
  });
}

/** Loads the gateway: most of the program, which a process that only starts workers does without. */
function loadApp(config: Config, log: Logger, command?: string): (databaseUrl: string) => Promise<App> {
  const loading = import('./app.js');
  return async (databaseUrl) => {
    const { createApp } = await loading;
    return createApp({
      config: command === 'migrate' ? { ...config, migrateOnStart: true } : config,
      databaseUrl,
      credentialsKeys: config.credentialsKeys ?? (await credentialsKeysIn(config.dataDirectory)),
      log,
      announcePassword,
    });
  };
}

function startWorkers(config: Config, log: Logger): (databaseUrl: string) => Promise<Workers> {
  const workers = new Workers(config, log);
  return async (databaseUrl) => workers.connectTo(databaseUrl);
}

function startPostgres({ dataDirectory }: Config) {
  return startEmbeddedPostgres({ directory: dataDirectory });
}

async function tellOfHistory(databaseUrl: string, file: string | undefined): Promise<void> {
  const { checkHistory } = await import('./history-check.js');
  const { isSound, sentence } = await checkHistory(databaseUrl, file);
  say(sentence);
  if (!isSound) process.exitCode = 1;
}

async function tellOfKeys(config: Config, databaseUrl: string): Promise<void> {
  const { rotateKeyOf } = await import('./key-change.js');
  const { isWhole, sentence } = await rotateKeyOf(config, databaseUrl, say);
  say(sentence);
  if (!isWhole) process.exitCode = 1;
}

/** Listens, says where, and returns once a signal asks to stop. */
async function serve(gateway: Gateway, config: Config, log: Logger, stopped: Promise<NodeJS.Signals>): Promise<void> {
  const { url, metricsUrl } = await gateway.listen();
  const base = config.publicUrl ?? url;
  say(`The account gateway is ready.\n  GraphQL   ${base}/graphql`);
  if (config.graphiql) say(`  GraphiQL  ${base}/graphiql`);
  say(`  REST      ${base}${mounts[0]}/`);
  say(`  Metrics   ${metricsUrl}/metrics\n`);

  log.info({ signal: await stopped }, 'draining');
  setTimeout(() => gateway.cutOff(), config.drainMilliseconds).unref();
}

/** To the terminal, not to the log: a log is kept, and this must not be. */
function announcePassword(emailAddress: string, password: string): void {
  say(`\nThe Super Admin was created. The password is shown this once:\n  e-mail    ${emailAddress}\n  password  ${password}\n`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main(process.argv.slice(2)).then(
  () => process.exit(),
  async (error: unknown) => {
    const failure = failureOf(error);
    if (isWorker) await report({ failure });
    else for (const sentence of failure.sentences) process.stderr.write(`${sentence}\n`);
    process.exit(failure.exitCode);
  },
);

function failureOf(error: unknown): Failure {
  if (error instanceof WorkerFailure) return error.failure;
  if (error instanceof ConfigError) return { sentences: error.mistakes, exitCode: exitCodeOfMistake };
  return { sentences: [`The gateway stops: ${reasonOf(error)}`], exitCode: 1 };
}

function reasonOf(error: unknown): string {
  // A lost connection is an aggregate of tries.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return String(first);
  const { code, address, port } = first as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE') return `another program listens at ${address}:${port}; set PORT or METRICS_PORT.`;
  // What has a code was foreseen by somebody; a mistake of ours is of use only with its stack.
  return code !== undefined || first instanceof EmbeddedPostgresError ? first.message : (first.stack ?? first.message);
}
