import type { Sid } from '../domain/sid.js';
import type { Database } from '../persistence/connection/database.js';
import { LookBack } from './look-back.js';

/** How often changes of other processes are looked for, in milliseconds. */
const pollMilliseconds = 1000;

/** Follows the history of one tree for one reader. */
export class HistoryFollower {
  #hasGrown = false;
  #resolve: (() => void) | undefined;

  /** To be called before reading: what is added from now on counts as new. */
  begin(): void {
    this.#hasGrown = false;
  }

  /** Resolves once the history has grown since `begin`, or the following has ended. */
  async grown(): Promise<void> {
    if (!this.#hasGrown) await new Promise<void>((resolve) => (this.#resolve = resolve));
  }

  notify(): void {
    this.#hasGrown = true;
    this.#resolve?.();
    this.#resolve = undefined;
  }
}

/**
 * Tells whoever follows the history of a tree that it has grown: by one look a second for all of them, and at once after a change in this
 * process. Nobody is told too seldom, though somebody may be told without need.
 */
export class HistoryWatch {
  readonly #followers = new Map<Sid, Set<HistoryFollower>>();
  /** Where the histories ended that changed lately. */
  #positions = new Map<Sid, number>();
  // Whoever follows has read first, so there is nothing to find in a look at everything.
  readonly #lookBack = new LookBack(Infinity);
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(
    private readonly database: Database,
    private readonly onFailed: (error: unknown) => void,
  ) {}

  /** Follows the history of the tree until the signal is aborted. */
  follow(treeSid: Sid, signal: AbortSignal): HistoryFollower {
    const follower = new HistoryFollower();
    const followers = this.#followers.get(treeSid) ?? new Set();
    this.#followers.set(treeSid, followers.add(follower));
    this.#timer ??= setInterval(() => void this.#look(), pollMilliseconds);
    const end = (): void => {
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(treeSid) === followers) this.#followers.delete(treeSid);
      follower.notify();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    return follower;
  }

  /** Called with the trees that a change in this process has added to. */
  wake(treeSids: readonly Sid[]): void {
    for (const sid of treeSids) this.#followers.get(sid)?.forEach((follower) => follower.notify());
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    if (this.#followers.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      // Whoever follows next reads first.
      this.#lookBack.restart();
      this.#positions.clear();
      return;
    }
    this.#isLooking = true;
    try {
      const { heads, isClockBack } = await this.#lookBack.look((since) =>
        this.database.background(({ events }) => events.changedSince(since)),
      );
      // Dates say nothing of what is new. Everybody looks.
      if (isClockBack) this.wake([...this.#followers.keys()]);
      const grown = heads.filter(({ treeSid, position }) => this.#positions.get(treeSid) !== position);
      this.#positions = new Map(heads.map(({ treeSid, position }) => [treeSid, position]));
      this.wake(grown.map(({ treeSid }) => treeSid));
    } catch (error) {
      this.onFailed(error);
    } finally {
      this.#isLooking = false;
    }
  }
}
