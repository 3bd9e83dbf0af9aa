import { setTimeout as sleep } from 'node:timers/promises';
import { type DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import { AppError } from '../errors.js';
import { AccountRepository } from './account-repository.js';
import { CredentialRepository } from './credential-repository.js';
import { HistoryRepository } from './history-repository.js';
import { IdempotencyRepository } from './idempotency-repository.js';
import { OrganizationRepository } from './organization-repository.js';
import { ProfileRepository } from './profile-repository.js';

/** All SQL of the program, bound to one transaction or to none. */
export interface Repositories {
  accounts: AccountRepository;
  organizations: OrganizationRepository;
  credentials: CredentialRepository;
  profiles: ProfileRepository;
  history: HistoryRepository;
  idempotencyKeys: IdempotencyRepository;
}

/** How often a transaction is tried that loses to another one, before its client is told to come again. */
const tries = 5;

/** The database, as services see it: single reads, and changes that happen whole or not at all. */
export class Database {
  readonly #reading: Repositories;

  constructor(private readonly dataSource: DataSource) {
    this.#reading = repositoriesOn(dataSource.manager);
  }

  /** Reads outside a transaction: each statement sees what was committed when it began. @throws AppError UNAVAILABLE */
  async read<Result>(work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    try {
      return await work(this.#reading);
    } catch (error) {
      throw asAppError(error);
    }
  }

  /**
   * One transaction. `work` may run more than once, so it must touch nothing but the repositories that it is handed.
   * @throws AppError UNAVAILABLE, and what a unique constraint means
   */
  async write<Result>(work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.dataSource.transaction((manager) => work(repositoriesOn(manager)));
      } catch (error) {
        if (attempt === tries || !lostToAnother(error)) throw asAppError(error);
        await sleep(Math.random() * 20 * attempt);
      }
    }
  }

  /** Reads in one transaction: every statement sees what was committed when the first one began. @throws AppError UNAVAILABLE */
  async snapshot<Result>(work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    try {
      return await this.dataSource.transaction('REPEATABLE READ', (manager) => work(repositoriesOn(manager)));
    } catch (error) {
      throw asAppError(error);
    }
  }

  /** Whether the database answers and every migration of this program has been done. */
  async isReady(): Promise<boolean> {
    try {
      const done: { name: string }[] = await this.dataSource.query('SELECT migration.name FROM migration');
      const names = new Set(done.map(({ name }) => name));
      return this.dataSource.migrations.every((migration) => names.has(migration.constructor.name));
    } catch {
      return false;
    }
  }
}

function repositoriesOn(manager: EntityManager): Repositories {
  return {
    accounts: new AccountRepository(manager),
    organizations: new OrganizationRepository(manager),
    credentials: new CredentialRepository(manager),
    profiles: new ProfileRepository(manager),
    history: new HistoryRepository(manager),
    idempotencyKeys: new IdempotencyRepository(manager),
  };
}

/** What the violation of a unique index means to whoever caused it. */
const conflicts: Record<string, () => AppError> = {
  account_open_email_address: () =>
    new AppError('EMAIL_IN_USE', 'Another open account has this e-mail address.', { field: 'emailAddress' }),
  organization_domain_name: () => new AppError('DOMAIN_NAME_IN_USE', 'Another organization has this domain name.', { field: 'domainName' }),
};

const sqlState = { uniqueViolation: '23505', serializationFailure: '40001', deadlock: '40P01' };

/** SQLSTATE classes that say that the server cannot serve now: connection lost or refused, no such database, out of resources, shutting down. */
const unavailableClasses = ['08', '28', '3D', '53', '57', '58'];
/** A table that is not there yet: the migrations have not run. */
const undefinedTable = '42P01';
const unreachable =
  /ECONN|ENOENT|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|Connection terminated|connect(?:ion)? timeout|trying to connect|not queryable|already released/i;

interface DriverError extends Error {
  code?: string;
  constraint?: string;
}

function driverError(error: unknown): DriverError | undefined {
  if (error instanceof QueryFailedError) return error.driverError as DriverError;
  return error instanceof Error ? error : undefined;
}

function lostToAnother(error: unknown): boolean {
  const code = driverError(error)?.code;
  return code === sqlState.serializationFailure || code === sqlState.deadlock;
}

/** Turns the database's failures that a caller can act on into the catalogue's errors, and passes on all else. */
function asAppError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const cause = driverError(error);
  const code = cause?.code ?? '';
  if (code === sqlState.uniqueViolation && cause?.constraint !== undefined) {
    return conflicts[cause.constraint]?.() ?? error;
  }
  if (
    lostToAnother(error) ||
    code === undefinedTable ||
    unavailableClasses.includes(code.slice(0, 2)) ||
    unreachable.test(`${code} ${cause?.message}`)
  ) {
    return new AppError('UNAVAILABLE', 'The database cannot be reached right now; try again.', { cause: error });
  }
  return error;
}
