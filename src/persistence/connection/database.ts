import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { Payer } from '../../domain/account.js';
import { AppError } from '../../errors.js';
import { type Repositories, repositoriesOn } from '../repositories/repositories.js';
import { Admission, type RefusalReason, type WorkKind, type WorkOf, lanesOf } from './admission.js';
import { withBusyTime } from './busy-time.js';
import { withDeadline } from './deadline.js';
import type { Client } from './driver.js';
import { entitiesOn } from './entity-manager.js';
import { asAppError, codeOf, isLostRace, isMissing, sqlState } from './errors.js';
import { type Condition, Health } from './health.js';
import { Pool } from './pool.js';
import { StaleReads } from './stale-reads.js';
import { type ChangeLimits, changeTransaction, snapshotTransaction } from './transaction.js';

export type { Repositories } from '../repositories/repositories.js';

/** A replica, which is behind the database and may be gone. */
export interface StaleSource {
  /** What `work` reads there; undefined when the replica cannot be read. */
  read<Result>(payer: Payer | undefined, work: (repositories: Repositories) => Promise<Result>): Promise<{ result: Result } | undefined>;
}

/** How far a server's log has been written or, on a replica, replayed. */
export interface LogPosition {
  /** A server shares this with its replicas, and with no other server. */
  cluster: string;
  isReplica: boolean;
  /** In bytes. */
  log: bigint;
}

/** How often a transaction is tried that loses to others, before its client is told to come again. */
const tries = 5;

/** How much may be asked of the database at once, and how long it may take. */
export interface DatabaseBounds extends ChangeLimits {
  /** Connections at most; one of them is kept for the question whether the database answers. */
  poolSize: number;
  /** How many look-ups, how many other reads and how many changes wait for a connection at most; of one tree, half as many. */
  queueSize: number;
  /** How long work waits for a connection, in milliseconds. */
  queueMilliseconds: number;
  /** How long a read may take, in milliseconds. */
  readMilliseconds: number;
  /** Called with the reason when work is refused for lack of room. */
  onRefused: (reason: RefusalReason) => void;
  /** Called with the time that somebody's statements took, in milliseconds, without what was waited for a connection. */
  onUsed: (payer: Payer, milliseconds: number) => void;
}

export const defaultBounds: DatabaseBounds = {
  poolSize: 10,
  queueSize: 1000,
  queueMilliseconds: 5_000,
  readMilliseconds: 15_000,
  changeMilliseconds: 300_000,
  lockMilliseconds: 10_000,
  onRefused: () => {},
  onUsed: () => {},
};

/**
 * The database as services see it: single reads, and changes that happen whole or not at all. Nothing waits without end, neither
 * for a connection nor for a lock, a statement or a silent server (ADR 15). Trees share the connections (ADR 30).
 */
export class Database {
  readonly #admission: Admission;
  readonly #pool: Pool;
  readonly #health: Health;

  constructor(
    private readonly dataSource: DataSource,
    private readonly bounds: DatabaseBounds = defaultBounds,
    private readonly replica?: StaleSource,
  ) {
    const lanes = lanesOf(bounds.poolSize - 1);
    this.#admission = new Admission({ lanes, waiting: bounds.queueSize, patience: bounds.queueMilliseconds }, bounds.onRefused);
    this.#pool = new Pool(dataSource);
    this.#health = new Health(this.#pool, dataSource);
  }

  /**
   * Reads outside a transaction: each statement sees what was committed when it began. The payer is the account that asks; none
   * where it is the gateway's own work, or not known yet.
   * @throws AppError UNAVAILABLE, OVERLOADED
   */
  async read<Result>(payer: Payer | undefined, work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    return this.#read('read', payer, work);
  }

  /** As `read`, for what is found by its key, in as many steps of an index as there are keys. @throws AppError UNAVAILABLE, OVERLOADED */
  async lookUp<Result>(payer: Payer | undefined, work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    return this.#read('lookUp', payer, work);
  }

