import type { Account } from '../domain/account.js';
import type { AuditEvent } from '../domain/history.js';
import type { Organization } from '../domain/organization.js';
import { authorize, authorizeOn, may } from '../domain/permissions.js';
import { type Caller, withoutIdempotencyKey } from '../domain/request-context.js';
import { parseSid, type Sid } from '../domain/sid.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import type { StoredToken, TokenKey } from '../persistence/repositories/credential-repository.js';
import type { AccountLock } from '../persistence/repositories/lock-repository.js';
import type { AuditedTransactions } from './audited-transaction.js';
import { crossRequestLoader } from './cross-request-batching.js';
import type { Secrets } from './secrets.js';

/** Reading AuthTokens (SPEC §5). Who was shown one is in the history, so these take the request that they are for. */
export class AuthTokenQueries {
  readonly #tokens = crossRequestLoader<TokenKey, StoredToken | undefined>((keys) =>
    this.database.lookUp(undefined, ({ credentials }) => credentials.findTokens(keys)),
  );

  constructor(
    private readonly database: Database,
    private readonly transactions: AuditedTransactions,
    private readonly secrets: Secrets,
  ) {}

  /** The AuthToken of the account; null when it has none, or when the caller may not read it. */
  async authToken({ actor, request }: Caller, sid: Sid): Promise<string | null> {
    authorize(actor, 'readAuthToken');
    parseSid('account', sid, 'sid');
    const account = await this.database.lookUp(actor.account, ({ accounts }) => accounts.find(sid));
    return account === undefined || !may(actor, 'readAuthToken', account) ? null : this.authTokenOf({ actor, request }, account);
  }

  /**
   * The AuthToken of an account that the caller has read; null when it has none. The first time that a caller is shown a token is
   * recorded in the history before it is shown (SPEC §5).
   * @throws AppError FORBIDDEN
   */
  async authTokenOf({ actor, request }: Caller, account: Account): Promise<string | null> {
    authorize(actor, 'readAuthToken');
    authorizeOn(actor, 'readAuthToken', account);
    const token = await this.#tokens.load({ sid: account.sid, readerSid: actor.account.sid });
    if (token === undefined) return null;
    const authToken = this.secrets.unseal(account.sid, token.ciphertext);
    const after = { tokenSince: token.date };
    if (token.lastShown !== JSON.stringify(after)) {
      const event: AuditEvent = { operation: 'readAuthToken', subjectSid: account.sid, after };
      const lock: AccountLock = { account, scope: 'place' };
      await this.transactions.write(actor, withoutIdempotencyKey(request), { operation: 'readAuthToken', lock }, async (_, transaction) => {
        authorizeOn(transaction.actor, 'readAuthToken', transaction.account);
        transaction.record(account.topLevelSid, event);
      });
    }
    return authToken;
  }

  /**
   * Records in the history that the caller is shown the AuthTokens of a list: of the children of an account, or of the accounts
   * of an organization. One entry covers everything that the caller is shown of the list within a clock hour (ADR 35).
   * @throws AppError FORBIDDEN, UNAVAILABLE, OVERLOADED
   */
  async recordTokenList({ actor, request }: Caller, owner: Account | Organization): Promise<void> {
    authorize(actor, 'readAuthToken');
    const isRecorded = ({ history }: Repositories): Promise<boolean> => history.hasTokenListEntry(owner.sid, actor.account.sid);
    if (await this.database.lookUp(actor.account, isRecorded)) return;
    const lock: AccountLock | undefined = 'path' in owner ? { account: { sid: owner.sid }, scope: 'place' } : undefined;
    await this.transactions.write(
      actor,
      withoutIdempotencyKey(request),
      { operation: 'readAuthToken', lock },
      async (repositories, transaction) => {
        if ('path' in owner) authorizeOn(transaction.actor, 'listSubAccounts', transaction.account);
        else authorize(transaction.actor, 'manageOrganizations');
        const treeSid = 'path' in owner ? owner.topLevelSid : transaction.actor.account.topLevelSid;
        if (!(await isRecorded(repositories))) transaction.record(treeSid, { operation: 'listAuthTokens', subjectSid: owner.sid });
      },
    );
  }
}
