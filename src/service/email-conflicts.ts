import { isRoot } from '../domain/account.js';
import type { SignedIn } from '../domain/actor.js';
import { may } from '../domain/permissions.js';
import { type RequestContext, withoutIdempotencyKey } from '../domain/request-context.js';
import type { Sid } from '../domain/sid.js';
import { AppError, inWords } from '../errors.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import type { EmailConflictCount } from '../persistence/repositories/email-conflict-repository.js';
import type { AuditedTransactions } from './audited-transaction.js';

/** How often in an hour a tree may learn that an account out of its sight has an e-mail address. */
const limit = { conflicts: 20, seconds: 3600 };

/**
 * Limits what callers learn by asking for e-mail addresses that are taken (ADR 26). Addresses are unique, so a refusal reveals
 * that an account has the address, even one that the caller cannot see. Each tree gets a few such refusals an hour from
 * all instances together, and each is recorded in its history. A conflict with an account that the caller sees does not count.
 */
export class EmailConflicts {
  /**
   * By tree, the conflicts that are being counted right now. Without them, many requests at the same time would all be below the
   * limit.
   */
  readonly #uncounted = new Map<Sid, number>();

  constructor(
    private readonly database: Database,
    private readonly transactions: AuditedTransactions,
  ) {}

  /**
   * Does the work, which gives an account the e-mail address. The work must call `assertBelowLimit` before it looks the address up.
   * @throws AppError EMAIL_IN_USE, RATE_LIMITED, and what the work throws
   */
  async limited<Result>(actor: SignedIn, request: RequestContext, emailAddress: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'EMAIL_IN_USE' || (await this.#sees(actor, emailAddress))) throw error;
      // The count includes this conflict, so that no more are revealed when many come at the same time.
      const conflicts = await this.#count(actor, request, emailAddress);
      throw conflicts.count > limit.conflicts ? tooMany(conflicts) : error;
    }
  }

  /** The conflicts that the caller's tree met lately; undefined for the root, which sees all accounts and so meets none. */
  async ofTree({ emailConflicts }: Repositories, { account }: SignedIn): Promise<EmailConflictCount | undefined> {
    return isRoot(account) ? undefined : emailConflicts.find(account.topLevelSid);
  }

  /** Holds that the tree has not reached the limit, whether or not the address is taken. @throws AppError RATE_LIMITED */
  assertBelowLimit({ account: { topLevelSid } }: SignedIn, conflicts: EmailConflictCount | undefined): void {
    if (conflicts === undefined) return;
    const { count, secondsLeft } = conflicts;
    if (count + (this.#uncounted.get(topLevelSid) ?? 0) < limit.conflicts) return;
    throw tooMany({ count, secondsLeft: count === 0 ? limit.seconds : secondsLeft });
  }

  /** Whether the caller sees who has the address. The root sees whoever had it, even if that is closed by now. */
  async #sees(actor: SignedIn, emailAddress: string): Promise<boolean> {
    if (isRoot(actor.account)) return true;
    const holder = await this.database.lookUp(actor.account, ({ accounts }) => accounts.findByKey({ emailAddress }));
    return holder !== undefined && may(actor, 'readAccount', holder);
  }

  /**
   * Counts the conflict and records it in the tree's history, in a transaction of its own, since that of the change was rolled
   * back.
   */
  async #count(actor: SignedIn, request: RequestContext, emailAddress: string): Promise<EmailConflictCount> {
    const { sid, topLevelSid } = actor.account;
    this.#addUncounted(topLevelSid, 1);
    try {
      return await this.transactions.write(
        actor,
        withoutIdempotencyKey(request),
        { operation: 'createAccount' },
        async ({ emailConflicts }, { record }) => {
          const conflicts = await emailConflicts.add(topLevelSid, limit.seconds);
          if (conflicts.count <= limit.conflicts)
            record(topLevelSid, { operation: 'emailConflict', subjectSid: sid, after: { emailAddress } });
          return conflicts;
        },
      );
    } finally {
      this.#addUncounted(topLevelSid, -1);
    }
  }

  #addUncounted(treeSid: Sid, count: number): void {
    const sum = (this.#uncounted.get(treeSid) ?? 0) + count;
    if (sum === 0) this.#uncounted.delete(treeSid);
    else this.#uncounted.set(treeSid, sum);
  }
}

function tooMany({ secondsLeft }: EmailConflictCount): AppError {
  return new AppError(
    'RATE_LIMITED',
    `Too many of the e-mail addresses that your accounts asked for are taken. Try again in ${inWords(secondsLeft)}.`,
    { retryAfter: secondsLeft },
  );
}
