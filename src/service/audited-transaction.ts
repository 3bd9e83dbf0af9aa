import type { Account } from '../domain/account.js';
import type { AuditEvent } from '../domain/history.js';
import type { IdempotentRequest } from '../domain/idempotency.js';
import { type SignedIn, revalidate } from '../domain/actor.js';
import { type Operation, authorize } from '../domain/permissions.js';
import type { RequestContext } from '../domain/request-context.js';
import type { Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import type { Held } from '../persistence/repositories/lock-repository.js';
import type { Secrets } from './secrets.js';

/** Who changes something without having signed in: the holder of a reset token, as the account itself; or nobody, the gateway. */
export interface Unsigned {
  account: Account | null;
  requestId: string | null;
}

/** What the gateway does of itself, at its first start. */
export const gatewayItself: Unsigned = { account: null, requestId: null };

/** Notes what is done to something of the tree; written when all is done. */
export type RecordAuditEvent = (treeSid: Sid, event: AuditEvent) => void;

/** What a change is in the table of permissions, and what it holds; nothing where it is about no account. */
export interface Intent {
  operation: Operation;
  held?: Held | undefined;
}

/** Who asks, and what for, as they are now. */
export interface Seen {
  /** With the standing that it has now. */
  actor: SignedIn;
  /** The account that the change is about; nothing where there is none at or below the caller. */
  account: Account | undefined;
}

/** What a use case is handed once its locks are held. */
export interface Change extends Seen {
  record: RecordAuditEvent;
  /** Has something done in this process once the change is made: not when it is refused, and not when it is told again. */
  onCommit: (then: () => void) => void;
}

/**
 * How the result of a use case is kept, for requests that repeat it: as JSON, without what is secret in it; and how it is
 * made whole again.
 */
export interface ResultCodec<Result> {
  encode(result: Result): unknown;
  decode(kept: never): Promise<Result>;
}

/** A result without secrets. */
const plainCodec: ResultCodec<unknown> = { encode: (result) => result, decode: async (kept) => kept };

/**
 * Changes of state. Each is one transaction, with the entries of the history that tell of it (SPEC §7) and, when it may be
 * repeated, with what came of it (SPEC §2): all of them happen, or none.
 *
 * Switched off means switched off: a change reads its caller again under its locks, before anything else, and so before an
 * earlier result is told again. What was asked for with a standing that has ended since takes no effect.
 */
export class AuditedTransactions {
  constructor(
    private readonly database: Database,
    private readonly secrets: Secrets,
  ) {}

  /**
   * Does the work, once for all requests of the author with the same key. `work` may run more than once, so it must touch
   * nothing but what it is handed.
   * @throws AppError UNAVAILABLE, OVERLOADED, ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED, FORBIDDEN, IDEMPOTENCY_IN_FLIGHT,
   * IDEMPOTENCY_MISMATCH, and what the work throws
   */
  async write<Result>(
    author: SignedIn,
    request: RequestContext,
    { operation, held }: Intent,
    work: (repositories: Repositories, change: Change) => Promise<Result>,
    keeping: ResultCodec<Result> = plainCodec as ResultCodec<Result>,
  ): Promise<Result> {
    let committed: (() => void)[] = [];
    const result = await this.database.write(author.account, async (repositories) => {
      committed = [];
      const { locks, idempotencyKeys } = repositories;
      const { idempotent } = request;
      if (idempotent !== undefined && !(await idempotencyKeys.claim(author.account.sid, idempotent.key))) {
        throw new AppError('IDEMPOTENCY_IN_FLIGHT', 'A request with this idempotency key is being worked on.');
      }
      const { caller, account } = await locks.hold(author.account, held);
      const actor = revalidate(author, caller);
      authorize(actor, operation);
      const change = (): Promise<Result> =>
        this.#change(repositories, { account: actor.account, requestId: request.requestId }, (record) =>
          work(repositories, { actor, account, record, onCommit: (then) => void committed.push(then) }),
        );
      if (idempotent === undefined) return change();

      const earlier = await this.#earlier(repositories, actor, idempotent, keeping);
      if (earlier !== undefined) return earlier.result;
      const result = await change();
      await idempotencyKeys.keep(actor.account.sid, idempotent.key, {
        requestHash: this.secrets.hashRequest(comparedText(actor, idempotent)),
        result: JSON.stringify(keeping.encode(result)),
      });
      return result;
    });
    for (const then of committed) then();
    return result;
  }

  /** Does the work for whoever did not sign in, and holds the whole tree of its account. @throws AppError UNAVAILABLE, OVERLOADED, and what the work throws */
  async writeUnsigned<Result>(
    author: Unsigned,
    work: (repositories: Repositories, change: Pick<Change, 'account' | 'record'>) => Promise<Result>,
  ): Promise<Result> {
    return this.database.write(author.account ?? undefined, async (repositories) => {
      const held = author.account && (await repositories.locks.hold(author.account, { account: author.account, hold: 'tree' }));
      return this.#change(repositories, author, (record) => work(repositories, { account: held?.account, record }));
    });
  }

  /**
   * Looks at what a change will be about, for use cases that have long work to do before it: they check first, do that work
   * while they hold nothing, then change, and check all of it again (SPEC §5). Tells what came of the request, if it was
   * done before.
   * @throws AppError UNAVAILABLE, ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED, FORBIDDEN, IDEMPOTENCY_MISMATCH, and what the check throws
   */
  async beforehand<Result>(
    author: SignedIn,
    { idempotent }: RequestContext,
    { operation, held }: Intent,
    check: (repositories: Repositories, seen: Seen) => Promise<void>,
    keeping: ResultCodec<Result> = plainCodec as ResultCodec<Result>,
  ): Promise<{ result: Result } | undefined> {
    return this.database.lookUp(author.account, async (repositories) => {
      const { caller, account } = await repositories.credentials.findForChange(author.account, held?.account);
      const actor = revalidate(author, caller);
      authorize(actor, operation);
      if (idempotent === undefined) return void (await check(repositories, { actor, account }));
      // In this order: what refuses a repetition may be just what the first request has done meanwhile.
      const refusal = await check(repositories, { actor, account }).catch((error: unknown) => ({ error }));
      const earlier = await this.#earlier(repositories, actor, idempotent, keeping);
      if (earlier === undefined && refusal !== undefined) throw refusal.error;
      return earlier;
    });
  }

  async #earlier<Result>(
    { idempotencyKeys }: Repositories,
    author: SignedIn,
    idempotent: IdempotentRequest,
    { decode }: ResultCodec<Result>,
  ): Promise<{ result: Result } | undefined> {
    const done = await idempotencyKeys.find(author.account.sid, idempotent.key);
    if (done === undefined) return undefined;
    if (!this.secrets.isRequest(comparedText(author, idempotent), done.requestHash)) {
      throw new AppError('IDEMPOTENCY_MISMATCH', 'This idempotency key came with another request before.');
    }
    idempotent.onReplay?.();
    return { result: await decode(JSON.parse(done.result, asDate) as never) };
  }

  async #change<Result>(
    { history }: Repositories,
    { account, requestId }: Unsigned,
    work: (record: RecordAuditEvent) => Promise<Result>,
  ): Promise<Result> {
    const chains = new Map<Sid, AuditEvent[]>();
    const result = await work((treeSid, event) => void chains.set(treeSid, [...(chains.get(treeSid) ?? []), event]));
    // The heads of histories are locked last, and in their order.
    for (const [treeSid, events] of [...chains].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
      await history.append(treeSid, { actorSid: account?.sid ?? null, requestId }, events);
    }
    return result;
  }
}

/** The request, with the rank and organization of its author: whoever was demoted or moved since must not be given the earlier result. */
function comparedText({ rank, account }: SignedIn, { request }: IdempotentRequest): string {
  return JSON.stringify([rank, account.organizationSid, request]);
}

const instants = ['dateCreated', 'dateUpdated', 'statusChangedAt', 'expiresAt'];

/** Instants, which JSON has as texts, become instants again. */
function asDate(key: string, value: unknown): unknown {
  return instants.includes(key) && value !== null ? new Date(value as string) : value;
}
