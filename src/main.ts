import { isWorker, sendToPrimary } from './cluster/messages.js';
import { ConfigError } from './config.js';
import { failureOf } from './cli/failure.js';
import { Shutdown } from './cli/shutdown.js';

const [command, ...args] = process.argv.slice(2);
const shutdown = new Shutdown();

/*
 * Every signal is handled, not just the first: npm passes on the Ctrl-C that the terminal has sent to this process already, and the
 * second one must not cut the shutdown short. Workers ignore signals: the primary process tells them when to stop.
 */
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => shutdown.request(signal));

run().then(
  () => process.exit(),
  async (error: unknown) => {
    // What fails during a shutdown fails because of it. A command that was stopped has not done its work.
    if (shutdown.signal.aborted && !isWorker) process.exit(command === undefined ? 0 : 1);
    const failure = failureOf(error);
    if (isWorker) await sendToPrimary({ failure });
    else for (const sentence of failure.sentences) process.stderr.write(`${sentence}\n`);
    process.exit(failure.exitCode);
  },
);

/** Runs the command that was given, or else serves. Each command loads only what it needs. */
async function run(): Promise<void> {
  switch (command) {
    case undefined: {
      const { serve } = await import('./cli/serve.js');
      return serve(shutdown);
    }
    case 'migrate': {
      const { migrate } = await import('./cli/migrate.js');
      return migrate(shutdown);
    }
    case 'verify-history': {
      const { verifyHistory } = await import('./cli/verify-history.js');
      return verifyHistory(args, shutdown);
    }
    case 'rotate-key': {
      const { rotateKey } = await import('./cli/rotate-key.js');
      return rotateKey(shutdown);
    }
    default:
      throw new ConfigError([`There is no command "${command}", only migrate, verify-history, rotate-key.`]);
  }
}
