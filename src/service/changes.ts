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
  restored(kept: never): Promise<Result>;
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
    return this.database.write(author.account ?? undefined, async (repositories) => {
      const { repeatable, account } = author;
      if (repeatable === undefined) return this.#change(repositories, author, work);

      if (!(await repositories.idempotencyKeys.claim(account.sid, repeatable.key))) {
        throw new AppError('IDEMPOTENCY_IN_FLIGHT', 'A request with this idempotency key is being worked on.');
      }
      // A statement of its own: it sees what the last holder of the key committed.
      const earlier = await this.#earlier(repositories, author, keeping);
      if (earlier !== undefined) return earlier.result;
      const result = await this.#change(repositories, author, work);
      await repositories.idempotencyKeys.keep(account.sid, repeatable.key, {
        requestHash: this.secrets.hashRequest(requestOf(author)),
        result: JSON.stringify(keeping.kept(result)),
      });
      return result;
    });
  }

  /**
   * What came of the request, if it was done before: for use cases that have long work to do before they change something.
   * @throws AppError UNAVAILABLE, IDEMPOTENCY_MISMATCH
   */
  async earlier<Result>(author: SignedIn, keeping: Keeping<Result> = whole as Keeping<Result>): Promise<{ result: Result } | undefined> {
    if (author.repeatable === undefined) return undefined;
    return this.database.lookUp(author.account, (repositories) => this.#earlier(repositories, author, keeping));
  }

  async #earlier<Result>(
    { idempotencyKeys }: Repositories,
    author: SignedIn,
    { restored }: Keeping<Result>,
  ): Promise<{ result: Result } | undefined> {
    const done = await idempotencyKeys.find(author.account.sid, author.repeatable!.key);
    if (done === undefined) return undefined;
    if (!this.secrets.isRequest(requestOf(author), done.requestHash)) {
      throw new AppError('IDEMPOTENCY_MISMATCH', 'This idempotency key came with another request before.');
    }
    return { result: await restored(JSON.parse(done.result, asDate) as never) };
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

/** The request with what its author is: who was demoted, or moved to another organization, is not told again what was told then. */
function requestOf({ rank, account, repeatable }: SignedIn): string {
  return JSON.stringify([rank, account.organizationSid, repeatable!.request]);
}

const instants = ['dateCreated', 'dateUpdated', 'expiresAt'];

/** Instants, which JSON has as texts, become instants again. */
function asDate(key: string, value: unknown): unknown {
  return instants.includes(key) ? new Date(value as string) : value;
}