  /**
   * As `lookUp`, for what the gateway does by itself, such as deliveries, in single statements that may change something too. It shares
   * connections as a tree of its own does, so whoever signs in does not wait behind it (ADR 30). @throws AppError UNAVAILABLE, OVERLOADED
   */
  async background<Result>(work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    return this.#read('lookUp', 'gateway', work);
  }

  /**
   * Reads what may be stale: from the replica if one can be read, else as `read`. `StaleReads` offers nothing that must be fresh.
   * @throws AppError UNAVAILABLE, OVERLOADED
   */
  async readStale<Result>(payer: Payer | undefined, work: (reads: StaleReads) => Promise<Result>): Promise<Result> {
    const reads = (repositories: Repositories): Promise<Result> => work(new StaleReads(repositories));
    const answer = await this.replica?.read(payer, reads);
    return answer === undefined ? this.read(payer, reads) : answer.result;
  }

  /**
   * One transaction. `work` may run more than once, so it must change nothing but through the repositories that it is handed.
   * @throws AppError UNAVAILABLE, OVERLOADED, and what the violation of a unique index means
   */
  async write<Result>(payer: Payer | undefined, work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#connected('write', payer, this.bounds.changeMilliseconds, (client) =>
          changeTransaction(client, this.bounds, () => work(this.#repositoriesOn(client))),
        );
      } catch (error) {
        if (codeOf(error) === sqlState.lockNotAvailable) this.bounds.onRefused('lock');
        if (attempt === tries || !isLostRace(error)) throw await this.#explained(error);
        await sleep(Math.random() * 20 * attempt);
      }
    }
  }

  /** Reads in one transaction: every statement sees what was committed when the first one began. @throws AppError UNAVAILABLE */
  async snapshot<Result>(work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    try {
      return await this.#pool.borrow((client) => snapshotTransaction(client, () => work(this.#repositoriesOn(client))));
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  /** How much work of the kind waits for a connection. */
  waiting(kind: WorkKind): number {
    return this.#admission.waitingFor(kind);
  }

  async logPosition(): Promise<LogPosition> {
    const [position] = await this.dataSource.query<[Omit<LogPosition, 'log'> & { log: string }]>(
      `SELECT (SELECT control.system_identifier::text FROM pg_control_system() AS control) AS cluster,
              pg_is_in_recovery() AS "isReplica",
              (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn)::text AS log`,
    );
    return { ...position, log: BigInt(position.log) };
  }

  /** Whether it answers, and can serve. */
  condition(): Promise<Condition> {
    return this.#health.condition();
  }

  /** Whether the database answers and every migration of this program has run. */
  async isReady(): Promise<boolean> {
    return (await this.condition()) === 'ready';
  }

  /** Closes every connection. What still runs is broken off. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #read<Result>(kind: 'read' | 'lookUp', payer: WorkOf, work: (repositories: Repositories) => Promise<Result>): Promise<Result> {
    try {
      return await this.#connected(kind, payer, this.bounds.readMilliseconds, (client) => work(this.#repositoriesOn(client)));
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  /** Does work on a connection, once it is the payer's turn, and for no longer than the limit in milliseconds. */
  #connected<Result>(kind: WorkKind, payer: WorkOf, limit: number, work: (client: Client) => Promise<Result>): Promise<Result> {
    const isAnswering = async () => (await this.#health.condition()) !== 'silent';
    const onUsed = (milliseconds: number): void => void (typeof payer === 'object' && this.bounds.onUsed(payer, milliseconds));
    return this.#admission.run(kind, payer, () =>
      this.#pool.borrow((client) => withBusyTime(client, onUsed, () => withDeadline(client, { limit, isAnswering }, () => work(client)))),
    );
  }

  #repositoriesOn(client: Client): Repositories {
    return repositoriesOn(client, entitiesOn(this.dataSource, client));
  }

  /** What a failure means to the caller. */
  async #explained(error: unknown): Promise<unknown> {
    if (!isMissing(error) || (await this.#health.condition()) !== 'not ready') return asAppError(error);
    return new AppError('UNAVAILABLE', 'The migrations of the database have not run. Try again once its operator has run them.', {
      cause: error,
    });
  }
}
