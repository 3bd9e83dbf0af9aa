import { emailInUse } from '../../domain/account.js';
import { AppError } from '../../errors.js';

/** PostgreSQL's codes for what a statement can fail by. */
export const sqlState = {
  divisionByZero: '22012',
  uniqueViolation: '23505',
  readOnlyTransaction: '25006',
  serializationFailure: '40001',
  deadlock: '40P01',
  undefinedTable: '42P01',
  undefinedColumn: '42703',
  undefinedFunction: '42883',
  featureNotSupported: '0A000',
  notInPrerequisiteState: '55000',
  lockNotAvailable: '55P03',
} as const;

/** What the driver's errors carry, where they come from PostgreSQL or from the network. */
interface DriverError extends Error {
  code?: string;
  constraint?: string;
}

function driverError(error: unknown): DriverError | undefined {
  return error instanceof Error ? error : undefined;
}

/** The code of a failed statement (SQLSTATE) or of a failed connection (as `ECONNRESET`). */
export function codeOf(error: unknown): string | undefined {
  return driverError(error)?.code;
}

/** An error by which a transaction is tried again, as if PostgreSQL had ended it in favour of another one. */
export function lostRace(message: string): Error {
  return Object.assign(new Error(message), { code: sqlState.serializationFailure });
}

/** Whether the transaction failed because of what others did at the same time, so that it may succeed the next time. */
export function isLostRace(error: unknown): boolean {
  const code = codeOf(error);
  if (code === sqlState.uniqueViolation) return driverError(error)?.constraint === 'history_of_token_lists';
  return code === sqlState.serializationFailure || code === sqlState.deadlock || isOutdatedPlan(error);
}

/** Whether a row is one that is there already. */
export function isDuplicate(error: unknown): boolean {
  return codeOf(error) === sqlState.uniqueViolation;
}

/**
 * Whether a table was changed while the program ran (as by a migration of a newer version), so that a prepared statement would
 * have other columns now. PostgreSQL refuses to run it until it is prepared again.
 */
export function isOutdatedPlan(error: unknown): boolean {
  return codeOf(error) === sqlState.featureNotSupported && (error as Error).message.startsWith('cached plan');
}

/** Whether a table or column is missing, as before the migrations have run. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === sqlState.undefinedTable || code === sqlState.undefinedColumn;
}

/** What the violation of a unique index means to the caller. */
const conflicts: Record<string, () => AppError> = {
  email_claim_pk: emailInUse,
  // As long as the version before may run beside this one (ADR 47).
  account_open_email_address: emailInUse,
  organization_domain_name: () =>
    new AppError('DOMAIN_NAME_IN_USE', 'Another open organization has this domain name. Use that one, or choose another name.', {
      field: 'domainName',
    }),
};

/** SQLSTATE classes for: connection lost or refused, no such database, out of resources, shutting down. */
const unavailableClasses = ['08', '28', '3D', '53', '57', '58'];
/** A table that is missing; a server that takes no changes or no connections, as while it is replaced. */
const unavailableCodes: readonly string[] = [sqlState.undefinedTable, sqlState.readOnlyTransaction, sqlState.notInPrerequisiteState];
/** Failures without an SQLSTATE, of the network, of pg or of its pool. */
const unreachable =
  /ECONN|ENOENT|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|Connection terminated|connect(?:ion)? timeout|trying to connect|not queryable|already released/i;

/** Turns failures that a caller can act on into errors of the catalogue, and passes on all others. */
export function asAppError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const cause = driverError(error);
  const code = cause?.code ?? '';
  if (code === sqlState.uniqueViolation && cause?.constraint !== undefined) {
    return conflicts[cause.constraint]?.() ?? error;
  }
  if (code === sqlState.lockNotAvailable) {
    return new AppError('OVERLOADED', 'Another change of the same accounts is taking long. Try again in a second.', { cause: error });
  }
  if (
    isLostRace(error) ||
    unavailableCodes.includes(code) ||
    unavailableClasses.includes(code.slice(0, 2)) ||
    unreachable.test(`${code} ${cause?.message}`)
  ) {
    return new AppError('UNAVAILABLE', 'The database cannot be reached right now. Try again in a second.', { cause: error });
  }
  return error;
}
