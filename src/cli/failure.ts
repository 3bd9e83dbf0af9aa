import { type Failure, WorkerFailure } from '../cluster/messages.js';
import { ConfigError, configExitCode } from '../config.js';
import { DataFolderError, EmbeddedPostgresError } from '../embedded-postgres/errors.js';
import { UnfitDatabaseError } from '../persistence/connection/connection-failure.js';

/** What to print about an error that ends the program, and the exit code. */
export function failureOf(error: unknown): Failure {
  if (error instanceof WorkerFailure) return error.failure;
  if (error instanceof ConfigError || error instanceof UnfitDatabaseError) return { sentences: error.mistakes, exitCode: configExitCode };
  if (error instanceof DataFolderError) return { sentences: [error.message], exitCode: configExitCode };
  return { sentences: [`The gateway stopped: ${reasonOf(error)}`], exitCode: 1 };
}

function reasonOf(error: unknown): string {
  // A lost connection is an AggregateError of all attempts.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return String(first);
  const { code, message, address, port } = first as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE') return `another program is listening at ${address}:${port}; set PORT or METRICS_PORT.`;
  if (code === 'EMFILE' || code === 'ENFILE') return `too few files may be open at once (${message}); allow at least 1024 (ulimit -n).`;
  // An error with a code is an expected one, and its message is enough. A bug of ours is of use only with its stack.
  return code !== undefined || first instanceof EmbeddedPostgresError ? first.message : (first.stack ?? first.message);
}
