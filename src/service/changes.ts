import type { Deed } from '../domain/history.js';
import type { SignedIn } from '../domain/permissions.js';
import type { Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import type { Database, Repositories } from '../persistence/database.js';
import type { Secrets } from './secrets.js';

/** Who changes something, and for which request. */
export type Author = SignedIn | typeof gatewayItself;

/** What the gateway does of itself, at its first start. */
export const gatewayItself = { account: null, requestId: null, repeatable: undefined } as const;

/** Notes what is done to something of the tree; written when all is done. */
export type Note = (treeSid: Sid, deed: Deed) => void;

/**
 * How the result of a use case is kept, for requests that repeat it: as JSON, without what is secret in it; and how it is
 * made whole again.
 */
export interface Keeping<Result> {
  kept(result: Result): unknown;
  restored(kept: never, repositories: Repositories): Promise<Result>;
}

/** A result without secrets. */
const whole: Keeping<unknown> = { kept: (result) => result, restored: async (kept) => kept };

/**
 * Changes of state. Each is one transaction, with the entries of the history that tell of it (SPEC §7) and, when it may be
 * repeated, with what came of it (SPEC §2): all of them happen, or none.
 */
export class Changes {
  constructor(
    private readonly database: Database,
    private readonly secrets: Secrets,
  ) {}

  /**
   * Does the work, once for all requests of the author with the same key. `work` may run more than once, so it must touch
   * nothing but what it is handed.
   * @throws AppError UNAVAILABLE, IDEMPOTENCY_IN_FLIGHT, IDEMPOTENCY_MISMATCH, and what the work throws
   */
  async write<Result>(
    author: Author,
    work: (repositories: Repositories, note: Note) => Promise<Result>,
    keeping: Keeping<Result> = whole as Keeping<Result>,
  ): Promise<Result> {
    return this.database.write(async (repositories) => {
      const { repeatable, account } = author;
      if (repeatable === undefined) return this.#change(repositories, author, work);

      const request = JSON.stringify([author.rank, repeatable.request]);
      const earlier = await this.#earlier(repositories, account.sid, repeatable.key, request);
      if (earlier !== undefined) return keeping.restored(JSON.parse(earlier, asDate) as never, repositories);
      const result = await this.#change(repositories, author, work);
      await repositories.idempotencyKeys.keep(account.sid, repeatable.key, {
        requestHash: this.secrets.hashRequest(request),
        result: JSON.stringify(keeping.kept(result)),
      });
      return result;
    });
  }

  async #earlier({ idempotencyKeys }: Repositories, accountSid: Sid, key: string, request: string): Promise<string | undefined> {
    if (!(await idempotencyKeys.claim(accountSid, key))) {
      throw new AppError('IDEMPOTENCY_IN_FLIGHT', 'A request with this idempotency key is being worked on.');
    }
    // A statement of its own: it sees what the last holder of the key committed.
    const done = await idempotencyKeys.find(accountSid, key);
    if (done !== undefined && !this.secrets.isRequest(request, done.requestHash)) {
      throw new AppError('IDEMPOTENCY_MISMATCH', 'This idempotency key came with another request before.');
    }
    return done?.result;
  }

  async #change<Result>(
    repositories: Repositories,
    { account, requestId }: Author,
    work: (repositories: Repositories, note: Note) => Promise<Result>,
  ): Promise<Result> {
    const chains = new Map<Sid, Deed[]>();
    const result = await work(repositories, (treeSid, deed) => void chains.set(treeSid, [...(chains.get(treeSid) ?? []), deed]));
    for (const [treeSid, deeds] of chains) {
      await repositories.history.append(treeSid, { actorSid: account?.sid ?? null, requestId }, deeds);
    }
    return result;
  }
}

const instants = ['dateCreated', 'dateUpdated', 'expiresAt'];

/** Instants, which JSON has as texts, become instants again. */
function asDate(key: string, value: unknown): unknown {
  return instants.includes(key) ? new Date(value as string) : value;
}
