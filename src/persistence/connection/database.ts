import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { type Payer, emailInUse } from '../../domain/account.js';
import { AppError } from '../../errors.js';
import { AccountListRepository } from '../repositories/account-list-repository.js';
import { AccountRepository } from '../repositories/account-repository.js';
import { Admission, type Kind, type Refusal, lanesOf } from './admission.js';
import { timed } from './busy-time.js';
import { CredentialRepository } from '../repositories/credential-repository.js';
import { EmailConflictRepository } from '../repositories/email-conflict-repository.js';
import { HistoryRepository } from '../repositories/history-repository.js';
import { IdempotencyRepository } from '../repositories/idempotency-repository.js';
import { StaleReads } from './stale-reads.js';
import { LockRepository } from '../repositories/lock-repository.js';
import { OrganizationRepository } from '../repositories/organization-repository.js';
import { ProfileRepository } from '../repositories/profile-repository.js';
import { isOutdated } from './queries.js';
import { drop, withDeadline } from './deadline.js';
import { SignInFailureRepository } from '../repositories/sign-in-failure-repository.js';

/** All SQL of the program, bound to one transaction or to none. */
export interface Repositories {
  locks: LockRepository;
  accounts: AccountRepository;
  accountLists: AccountListRepository;
  organizations: OrganizationRepository;
  credentials: CredentialRepository;
  profiles: ProfileRepository;
  history: HistoryRepository;
  idempotencyKeys: IdempotencyRepository;
  signInFailures: SignInFailureRepository;
  emailConflicts: EmailConflictRepository;
}

/** A replica, which is behind the database, and may be gone. */
export interface StaleSource {
  /** What `work` reads there; nothing when the replica cannot tell. */
  read<Result>(payer: Payer | undefined, work: (repositories: Repositories) => Promise<Result>): Promise<{ result: Result } | undefined>;
}

/** How far a server's log has been written or, on a replica, replayed. */
export interface LogPosition {
  /** What a server has in common with its replicas, and with no other. */
  cluster: string;
  isReplica: boolean;
  /** In bytes. */
  log: bigint;
}

/** How often a transaction is tried that loses to another one, before its client is told to come again. */
const tries = 5;

/** How much may be asked of the database at once, and how long it may take. */
export interface DatabaseBounds {
  /** Connections at most; one of them is kept for the question whether the database answers. */
  poolSize: number;
  /** How many look-ups, how many other reads and how many changes wait for a connection at most; one tree's, half of them. */
  queueSize: number;
  /** How long may take, in milliseconds: a read; a change, of which the longest go over whole trees; all that it waits for locks. */
  readMilliseconds: number;
  changeMilliseconds: number;
  lockMilliseconds: number;
  /** Told why work was refused that there was no room for. */
  onRefused: (reason: Refusal) => void;
  /** Told how long statements took that were run for somebody, without what was waited for a connection. In milliseconds. */
  onUsed: (payer: Payer, milliseconds: number) => void;
}

export const defaultBounds: DatabaseBounds = {
  poolSize: 10,
  queueSize: 1000,
  readMilliseconds: 15_000,
  changeMilliseconds: 300_000,
  lockMilliseconds: 10_000,
  onRefused: () => {},
  onUsed: () => {},
};

/** How long work waits for a connection, and a question for its answer until the server counts as silent. In milliseconds. */
const queuePatience = 5_000;
const silence = 4_000;

/** What became of the question whether the database answers; `silent`: nothing. */
type Condition = 'ready' | 'not ready' | 'silent';

/**
 * The database, as services see it: single reads, and changes that happen whole or not at all. Neither waits without end:
 * not for a connection, nor for a lock, a statement, or a server that has fallen silent (ADR 15). Connections are shared out by
 * trees (ADR 30).
 */
