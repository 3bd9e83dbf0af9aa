import { isRoot } from '../domain/account.js';
import type { SignedIn } from '../domain/actor.js';
import { may } from '../domain/permissions.js';
import { type RequestContext, withoutIdempotencyKey } from '../domain/request-context.js';
import type { Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import type { EmailConflictCount } from '../persistence/repositories/email-conflict-repository.js';
import type { AuditedTransactions } from './audited-transaction.js';

/** How often a tree is told within an hour that an account out of its sight has an e-mail address. */
const limit = { conflicts: 20, seconds: 3600 };

/**
 * Changes that give an account an e-mail address (ADR 26). No address could be unique without a word of who has it
 * already; but that word tells of accounts that the caller cannot see. So it is given a few times an hour to each tree, all
 * instances together, and leaves a trace in the history of the tree that asked. An account that the caller sees tells nothing new.
 */
export class EmailConflicts {
  /** How many conflicts of each tree are being counted: of many that come at once, the last must not be looked up before the first is counted. */
  readonly #uncounted = new Map<Sid, number>();

  constructor(
    private readonly database: Database,
    private readonly transactions: AuditedTransactions,
  ) {}

  /**
   * Does the work, which gives an account the e-mail address, as it is stored; and asks `assertFew` before it looks it up.
   * @throws AppError EMAIL_IN_USE, RATE_LIMITED, and what the work throws
   */
  async limited<Result>(actor: SignedIn, request: RequestContext, emailAddress: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'EMAIL_IN_USE' || (await this.#sees(actor, emailAddress))) throw error;
      // The answer goes by the count that includes it: so conflicts that come all at once are not told more often.
      const conflicts = await this.#count(actor, request, emailAddress);
      throw conflicts.count > limit.conflicts ? tooMany(conflicts) : error;
    }
  }

  /** Holds that the tree met few conflicts lately, whatever address it asks for now. @throws AppError RATE_LIMITED */
  async assertBelowLimit({ emailConflicts }: Repositories, { account }: SignedIn): Promise<void> {
    // The root sees all accounts.
    if (isRoot(account)) return;
    const { topLevelSid } = account;
    const { count, secondsLeft } = await emailConflicts.find(topLevelSid);
    if (count + (this.#uncounted.get(topLevelSid) ?? 0) < limit.conflicts) return;
    throw tooMany({ count, secondsLeft: count === 0 ? limit.seconds : secondsLeft });
  }

  async #sees(actor: SignedIn, emailAddress: string): Promise<boolean> {
    const holder = await this.database.lookUp(actor.account, ({ accounts }) => accounts.findBy({ emailAddress }));
    return holder !== undefined && may(actor, 'readAccount', holder);
  }

  /** Counts a conflict, and writes it down for the administrators of the tree, in a transaction of its own: the change itself came to nothing. */
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
  const minutes = Math.ceil(secondsLeft / 60);
  return new AppError(
    'RATE_LIMITED',
    `Your tree asked for too many e-mail addresses that others have. Try again in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
    { retryAfter: secondsLeft },
  );
}
