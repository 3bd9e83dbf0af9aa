import { type Logger, pino } from 'pino';
import { mounts } from './api/rest/path.js';
import type { App, Gateway } from './app.js';
import { type Config, ConfigError, exitCodeOfMistake, readConfig } from './config.js';
import type { CheckpointFile } from './cli/verify-history.js';
import { credentialsFileIn, credentialsKeysIn, makeFirstCredentialsKey } from './credentials-key.js';
import {
  DataFolderError,
  type EmbeddedPostgres,
  EmbeddedPostgresError,
  startEmbeddedPostgres,
  writableFolder,
} from './embedded-postgres/launcher.js';
import { PostgresLog, logSettings } from './embedded-postgres/log.js';
import { availableMemory, memorySettings } from './embedded-postgres/memory.js';
import { UnfitDatabaseError } from './persistence/connection/connection-failure.js';
import { type Failure, WorkerFailure, Workers, isWorker, report, work } from './cluster/workers.js';

/** What the program can be told to do instead of running until it is told to stop. */
const commands = ['migrate', 'verify-history', 'rotate-key'];

async function main([command, ...args]: string[]): Promise<void> {
  if (command !== undefined && !commands.includes(command)) {
    throw new ConfigError([`There is no command "${command}", only ${commands.join(', ')}.`]);
  }
  const kept = command === 'verify-history' ? checkpointFileOf(args) : undefined;
  const config = readConfig(process.env, { needsKey: command !== 'verify-history' });
  // Lines of the same moment are written together; what is left is written when the process ends.
  const log = pino({ level: config.logLevel }, pino.destination({ sync: false, minLength: 4096, periodicFlush: 100 }));
  if (isWorker) return work(loadApp(config, log), config.drainMilliseconds);

  // Both begin at once, and need the database only later.
  const isAlone = command !== undefined || config.workers === 1;
  const gatewayOn = isAlone ? loadApp(config, log, command) : startWorkers(config, log);
  const embedded = config.databaseUrl === undefined ? await startPostgres(config, log, command) : undefined;
  const databaseUrl = config.databaseUrl ?? embedded!.url;
  try {
    if (command === 'verify-history') return await unlessStopped(tellOfHistory(databaseUrl, kept));
    if (command === 'rotate-key') return await unlessStopped(tellOfKeys(config, databaseUrl));
    const gateway = await unlessStopped<Gateway>(gatewayOn(databaseUrl));
    void stopped.then(() => setTimeout(() => gateway.cutOff(), config.drainMilliseconds).unref());
    try {
      if (command === 'migrate') await unlessStopped(tellOfMigrations(gateway as App));
      else await serve(gateway, config, log);
    } finally {
      await gateway.close();
    }
  } finally {
    await embedded?.stop();
  }
}

/**
 * Aborted by the first signal that asks to stop. Every signal is taken, not just the first: npm passes on the Ctrl-C that the
 * terminal sends us too, and a second one must not cut the drain short. A worker takes them and does nothing: it is told to stop by
 * the process that started it.
 */