export class Database {
  readonly #admission: Admission;
  readonly #inUse = new Set<Client>();
  #question: Promise<Condition> | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly bounds: DatabaseBounds = defaultBounds,
    private readonly replica?: StaleSource,
  ) {
    const lanes = lanesOf(bounds.poolSize - 1);
    this.#admission = new Admission({ lanes, waiting: bounds.queueSize, patience: queuePatience }, bounds.onRefused);
  }

  /**
   * Reads outside a transaction: each statement sees what was committed when it began. The payer is whose request it is done
   * for; nobody, where it is the gateway's own work or is not known yet.
   * @throws AppError UNAVAILABLE, OVERLOADED
   */
  async read<Result>(payer: Payer | undefined, work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    return this.#read('read', payer, work);
  }

  /** Reads what is found by its key, in as many steps of an index as there are keys; else as `read`. @throws AppError UNAVAILABLE, OVERLOADED */
  async lookUp<Result>(payer: Payer | undefined, work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    return this.#read('lookUp', payer, work);
  }

  /**
   * Reads what may be late, from the replica if there is one that is fit, else as `read` does. What must not be late
   * cannot be asked for here. @throws AppError UNAVAILABLE, OVERLOADED
   */
  async readStale<Result>(payer: Payer | undefined, work: (reads: StaleReads) => Promise<Result>): Promise<Result> {
    const late = (repositories: Repositories): Promise<Result> => work(new StaleReads(repositories));
    const answer = await this.replica?.read(payer, late);
    return answer === undefined ? this.read(payer, late) : answer.result;
  }

  /**
   * One transaction. `work` may run more than once, so it must touch nothing but the repositories that it is handed.
   * @throws AppError UNAVAILABLE, OVERLOADED, and what a unique constraint means
   */
  async write<Result>(payer: Payer | undefined, work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#connected('write', payer, this.bounds.changeMilliseconds, (client) => this.#transaction(client, work));
      } catch (error) {
        if (codeOf(error) === sqlState.lockNotAvailable) this.bounds.onRefused('lock');
        if (attempt === tries || !lostToAnother(error)) throw await this.#explained(error);
        await sleep(Math.random() * 20 * attempt);
      }
    }
  }

  /** Reads in one transaction: every statement sees what was committed when the first one began. @throws AppError UNAVAILABLE */
  async snapshot<Result>(work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    try {
      return await this.#borrowed((client) => transaction(client, 'BEGIN ISOLATION LEVEL REPEATABLE READ', work));
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  /** How many of the kind wait for a connection. */
  waiting(kind: Kind): number {
    return this.#admission.waiting(kind);
  }

  async logPosition(): Promise<LogPosition> {
    const [position] = await this.dataSource.query<[Omit<LogPosition, 'log'> & { log: string }]>(
      `SELECT (SELECT control.system_identifier::text FROM pg_control_system() AS control) AS cluster,
              pg_is_in_recovery() AS "isReplica",
              (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn)::text AS log`,
    );
    return { ...position, log: BigInt(position.log) };
  }

  /** Lets go of the database. What still runs is broken off. */
  async close(): Promise<void> {
    for (const client of this.#inUse) drop(client);
    await this.dataSource.destroy();
  }

  /** Whether the database answers and every migration of this program has been done. */
  async isReady(): Promise<boolean> {
    return (await this.#condition()) === 'ready';
  }

  async #read<Result>(
    kind: 'read' | 'lookUp',
    payer: Payer | undefined,
    work: (repositories: Repositories) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await this.#connected(kind, payer, this.bounds.readMilliseconds, (client) => work(repositoriesOn(client)));
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  /** What the failure means to whoever asked. */
  async #explained(error: unknown): Promise<unknown> {
    if (!missingCodes.includes(codeOf(error) ?? '') || (await this.#condition()) !== 'not ready') return asAppError(error);
    return new AppError('UNAVAILABLE', 'Migrations of the database have not run; once its operator has run them, try again.', {
      cause: error,
    });
  }

  /** Does work on a connection of its own, once it is the payer's turn, and for no longer than it may take. */
  #connected<Result>(kind: Kind, payer: Payer | undefined, limit: number, work: (client: Client) => Promise<Result>): Promise<Result> {
    const isAnswering = async () => (await this.#condition()) !== 'silent';
    const onUsed = (milliseconds: number): void => void (payer && this.bounds.onUsed(payer, milliseconds));
    return this.#admission.run(kind, payer, () =>
      this.#borrowed((client) => timed(client, onUsed, () => withDeadline(client, { limit, isAnswering }, () => work(client)))),
    );
  }

  /** Does work on a connection of the pool. */
  async #borrowed<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
    const [client, release] = (await (this.dataSource.driver as PostgresDriver).obtainMasterConnection()) as [Client, () => void];
    this.#inUse.add(client);
    try {
      return await work(client);
    } finally {
      this.#inUse.delete(client);
      release();
    }
  }

  #transaction<Result>(client: Client, work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    const { changeMilliseconds, lockMilliseconds } = this.bounds;
    // Of the transaction, not of the session, which behind a pooler is somebody else's.
    const settings = Object.entries({
      lock_timeout: lockMilliseconds,
      // Of all its locks together; see `lockedBy`.
      'gateway.lock_timeout': lockMilliseconds,
      statement_timeout: changeMilliseconds,
    }).map(([name, value]) => `set_config('${name}', '${value}', true)`);
    return transaction(client, `BEGIN; SELECT ${settings.join(', ')}`, work);
  }

  /** Asks beside all that waits, on the connection that is kept for it; those who ask at once share one answer. */
  #condition(): Promise<Condition> {
    this.#question ??= this.#ask().finally(() => (this.#question = undefined));
    return this.#question;
  }

  async #ask(): Promise<Condition> {
    let otherwise: Condition = 'not ready';
    let timer: NodeJS.Timeout | undefined;
    try {
      return await this.#borrowed(async (client) => {
        timer = setTimeout(() => {
          otherwise = 'silent';
          drop(client);
        }, silence);
        const { rows } = await client.query<{ name: string }>('SELECT migration.name FROM migration');
        const names = new Set(rows.map(({ name }) => name));
        return this.dataSource.migrations.every((migration) => names.has(migration.constructor.name)) ? 'ready' : 'not ready';
      });
    } catch (error) {
      return /timeout/i.test((error as Error).message) ? 'silent' : otherwise;
    } finally {
      clearTimeout(timer);
    }
  }
}

