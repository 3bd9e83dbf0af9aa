import { isWorker, sendToPrimary } from './cluster/messages.js';
import { failureOf } from './cli/failure.js';
import { createProgram } from './cli/program.js';
import { Shutdown } from './cli/shutdown.js';

const [command = 'serve', ...args] = process.argv.slice(2);
const shutdown = new Shutdown();

/*
 * Every signal is handled, not just the first: npm passes on the Ctrl-C that the terminal has sent to this process already, and the
 * second one must not cut the shutdown short. Workers ignore signals: the primary process tells them when to stop.
 */
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => shutdown.request(signal));

// Whoever reads the output, as a pager does, may have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

createProgram(shutdown)
  .parseAsync([command, ...args], { from: 'user' })
  .then(
    () => process.exit(),
    async (error: unknown) => {
      // What fails during a shutdown fails because of it. A command that was stopped has not done its work.
      if (shutdown.signal.aborted && !isWorker) process.exit(command === 'serve' ? 0 : 1);
      const failure = failureOf(error);
      if (isWorker) await sendToPrimary({ failure });
      else for (const sentence of failure.sentences) process.stderr.write(`${sentence}\n`);
      process.exit(failure.exitCode);
    },
  );
