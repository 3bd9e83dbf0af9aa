import { outcomeOf } from '../domain/resource-removal.js';
import { retryDelay, triedForMilliseconds } from '../domain/retries.js';
import type { Database } from '../persistence/connection/database.js';
import { pipelined } from '../persistence/connection/pipeline.js';
import type { ClaimedRemoval } from '../persistence/repositories/removal-repository.js';
import type { ClosedAccounts, RemovalAnswer, RemovalSender } from '../subresources/removal-sender.js';
import { LookBack } from './look-back.js';

/** How often closings are looked for, in milliseconds. */
const pollMilliseconds = 1000;

/** How many requests of one subresource a process has under way. So what drains takes little from other traffic. */
const atOnce = 4;

/** How many accounts are done between two records of it. What was not recorded before a crash is asked for again. */
const recordEvery = 20;

/** Told of removals, for the metrics. */
export interface RemovalObserver {
  removed(subresource: string, accounts: number): void;
  refused(subresource: string): void;
  failed(error: unknown): void;
}

/**
 * Has the services behind the subresources remove what closed accounts had (SPEC §6, ADR 53): at least once, until they confirm it. Every process
 * does one closing of each subresource at a time; they share the work by leases in the database.
 */
export class RemovalDrain {
  #timer: NodeJS.Timeout | undefined;
  readonly #lookBack = new LookBack();
  #looking: Promise<void> | undefined;
  readonly #draining = new Map<string, Promise<void>>();
  #isStopped = false;

  constructor(
    private readonly database: Database,
    private readonly sender: RemovalSender,
    private readonly observer: RemovalObserver,
  ) {}

  start(): void {
    if (this.sender.subresources.length === 0) return;
    this.#timer = setInterval(() => this.#look(), pollMilliseconds);
    this.#look();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#looking;
    await Promise.all(this.#draining.values());
  }

  #look(): void {
    if (this.#isStopped || this.#looking !== undefined) return;
    this.#looking = this.#planAndDrain()
      .catch((error: unknown) => this.observer.failed(error))
      .finally(() => (this.#looking = undefined));
  }

  async #planAndDrain(): Promise<void> {
    const { subresources } = this.sender;
    await this.#lookBack.look((since) =>
      this.database.background(async ({ removals }) => {
        const [read] = await pipelined(removals.plan(since, subresources), since === undefined ? removals.recall() : undefined);
        return read;
      }),
    );
    for (const subresource of subresources) {
      if (this.#draining.has(subresource)) continue;
      const draining = this.#drain(subresource)
        .catch((error: unknown) => this.observer.failed(error))
        .finally(() => void this.#draining.delete(subresource));
      this.#draining.set(subresource, draining);
    }
  }

  /** Does what is due of a subresource, one closing after the other. */
  async #drain(subresource: string): Promise<void> {
    while (!this.#isStopped) {
      const claimed = await this.database.background(({ removals }) => removals.claim(subresource));
      if (claimed === undefined) return;
      await this.#remove(claimed);
    }
  }

  /** Removes a closing's resources, from where it stands, until it is done or the service fails. */
  async #remove(claimed: ClaimedRemoval): Promise<void> {
    const size = this.sender.batchSizeOf(claimed.subresource);
    let { part, removed } = claimed;
    for (;;) {
      const sids = await this.database.background(({ removals }) => removals.accountsOf({ ...claimed, part }));
      if (sids === undefined) return this.database.background(({ removals }) => removals.finish(claimed, 'done'));
      while (removed < sids.length) {
        if (this.#isStopped) return this.database.background(({ removals }) => removals.release(claimed));
        const batch = sids.slice(removed, removed + Math.max(size, recordEvery));
        const refusal = await this.#tell(claimed, batch, size);
        if (refusal !== undefined) return this.#give(claimed, refusal);
        removed += batch.length;
        this.observer.removed(claimed.subresource, batch.length);
        const isHeld = await this.database.background(({ removals }) => removals.advance(claimed, part, removed));
        if (!isHeld) return;
        claimed.failures = 0;
      }
      part += 1;
      removed = 0;
    }
  }

  /** Tells the service of some accounts, a few requests at once. Returns the first answer that confirms nothing. */
  async #tell(
    { subresource, subjectSid, actorSid, requestId }: ClaimedRemoval,
    sids: string[],
    size: number,
  ): Promise<RemovalAnswer | undefined> {
    const requests = Array.from({ length: Math.ceil(sids.length / size) }, (_, index): ClosedAccounts => {
      return { subresource, subjectSid, actorSid, requestId, sids: sids.slice(index * size, (index + 1) * size) };
    });
    let refusal: RemovalAnswer | undefined;
    const work = async (): Promise<void> => {
      for (let next = requests.shift(); next !== undefined && refusal === undefined; next = requests.shift()) {
        const answer = await this.sender.send(next);
        if (!('status' in answer) || outcomeOf(answer.status) !== 'confirmed') refusal ??= answer;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return refusal;
  }

  async #give(claimed: ClaimedRemoval, refusal: RemovalAnswer): Promise<void> {
    this.observer.refused(claimed.subresource);
    const why =
      'status' in refusal ? `The service answered with status ${refusal.status}.` : `The service could not be asked: ${refusal.failure}.`;
    const isFinal = 'status' in refusal && outcomeOf(refusal.status) === 'unsupported';
    await this.database.background(({ removals }) =>
      isFinal
        ? removals.finish(claimed, 'unsupported', why)
        : removals.fail(claimed, why, retryDelay(claimed.failures + 1, null, Math.random()), triedForMilliseconds),
    );
  }
}
