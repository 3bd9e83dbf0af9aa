import { type Account, type AccountPlace, AccountStatus } from '../domain/account.js';
import type { Actor } from '../domain/actor.js';
import { authorize, authorizeOn, may } from '../domain/permissions.js';
import type { Caller } from '../domain/request-context.js';
import type { ResourceRemoval } from '../domain/resource-removal.js';
import { parseSid, type Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import type { Database } from '../persistence/connection/database.js';
import type { AuditedTransactions } from './audited-transaction.js';

/** What is told of the removal of closed accounts' resources, and trying again what was given up (SPEC §6). */
export class ResourceRemovals {
  constructor(
    private readonly database: Database,
    private readonly transactions: AuditedTransactions,
  ) {}

  /** How the removal of each account's resources stands, by subresource; nothing of those that are not closed: one statement for all. @throws AppError FORBIDDEN */
  async ofAccounts(actor: Actor, accounts: readonly AccountPlace[]): Promise<ResourceRemoval[][]> {
    authorize(actor, 'readResourceRemoval');
    const readable = accounts.filter((account) => may(actor, 'readResourceRemoval', account));
    const found = readable.length === 0 ? [] : await this.database.lookUp(actor.account, ({ removals }) => removals.ofAccounts(readable));
    return accounts.map(({ sid }) => found.filter(({ accountSid }) => accountSid === sid));
  }

  /**
   * Has what was given up be tried again, of the account and of all that was closed together with it.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, BAD_USER_INPUT if the account is not closed
   */
  async retry({ actor: author, request }: Caller, sid: Sid): Promise<Account> {
    authorize(author, 'retryResourceRemoval');
    parseSid('account', sid, 'sid');
    return this.transactions.write(
      author,
      request,
      { operation: 'retryResourceRemoval', lock: { account: { sid }, scope: 'account' } },
      async ({ removals }, { actor, account, record }) => {
        authorizeOn(actor, 'retryResourceRemoval', account);
        if (account.status !== AccountStatus.CLOSED) {
          throw new AppError('BAD_USER_INPUT', `Account ${sid} is ${account.status}, and only what closed accounts had is removed.`, {
            field: 'sid',
          });
        }
        const [removal] = await removals.ofAccounts([account]);
        const retried = removal === undefined ? 0 : await removals.retry(account.topLevelSid, removal.position);
        if (retried > 0) record(account.topLevelSid, { operation: 'retryResourceRemoval', subjectSid: sid, after: { removals: retried } });
        return account;
      },
    );
  }
}
