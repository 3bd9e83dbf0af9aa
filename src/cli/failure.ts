import { CommanderError } from 'commander';
import { type Failure, WorkerFailure } from '../cluster/messages.js';
import { ConfigError, configExitCode } from '../config.js';
import { DataFolderError, EmbeddedPostgresError } from '../embedded-postgres/errors.js';
import { AppError } from '../errors.js';
import { ImportRefusedError, SourceError } from '../import/errors.js';
import { UnfitDatabaseError } from '../persistence/connection/connection-failure.js';

/** The exit code for a wrong command line: EX_USAGE in sysexits.h. */
const usageExitCode = 64;

/** The command line is wrong in a way that the library does not see. The message says how it is right. */
export class UsageError extends Error {}

/** A command has not done its work, for a reason that is no fault of the program: the message says which. */
export class NotDoneError extends Error {}

/** What to print about an error that ends the program, and the exit code. */
export function failureOf(error: unknown): Failure {
  if (error instanceof WorkerFailure) return error.failure;
  // The library has printed what is wrong, or the help or version that was asked for.
  if (error instanceof CommanderError) return { sentences: [], exitCode: error.exitCode === 0 ? 0 : usageExitCode };
  const sentences = reasonsOf(error);
  if (error instanceof UsageError) return { sentences, exitCode: usageExitCode };
  if (isConfigFailure(error)) return { sentences, exitCode: configExitCode };
  // A refusal says all by itself; what the database cannot do just now ends the program.
  if (error instanceof NotDoneError || (error instanceof AppError && error.status < 500)) return { sentences, exitCode: 1 };
  return { sentences: [`The gateway stopped: ${sentences[0]}`], exitCode: 1 };
}

/** Why something failed: one sentence for each reason. */
export function reasonsOf(error: unknown): readonly string[] {
  return error instanceof ConfigError || error instanceof UnfitDatabaseError ? error.mistakes : [reasonOf(error)];
}

/** Somebody has to repair something before this can work. */
function isConfigFailure(error: unknown): boolean {
  return [ConfigError, UnfitDatabaseError, DataFolderError, SourceError, ImportRefusedError].some((type) => error instanceof type);
}

function reasonOf(error: unknown): string {
  // A lost connection is an AggregateError of all attempts.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return String(first);
  const { code, message, address, port } = first as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE') return `another program is listening at ${address}:${port}; set PORT or METRICS_PORT.`;
  if (code === 'EMFILE' || code === 'ENFILE') return `too few files may be open at once (${message}); allow at least 1024 (ulimit -n).`;
  // An error with a code is an expected one, and its message is enough. A bug of ours is of use only with its stack.
  return code !== undefined || isOurs(first) ? first.message : (first.stack ?? first.message);
}

/** An error of ours, whose message is all that there is to say. */
function isOurs(error: Error): boolean {
  return [EmbeddedPostgresError, UsageError, NotDoneError, SourceError, ImportRefusedError].some((type) => error instanceof type);
}
