import type { Account } from '../domain/account.js';
import { type SignedIn, authorSidOf, revalidate } from '../domain/actor.js';
import type { AuditEvent } from '../domain/history.js';
import type { IdempotentRequest } from '../domain/idempotency.js';
import { type Operation, authorize } from '../domain/permissions.js';
import type { RequestContext } from '../domain/request-context.js';
import type { Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import { pipelined } from '../persistence/connection/pipeline.js';
import type { AuditActor } from '../persistence/repositories/history-repository.js';
import type { StoredResult } from '../persistence/repositories/idempotency-repository.js';
import type { AccountLock } from '../persistence/repositories/lock-repository.js';
import type { Secrets } from './secrets.js';

/**
 * Who makes a change without having signed in: the holder of a reset token, who acts as its account; or the gateway, as no account.
 */
interface UnauthenticatedAuthor {
  account: Account | null;
  requestId: string | null;
}

/** The gateway itself, when it starts. */
export const gatewayAuthor: UnauthenticatedAuthor = { account: null, requestId: null };

/** Records what is done to something of the tree. Written to the history at the end of the transaction. */
type RecordAuditEvent = (treeSid: Sid, event: AuditEvent) => void;

/** What a change is in the table of permissions, and the account that it is about, with what it locks. */
export interface ChangeIntent<Read> {
  operation: Operation;
  /** Absent for a change that is about no account. */
  lock?: AccountLock | undefined;
  /** Reads, and locks if need be, what else the change depends on: after the other locks were taken, in the same round trip. */
  alsoRead?: ((repositories: Repositories) => Promise<Read>) | undefined;
}

/** What a change depends on, as it is now. */
export interface CurrentState<Read = unknown> {
  /** With the rank that it has now. */
  actor: SignedIn;
  /** The account that the change is about; undefined where there is none at or below the actor's. */
  account: Account | undefined;
  /** What `alsoRead` has read. */
  read: Read;
}

/** What a use case is handed inside its transaction. The state was read under its locks, so nobody else changes it. */
export interface AuditedTransaction<Read = unknown> extends CurrentState<Read> {
  record: RecordAuditEvent;
  /** Calls back in this process once the change is committed: not if it is refused, and not for a stored result. */
  onCommit: (callback: () => void) => void;
}

/** How the result of a use case is stored as JSON for repeated requests, without the secrets in it, and how it is restored. */
export interface ResultCodec<Result> {
  encode(result: Result): unknown;
  decode(stored: never): Promise<Result>;
}

/** For results without secrets. */
const plainCodec: ResultCodec<unknown> = { encode: (result) => result, decode: async (stored) => stored };

/** For results with a secret, which is stored encrypted, bound to the SID of what it belongs to. */
export function sealing<Name extends string, Result extends Record<Name, string>>(
  secrets: Secrets,
  name: Name,
  sidOf: (result: Result) => Sid,
): ResultCodec<Result> {
  return {
    encode: (result) => ({ ...result, [name]: secrets.seal(sidOf(result), result[name]).toString('base64') }),
    decode: async (stored: Result) => ({ ...stored, [name]: secrets.unseal(sidOf(stored), Buffer.from(stored[name], 'base64')) }),
  };
}

/**
 * The transactions of all changes. Each commits together the change, its entries in the history (SPEC §7) and, for a request
 * with an idempotency key, its result (SPEC §2); or none of them.
 *
 * Switched off means switched off: a transaction reads its actor again under its locks, before anything else. So a request by
 * an actor that was suspended or demoted meanwhile changes nothing, and is not given an earlier result either.
 */
export class AuditedTransactions {
  constructor(
    private readonly database: Database,
    private readonly secrets: Secrets,
    /** Called in this process once a change is committed, with the trees whose histories it added to. */
    private readonly onCommitted: (treeSids: readonly Sid[]) => void = () => {},
  ) {}

  /**
   * Does the work in a transaction; once only for all requests of the author with the same idempotency key. After a lost race the
   * work runs again, so it must change nothing but through what it is handed.
   * @throws AppError UNAVAILABLE, OVERLOADED, ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED, FORBIDDEN, IDEMPOTENCY_IN_FLIGHT,
   * IDEMPOTENCY_MISMATCH, and what the work throws
   */
  async write<Result, Read>(
    author: SignedIn,
    { requestId, idempotent }: RequestContext,
    { operation, lock, alsoRead }: ChangeIntent<Read>,
    work: (repositories: Repositories, transaction: AuditedTransaction<Read>) => Promise<Result>,
    codec: ResultCodec<Result> = plainCodec as ResultCodec<Result>,
  ): Promise<Result> {
    let callbacks: (() => void)[] = [];
    let treeSids: readonly Sid[] = [];
    const result = await this.database.write(author.account, async (repositories) => {
      callbacks = [];
      treeSids = [];
      const { locks, idempotencyKeys } = repositories;
      const [, { caller, account }, stored, read] = await pipelined(
        idempotent && idempotencyKeys.claim(author.account.sid, idempotent.key),
        locks.lockForChange(author.account, lock),
        idempotent && idempotencyKeys.find(author.account.sid, idempotent.key),
        alsoRead?.(repositories) as Promise<Read>,
      );
      const actor = revalidate(author, caller);
      authorize(actor, operation);
      if (idempotent !== undefined && stored !== undefined) return this.#restore(stored, actor, idempotent, codec);
      const onAppended = (appendedTo: readonly Sid[]): void => void (treeSids = appendedTo);
      return this.#withHistory(repositories, { actorSid: authorSidOf(actor), requestId }, onAppended, async (record) => {
        const onCommit = (callback: () => void): void => void callbacks.push(callback);
        const result = await work(repositories, { actor, account, read, record, onCommit });
        if (idempotent !== undefined) {
          idempotencyKeys.store(actor.account.sid, idempotent.key, {
            requestHash: this.secrets.hashRequest(comparedText(actor, idempotent)),
            result: JSON.stringify(codec.encode(result)),
          });
        }
        return result;
      });
    });
    for (const callback of callbacks) callback();
    this.#tell(treeSids);
    return result;
  }

  /**
   * Does the work for an author who did not sign in, with the whole tree of its account locked.
   * @throws AppError UNAVAILABLE, OVERLOADED, and what the work throws
   */
  async writeUnauthenticated<Result, Read>(
    author: UnauthenticatedAuthor,
    { alsoRead }: Pick<ChangeIntent<Read>, 'alsoRead'>,
    work: (repositories: Repositories, transaction: Pick<AuditedTransaction<Read>, 'account' | 'read' | 'record'>) => Promise<Result>,
  ): Promise<Result> {
    let treeSids: readonly Sid[] = [];
    const result = await this.database.write(author.account ?? undefined, async (repositories) => {
      treeSids = [];
      const [locked, read] = await pipelined(
        author.account && repositories.locks.lockForChange(author.account, { account: author.account, scope: 'tree' }),
        alsoRead?.(repositories) as Promise<Read>,
      );
      const onAppended = (appendedTo: readonly Sid[]): void => void (treeSids = appendedTo);
      const audited = { actorSid: author.account?.sid ?? null, requestId: author.requestId };
      return this.#withHistory(repositories, audited, onAppended, (record) =>
        work(repositories, { account: locked?.account, read, record }),
      );
    });
    this.#tell(treeSids);
    return result;
  }

  /**
   * Checks a change before its transaction, without locks. For use cases that have slow work to do: they check first, do that
   * work while they hold nothing, then change, and check everything again (SPEC §5). Returns the stored result of the
   * request, if it was done before.
   * @throws AppError UNAVAILABLE, ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED, FORBIDDEN, IDEMPOTENCY_MISMATCH, and what the check throws
   */
  async preflight<Result, Read>(
    author: SignedIn,
    { idempotent }: RequestContext,
    { operation, lock, alsoRead }: ChangeIntent<Read>,
    check: (state: CurrentState<Read>) => void,
    codec: ResultCodec<Result> = plainCodec as ResultCodec<Result>,
  ): Promise<{ result: Result } | undefined> {
    return this.database.lookUp(author.account, async (repositories) => {
      const { credentials, idempotencyKeys } = repositories;
      const [{ caller, account }, read, stored] = await pipelined(
        credentials.findForChange(author.account, lock?.account),
        alsoRead?.(repositories) as Promise<Read>,
        // Last, since the check may fail because of what the first request has just done; then its result is found here.
        idempotent && idempotencyKeys.find(author.account.sid, idempotent.key),
      );
      const actor = revalidate(author, caller);
      authorize(actor, operation);
      if (idempotent !== undefined && stored !== undefined) return { result: await this.#restore(stored, actor, idempotent, codec) };
      check({ actor, account, read });
      return undefined;
    });
  }

  /** The result of the earlier request with the same key. @throws AppError IDEMPOTENCY_MISMATCH */
  async #restore<Result>(
    stored: StoredResult,
    author: SignedIn,
    idempotent: IdempotentRequest,
    { decode }: ResultCodec<Result>,
  ): Promise<Result> {
    if (!this.secrets.isRequest(comparedText(author, idempotent), stored.requestHash)) {
      throw new AppError(
        'IDEMPOTENCY_MISMATCH',
        'This idempotency key was used for a different request before. Use a new key for each change.',
      );
    }
    idempotent.onReplay?.();
    return decode(JSON.parse(stored.result, asDate) as never);
  }

  /** Does the work, then writes what it recorded to the history. */
  async #withHistory<Result>(
    { accounts, history }: Repositories,
    author: AuditActor,
    onAppended: (treeSids: readonly Sid[]) => void,
    work: (record: RecordAuditEvent) => Promise<Result>,
  ): Promise<Result> {
    const chains = new Map<Sid, AuditEvent[]>();
    const result = await work((treeSid, event) => void chains.set(treeSid, [...(chains.get(treeSid) ?? []), event]));
    // The heads of the chains are locked last, and in the order of their SIDs, so that writers never wait in a circle.
    for (const [treeSid, events] of [...chains].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
      for (const event of events) {
        history.append(treeSid, author, event, accounts.takeCountChange(treeSid));
      }
    }
    onAppended([...chains.keys()]);
    return result;
  }

  #tell(treeSids: readonly Sid[]): void {
    if (treeSids.length > 0) this.onCommitted(treeSids);
  }
}

/**
 * The request, with the rank and organization of its author: whoever was demoted or moved since must not be given the earlier
 * result.
 */
function comparedText({ rank, account }: SignedIn, { request }: IdempotentRequest): string {
  return JSON.stringify([rank, account.organizationSid, request]);
}

const dateProperties = ['dateCreated', 'dateUpdated', 'statusChangedAt', 'stateChangedAt', 'expiresAt'];

/** Restores dates, which JSON has as text. */
function asDate(key: string, value: unknown): unknown {
  return dateProperties.includes(key) && value !== null ? new Date(value as string) : value;
}
