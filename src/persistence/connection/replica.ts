import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { Payer } from '../../domain/account.js';
import { AppError } from '../../errors.js';
import { Database, type DatabaseBounds, type Repositories } from './database.js';

export interface ReplicaSettings {
  /** Makes the connections to the replica, not yet initialized; again after they failed. */
  connect: () => DataSource;
  /** How much may be asked of it at once. */
  bounds: DatabaseBounds;
  /** How far behind the replica may be and still be read. */
  maxLagSeconds: number;
  /** Told when the replica comes to be read, and when it is not any more, with the reason. */
  onUsed: () => void;
  onLeft: (reason: string) => void;
}

/** How often the replica is looked at, how long it may take to answer that, and how long it rests after a failure; in milliseconds. */
const interval = 1_000;
const patience = 2_000;
const rest = 5_000;

/** The connections to the replica, from before they are made on. */
interface Connection {
  dataSource: DataSource;
  database: Database;
  initialized: Promise<DataSource>;
}

/**
 * A streaming replica, for as long as it is fit to be read: it answers, it is a replica of this very database, and it is
 * not too far behind. That is judged beside the requests, every second. So no request waits for a replica that is gone; those
 * that wait for it when it is lost are broken off, and ask the primary.
 *
 * How far behind it is cannot be asked of the replica, which does not know of what it has not been sent. So the primary's
 * position in its log is noted, with the time; and what the replica has replayed is compared with those notes. An idle
 * primary makes no replica late, and one that was cut off, or made a primary itself, stays where it is and becomes too late.
 */
export class Replica {
  readonly #stopped = new AbortController();
  /** Where the primary's log was, at moments that are not longer ago than the replica may be behind. */
  #notes: { at: number; log: bigint }[] = [];
  #connection: Connection | undefined;
  #isUsed = false;
  /** Whether `onLeft` has told what is the matter, or there was nothing yet. */
  #isTold = false;
  #restsUntil = 0;
  #following: Promise<void> | undefined;

  constructor(private readonly settings: ReplicaSettings) {}

  /** Whether reads go to it at present. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** Its connections, while there are any. */
  get dataSource(): DataSource | undefined {
    return this.#connection?.dataSource;
  }

  /** What `work` reads on the replica; nothing when it is not fit to be asked, or fails. @throws AppError OVERLOADED */
  async read<Result>(
    payer: Payer | undefined,
    work: (repositories: Repositories) => Promise<Result>,
  ): Promise<{ result: Result } | undefined> {
    const connection = this.#connection;
    if (connection === undefined || !this.#isUsed) return undefined;
    try {
      return { result: await connection.database.read(payer, work) };
    } catch (error) {
      // It is the tree's share of the replica that is used up, and the replica is fit for all others.
      if (error instanceof AppError && error.code === 'OVERLOADED') throw error;
      if (this.#isUsed && connection === this.#connection) this.#fail(error);
      return undefined;
    }
  }

  /** Begins to judge the replica, by what the primary says of its own log. */
  follow(primary: Pick<Database, 'logPosition'>): void {
    this.#following ??= this.#follow(primary);
  }

  /** Lets go of the replica, for good. */
  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#following;
    // A replica that has fallen silent does not say goodbye.
    await Promise.race([this.#disconnect(), sleep(patience, undefined, { ref: false })]);
  }

  async #follow(primary: Pick<Database, 'logPosition'>): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      if (performance.now() >= this.#restsUntil) {
        const silence = sleep(patience, undefined, { ref: false, signal }).then(() => {
          throw new Error('it does not answer');
        });
        await Promise.race([this.#judge(primary), silence]).catch((error: unknown) => this.#fail(error));
      }
      await sleep(interval, undefined, { signal }).catch(() => {});
    }
  }

  async #judge(primary: Pick<Database, 'logPosition'>): Promise<void> {
    const { cluster, log } = await primary.logPosition();
    if (this.#stopped.signal.aborted) return;
    const now = performance.now();
    this.#notes = [...this.#notes.filter(({ at }) => at >= now - this.settings.maxLagSeconds * 1_000), { at: now, log }];

    const connection = (this.#connection ??= connectionOf(this.settings));
    await connection.initialized;
    const replayed = await connection.database.logPosition();
    if (connection !== this.#connection || this.#stopped.signal.aborted) return;
    if (replayed.cluster !== cluster || !replayed.isReplica) throw new Error('it is no replica of the database');
    if (this.#notes.some((note) => note.log <= replayed.log)) this.#use();
    else this.#leave(`it is more than ${this.settings.maxLagSeconds} seconds behind`);
  }

  #use(): void {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#isTold = false;
    this.settings.onUsed();
  }

  #leave(reason: string): void {
    this.#isUsed = false;
    if (this.#isTold) return;
    this.#isTold = true;
    this.settings.onLeft(reason);
  }

  /** Connections on which something failed are of no more use. To destroy them breaks off whoever waits for an answer on one. */
  #fail(error: unknown): void {
    if (this.#stopped.signal.aborted) return;
    this.#restsUntil = performance.now() + rest;
    void this.#disconnect();
    this.#leave((error as Error).message);
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#isUsed = false;
    await connection?.initialized.then(() => connection.database.close()).catch(() => {});
  }
}

function connectionOf({ connect, bounds }: ReplicaSettings): Connection {
  const dataSource = connect();
  const initialized = dataSource.initialize();
  // Whoever waits for it learns of the failure; when nobody does any more, it is no news.
  initialized.catch(() => {});
  return { dataSource, database: new Database(dataSource, bounds), initialized };
}