async function transaction<Result>(client: Client, begin: string, work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
  try {
    await client.query(begin);
    const result = await work(repositoriesOn(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // What cannot be rolled back was on a connection that is gone, and is rolled back by the server.
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

function repositoriesOn(client: Client): Repositories {
  return {
    locks: new LockRepository(client),
    accounts: new AccountRepository(client),
    accountLists: new AccountListRepository(client),
    organizations: new OrganizationRepository(client),
    credentials: new CredentialRepository(client),
    profiles: new ProfileRepository(client),
    history: new HistoryRepository(client),
    idempotencyKeys: new IdempotencyRepository(client),
    signInFailures: new SignInFailureRepository(client),
    emailConflicts: new EmailConflictRepository(client),
  };
}

/** What the violation of a unique index means to whoever caused it. */
const conflicts: Record<string, () => AppError> = {
  account_open_email_address: emailInUse,
  organization_domain_name: () =>
    new AppError('DOMAIN_NAME_IN_USE', 'Another open organization has this domain name.', { field: 'domainName' }),
};

const sqlState = { uniqueViolation: '23505', serializationFailure: '40001', deadlock: '40P01', lockNotAvailable: '55P03' };

/** SQLSTATE classes that say that the server cannot serve now: connection lost or refused, no such database, out of resources, shutting down. */
const unavailableClasses = ['08', '28', '3D', '53', '57', '58'];
/** A table that is not there; a server that takes no changes or no connections, as while it is replaced. */
const unavailableCodes = ['42P01', '25006', '55000'];
/** A table or a column that is not there: so it is before the migrations have run. */
const missingCodes = ['42P01', '42703'];
const unreachable =
  /ECONN|ENOENT|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|Connection terminated|connect(?:ion)? timeout|trying to connect|not queryable|already released/i;

interface DriverError extends Error {
  code?: string;
  constraint?: string;
}

function driverError(error: unknown): DriverError | undefined {
  return error instanceof Error ? error : undefined;
}

function codeOf(error: unknown): string | undefined {
  return driverError(error)?.code;
}

/** Whether the transaction failed for what others did at the same time, so that it may succeed the next time. */
function lostToAnother(error: unknown): boolean {
  const code = codeOf(error);
  if (code === sqlState.uniqueViolation) return driverError(error)?.constraint === 'history_of_token_lists';
  return code === sqlState.serializationFailure || code === sqlState.deadlock || isOutdated(error);
}

/** Turns the database's failures that a caller can act on into the catalogue's errors, and passes on all else. */
function asAppError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const cause = driverError(error);
  const code = cause?.code ?? '';
  if (code === sqlState.uniqueViolation && cause?.constraint !== undefined) {
    return conflicts[cause.constraint]?.() ?? error;
  }
  if (code === sqlState.lockNotAvailable) {
    return new AppError('OVERLOADED', 'Another change of the same accounts takes long; try again.', { cause: error });
  }
  if (
    lostToAnother(error) ||
    unavailableCodes.includes(code) ||
    unavailableClasses.includes(code.slice(0, 2)) ||
    unreachable.test(`${code} ${cause?.message}`)
  ) {
    return new AppError('UNAVAILABLE', 'The database cannot be reached right now; try again.', { cause: error });
  }
  return error;
}
