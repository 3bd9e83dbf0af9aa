import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { Payer } from '../../domain/account.js';
import { AppError } from '../../errors.js';
import { Database, type DatabaseBounds, type Repositories } from './database.js';

interface ReplicaSettings {
  /** Makes a DataSource of the replica, not yet initialized; it is called again after a failure. */
  connect: () => DataSource;
  /** How much may be asked of it at once. */
  bounds: DatabaseBounds;
  /** How far behind the replica may be and still be read. */
  maxLagSeconds: number;
  /** Called when reads begin to go to the replica. */
  onUsable: () => void;
  /** Called with the reason when reads no longer go to the replica, or cannot at first. */
  onUnusable: (reason: string) => void;
}

/** How often the replica is checked, in milliseconds. */
const interval = 1_000;
/** How long the replica may take to answer a check, in milliseconds. */
const patience = 2_000;
/** How long after a failure it is checked again, in milliseconds. */
const pause = 5_000;

/** The connections to the replica; they may still be under way. */
interface Connection {
  dataSource: DataSource;
  database: Database;
  initialized: Promise<DataSource>;
}

/**
 * A streaming replica. It is read only while it answers, is a replica of this very database, and is not too far behind. That is
 * checked every second, apart from requests, so no request waits for a replica that is gone. Requests that are reading from it when it
 * is lost are broken off, and read from the primary instead.
 *
 * The replica cannot say how far behind it is, since it cannot know of changes that it has not received. So the primary's positions in its
 * log are kept with their times, and the position that the replica has replayed is compared with them. A replica of an idle primary
 * is never late. One that was cut off, or promoted to a primary, stops replaying and becomes too late.
 */
export class Replica {
  readonly #stopped = new AbortController();
  /** The primary's positions in its log, as far back as the replica may be behind. */
  #positions: { at: number; log: bigint }[] = [];
  #connection: Connection | undefined;
  #isUsed = false;
  /** Whether the reason why it is not read has been reported. */
  #isReported = false;
  #pausesUntil = 0;
  #following: Promise<void> | undefined;

  constructor(private readonly settings: ReplicaSettings) {}

  /** Whether reads go to it now. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** Its DataSource, while it is connected. */
  get dataSource(): DataSource | undefined {
    return this.#connection?.dataSource;
  }

  /** What `work` reads on the replica; undefined when the replica cannot be read. @throws AppError OVERLOADED */
  async read<Result>(
    payer: Payer | undefined,
    work: (repositories: Repositories) => Promise<Result>,
  ): Promise<{ result: Result } | undefined> {
    const connection = this.#connection;
    if (connection === undefined || !this.#isUsed) return undefined;
    try {
      return { result: await connection.database.read(payer, work) };
    } catch (error) {
      // Only this tree's share of the replica is used up; others can still read from it.
      if (error instanceof AppError && error.code === 'OVERLOADED') throw error;
      if (this.#isUsed && connection === this.#connection) this.#fail(error);
      return undefined;
    }
  }

  /** Begins to check the replica, against the primary's positions in its log. */
  follow(primary: Pick<Database, 'logPosition'>): void {
    this.#following ??= this.#follow(primary);
  }

  /** Stops checking the replica and disconnects from it. */
  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#following;
    // A replica that has fallen silent would never confirm the end.
    await Promise.race([this.#disconnect(), sleep(patience, undefined, { ref: false })]);
  }

  async #follow(primary: Pick<Database, 'logPosition'>): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      if (performance.now() >= this.#pausesUntil) {
        const silence = sleep(patience, undefined, { ref: false, signal }).then(() => {
          throw new Error('it does not answer');
        });
        await Promise.race([this.#check(primary), silence]).catch((error: unknown) => this.#fail(error));
      }
      await sleep(interval, undefined, { signal }).catch(() => {});
    }
  }

  async #check(primary: Pick<Database, 'logPosition'>): Promise<void> {
    const { cluster, log } = await primary.logPosition();
    if (this.#stopped.signal.aborted) return;
    const now = performance.now();
    this.#positions = [...this.#positions.filter(({ at }) => at >= now - this.settings.maxLagSeconds * 1_000), { at: now, log }];

    const connection = (this.#connection ??= connectionOf(this.settings));
    await connection.initialized;
    const replayed = await connection.database.logPosition();
    if (connection !== this.#connection || this.#stopped.signal.aborted) return;
    if (replayed.cluster !== cluster || !replayed.isReplica) throw new Error('it is no replica of the database');
    if (this.#positions.some((position) => position.log <= replayed.log)) this.#use();
    else this.#leave(`it is more than ${this.settings.maxLagSeconds} seconds behind`);
  }

  #use(): void {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#isReported = false;
    this.settings.onUsable();
  }

  #leave(reason: string): void {
    this.#isUsed = false;
    if (this.#isReported) return;
    this.#isReported = true;
    this.settings.onUnusable(reason);
  }

  /** Disconnects after a failure, which breaks off the requests that are reading. */
  #fail(error: unknown): void {
    if (this.#stopped.signal.aborted) return;
    this.#pausesUntil = performance.now() + pause;
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
  // A failure reaches whoever waits for it; without this line it would end the process where nobody does.
  initialized.catch(() => {});
  return { dataSource, database: new Database(dataSource, bounds), initialized };
}