const stopping = new AbortController();
const stopped = new Promise<NodeJS.Signals>((resolve) => {
  const stop = (signal: NodeJS.Signals): void => {
    stopping.abort();
    resolve(signal);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
});

/** What comes of the work, unless the program is told to stop before; then the work is left alone, and the program ends. */
function unlessStopped<Result>(work: Promise<Result>): Promise<Result> {
  const { signal } = stopping;
  return Promise.race([
    work,
    stopped.then(() => {
      throw signal.reason as Error;
    }),
  ]);
}

/** Loads the gateway: most of the program, which a process that only starts workers does without. */
function loadApp(config: Config, log: Logger, command?: string): (databaseUrl: string) => Promise<App> {
  const loading = import('./app.js');
  // Who waits for it learns of a failure.
  loading.catch(() => {});
  return async (databaseUrl) => {
    const { createApp } = await loading;
    return createApp({
      config: command === 'migrate' ? { ...config, migrateOnStart: true } : config,
      databaseUrl,
      ...(await keysOf(config)),
      log,
      announcePassword,
    });
  };
}

async function keysOf({ credentialsKeys, dataDirectory }: Config) {
  if (credentialsKeys !== undefined) return { credentialsKeys };
  return { credentialsKeys: await credentialsKeysIn(dataDirectory), credentialsKeysFrom: credentialsFileIn(dataDirectory) };
}

function startWorkers(config: Config, log: Logger): (databaseUrl: string) => Promise<Workers> {
  const workers = new Workers(config, log);
  return (databaseUrl) => workers.connectTo(databaseUrl);
}

/** The embedded PostgreSQL. Whatever is the matter with its folder, or with the key in it, is found out before it starts. */
async function startPostgres(config: Config, log: Logger, command: string | undefined): Promise<EmbeddedPostgres> {
  const directory = await writableFolder(config.dataDirectory);
  if (config.credentialsKeys === undefined) await makeFirstCredentialsKey(directory);
  if (command !== 'verify-history') await keysOf(config);
  return startEmbeddedPostgres({
    directory,
    settings: { ...memorySettings(availableMemory()), ...logSettings },
    onLog: new PostgresLog(directory, log).add,
    signal: stopping.signal,
  });
}

async function tellOfMigrations(app: App): Promise<void> {
  await app.prepare();
  const { length } = app.migrated;
  const done = length === 1 ? '1 migration has run' : `${length} migrations have run`;
  say(length === 0 ? 'There was nothing to do: all migrations have run before.' : `${done}: ${app.migrated.join(', ')}.`);
}

async function tellOfHistory(databaseUrl: string, kept: CheckpointFile | undefined): Promise<void> {
  const { checkHistory } = await import('./cli/verify-history.js');
  await checkHistory(databaseUrl, kept, ({ isSound, sentence }) => {
    say(sentence);
    if (!isSound) process.exitCode = 1;
  });
}

/** `[--new] FILE`, or nothing. */
function checkpointFileOf(args: readonly string[]): CheckpointFile | undefined {
  const isNew = args.includes('--new');
  const [file, ...others] = args.filter((arg) => arg !== '--new');
  if (others.length > 0 || file?.startsWith('-') || (isNew && file === undefined)) {
    throw new ConfigError([
      'Call it as: verify-history FILE, with the checkpoint of the last time; or verify-history --new FILE, the first time.',
    ]);
  }
  return file === undefined ? undefined : { file, isNew };
}

async function tellOfKeys(config: Config, databaseUrl: string): Promise<void> {
  const { rotateKeyOf } = await import('./cli/rotate-key.js');
  const { isWhole, sentence } = await rotateKeyOf(config, databaseUrl, say);
  say(sentence);
  if (!isWhole) process.exitCode = 1;
}

/** Listens, says where, and returns once a signal asks to stop. */
async function serve(gateway: Gateway, config: Config, log: Logger): Promise<void> {
  const { url, metricsUrl } = await unlessStopped(gateway.listen());
  const base = config.publicUrl ?? url;
  say(`The account gateway is ready.\n  GraphQL   ${base}/graphql`);
  if (config.graphiql) say(`  GraphiQL  ${base}/graphiql`);
  say(`  REST      ${base}${mounts[0]}/`);
  say(`  Metrics   ${metricsUrl}/metrics\n`);

  log.info({ signal: await stopped }, 'draining');
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
    // What fails while the program is being stopped fails because of that. A command has not done what it was told to.
    if (stopping.signal.aborted && !isWorker) process.exit(process.argv.length > 2 ? 1 : 0);
    const failure = failureOf(error);
    if (isWorker) await report({ failure });
    else for (const sentence of failure.sentences) process.stderr.write(`${sentence}\n`);
    process.exit(failure.exitCode);
  },
);

function failureOf(error: unknown): Failure {
  if (error instanceof WorkerFailure) return error.failure;
  const isMistake = error instanceof ConfigError || error instanceof UnfitDatabaseError;
  if (isMistake) return { sentences: error.mistakes, exitCode: exitCodeOfMistake };
  if (error instanceof DataFolderError) return { sentences: [error.message], exitCode: exitCodeOfMistake };
  return { sentences: [`The gateway stops: ${reasonOf(error)}`], exitCode: 1 };
}

function reasonOf(error: unknown): string {
  // A lost connection is an aggregate of tries.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return String(first);
  const { code, message, address, port } = first as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE') return `another program listens at ${address}:${port}; set PORT or METRICS_PORT.`;
  if (code === 'EMFILE' || code === 'ENFILE') return `too few files may be open at once (${message}); allow at least 1024 (ulimit -n).`;
  // What has a code was foreseen by somebody; a mistake of ours is of use only with its stack.
  return code !== undefined || first instanceof EmbeddedPostgresError ? first.message : (first.stack ?? first.message);
}
