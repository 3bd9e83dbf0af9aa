import type { Logger } from 'pino';
import { mounts } from '../api/rest/path.js';
import type { Gateway } from '../app.js';
import { isWorker } from '../cluster/messages.js';
import { WorkerPool } from '../cluster/worker-pool.js';
import { runWorker } from '../cluster/worker.js';
import { type Config, readConfig } from '../config.js';
import { loadApp } from './load-app.js';
import { createLog } from './log.js';
import { startTracing } from '../tracing/start.js';
import { version } from '../version.js';
import type { Shutdown } from './shutdown.js';
import { print } from './terminal.js';
import { withDatabase } from './with-database.js';

/** `npm start`: serves until a signal asks to stop, then drains. The workers run it as well. */
export async function serve(shutdown: Shutdown): Promise<void> {
  const config = readConfig();
  const log = createLog(config);
  if (isWorker) {
    const appOn = loadApp(config, log);
    const stopTracing = await startTracing(config, log);
    await runWorker(appOn, config.drainMilliseconds);
    return stopTracing();
  }

  log.info({ version, node: process.versions.node, spans: config.spans }, 'the account gateway starts');
  // The app, or the workers, start to load at once, and need the database only later.
  const gatewayOn = config.workers === 1 ? loadApp(config, log) : startWorkers(config, log);
  const stopTracing = config.workers === 1 ? await startTracing(config, log) : undefined;
  await withDatabase({ config, log, shutdown, isServer: true }, async (databaseUrl) => {
    const gateway = await shutdown.unlessRequested<Gateway>(gatewayOn(databaseUrl));
    void shutdown.requested.then(() => setTimeout(() => gateway.cutOff(), config.drainMilliseconds).unref());
    try {
      const { url, metricsUrl } = await shutdown.unlessRequested(gateway.listen());
      announce(url, metricsUrl, config);
      log.info({ signal: await shutdown.requested }, 'draining');
    } finally {
      await gateway.close();
    }
  });
  await stopTracing?.();
}

function startWorkers(config: Config, log: Logger): (databaseUrl: string) => Promise<Gateway> {
  const workers = new WorkerPool(config, log);
  return (databaseUrl) => workers.connectTo(databaseUrl);
}

function announce(url: string, metricsUrl: string, config: Config): void {
  const base = config.publicUrl ?? url;
  print(`The account gateway is ready.\n  GraphQL   ${base}/graphql`);
  if (config.graphiql) print(`  GraphiQL  ${base}/graphiql`);
  if (config.console) print(`  Console   ${base}/console`);
  print(`  REST      ${base}${mounts[0]}/`);
  print(`  Metrics   ${metricsUrl}/metrics\n`);
}
