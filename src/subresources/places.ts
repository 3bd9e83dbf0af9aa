import type { Payer } from '../domain/account.js';
import type { Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';

/** How many requests for subresources may be under way, in one process. */
export interface PlacesLimits {
  /** At one upstream. */
  readonly perUpstream: number;
  /** Of one account, at all upstreams together. */
  readonly perAccount: number;
}

/**
 * The places for requests that wait for upstreams (SPEC §6). They are apart from the slots of `MAX_REQUESTS`, so that a slow upstream
 * takes nothing from the gateway's own work, and each upstream has its own, so that it takes nothing from the others. A tree
 * gets a place only while more are free than it has there, as with database connections (ADR 30): so no customer takes all of an
 * upstream, whatever number of accounts it asks by.
 */
export class Places {
  readonly #ofUpstream = new Map<string, number>();
  /** Of each tree at each upstream. */
  readonly #ofTree = new Map<string, number>();
  readonly #ofAccount = new Map<Sid, number>();

  constructor(
    private readonly limits: PlacesLimits,
    /** Called with the name of the upstream for each refusal. */
    private readonly onRefused: (upstream: string) => void,
  ) {}

  /** Takes a place at the upstream, and returns what gives it back. @throws AppError RATE_LIMITED, OVERLOADED */
  take(upstream: string, { sid, topLevelSid }: Payer): () => void {
    const tree = `${upstream} ${topLevelSid}`;
    if ((this.#ofAccount.get(sid) ?? 0) >= this.limits.perAccount) {
      throw this.#refusal(
        upstream,
        'RATE_LIMITED',
        `The account has ${this.limits.perAccount} requests for subresources under way, and may have no more. Wait until one of them ends.`,
      );
    }
    const free = this.limits.perUpstream - this.taken(upstream);
    if (free <= (this.#ofTree.get(tree) ?? 0)) {
      throw this.#refusal(
        upstream,
        'OVERLOADED',
        'Too many requests are waiting for the service behind this subresource. Try again in a second.',
      );
    }
    const changeAll = (by: number): void => {
      change(this.#ofUpstream, upstream, by);
      change(this.#ofTree, tree, by);
      change(this.#ofAccount, sid, by);
    };
    changeAll(1);
    let isTaken = true;
    return () => {
      if (isTaken) changeAll(-1);
      isTaken = false;
    };
  }

  /** How many requests the upstream has now. */
  taken(upstream: string): number {
    return this.#ofUpstream.get(upstream) ?? 0;
  }

  #refusal(upstream: string, code: 'RATE_LIMITED' | 'OVERLOADED', message: string): AppError {
    this.onRefused(upstream);
    return new AppError(code, message, { retryAfter: 1 });
  }
}

function change<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
