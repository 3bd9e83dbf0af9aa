import {
  type Account,
  type AccountPlace,
  type AccountReference,
  isSameKey,
  parseAccountReference,
  parseEmailAddress,
} from '../domain/account.js';
import {
  type AccountColumn,
  type AccountListing,
  type AccountRow,
  type AccountScope,
  type AccountSelection,
  type ListOwner,
  creationOrder,
  mayBeStale,
  positionOf,
} from '../domain/account-list.js';
import type { NumberedPage, PageOf } from '../domain/page.js';
import type { Actor, SignedIn } from '../domain/actor.js';
import { assertSignedIn, authorize, authorizeOn, ifReadable, may } from '../domain/permissions.js';
import type { Sid } from '../domain/sid.js';
import type { AccountRowWithToken } from '../persistence/repositories/account-list-repository.js';
import type { Database } from '../persistence/connection/database.js';
import type { PrefetchedAccount } from './sign-in.js';
import { inBatches } from './streamed-list.js';
import type { Secrets } from './secrets.js';

/** A list of accounts with what is shown of each, and whether their AuthTokens are. */
interface TokenListing<Columns extends readonly AccountColumn[]> extends AccountSelection {
  columns: Columns;
  authTokens: boolean;
}

/** An account of a list, with its AuthToken where that is shown. */
export type WithToken<Columns extends readonly AccountColumn[]> = AccountRow<Columns> & { authToken?: string | undefined };

/** Reading accounts (SPEC §3). Accounts out of the caller's sight read as if they did not exist. */
export class AccountQueries {
  constructor(
    private readonly database: Database,
    private readonly secrets: Secrets,
  ) {}

  /** The account, if there is one that the caller may see. @throws AppError BAD_USER_INPUT, INVALID_EMAIL */
  async find(actor: Actor, by: AccountReference): Promise<Account | null> {
    authorize(actor, 'readAccount');
    return ifReadable(actor, await this.#lookUp(actor, by));
  }

  /** The account, or the reason why the caller cannot have it. @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, and as `find` */
  async get(actor: Actor, by: AccountReference, prefetched?: PrefetchedAccount): Promise<Account> {
    authorize(actor, 'readAccount');
    const account = await this.#lookUp(actor, by, prefetched);
    authorizeOn(actor, 'readAccount', account);
    return account;
  }

  /**
   * Whether the account has the address already. Tells a form that updates the account from one that creates an account below it
   * (SPEC §4).
   */
  async isOwnAddress(actor: Actor, by: AccountReference, emailAddress: string): Promise<boolean> {
    return (await this.find(actor, by))?.emailAddress === parseEmailAddress(emailAddress);
  }

  async #lookUp({ account }: SignedIn, by: AccountReference, prefetched?: PrefetchedAccount): Promise<Account | undefined> {
    const key = parseAccountReference(by);
    if (key === undefined) return undefined;
    if (prefetched !== undefined && isSameKey(prefetched.key, key)) return prefetched.account;
    return this.database.lookUp(account, ({ accounts }) => accounts.findByKey(key));
  }

  /** Many accounts at once, in the order of the SIDs; null where there is none that the caller may see. */
  async findMany(actor: Actor, sids: readonly Sid[]): Promise<(Account | null)[]> {
    authorize(actor, 'readAccount');
    const found = await this.database.lookUp(actor.account, ({ accounts }) => accounts.findMany(sids));
    const bySid = new Map(found.map((account) => [account.sid, account]));
    return sids.map((sid) => ifReadable(actor, bySid.get(sid)));
  }

  /**
   * The page that the listing asks for, of each owner's list: one statement for them all. Which columns its rows have, each request
   * says; so the type promises those only that every row has. @throws AppError FORBIDDEN
   */
  async pages(actor: Actor, listing: AccountListing, owners: readonly ListOwner[]): Promise<PageOf<AccountRow>[]> {
    assertSignedIn(actor);
    const keys = listKeys(actor, listing.scope, owners);
    return this.database.read(actor.account, ({ accountLists }) => accountLists.pages(keys, listing));
  }

  /** The page with that number of one owner's list, and how long the whole list is. @throws AppError FORBIDDEN */
  async numberedPage<const Columns extends readonly AccountColumn[]>(
    actor: Actor,
    owner: ListOwner,
    listing: TokenListing<Columns>,
    { number, size }: NumberedPage,
  ): Promise<{ accounts: WithToken<Columns>[]; total: number }> {
    assertSignedIn(actor);
    const keys = listKeys(actor, listing.scope, [owner]);
    // Never from a replica: which pages there are has to agree with what is on them.
    const counts = await this.database.read(actor.account, ({ accountLists }) => accountLists.counts(keys, listing));
    const total = counts.get(keys[0]!) ?? 0;
    const page = { size, backward: false, from: undefined, skip: number * size };
    if (page.skip >= total) return { accounts: [], total };
    const [found] = await this.database.read(actor.account, ({ accountLists }) =>
      accountLists.pages(keys, { ...listing, order: creationOrder, page, cursors: false }),
    );
    return { accounts: this.#withTokens(actor, found!.rows), total };
  }

  /**
   * One owner's list from end to end, in batches. Each batch is read when it is asked for, by a statement of its own that
   * continues after the last row: however slowly the list is taken, it holds no more than one batch, and no connection. An
   * account that is there all the while is in it exactly once. The first batch has been read when this returns.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED, UNAVAILABLE; the iteration too
   */
  async all<const Columns extends readonly AccountColumn[]>(
    actor: Actor,
    owner: ListOwner,
    listing: TokenListing<Columns>,
  ): Promise<AsyncIterable<WithToken<Columns>[]>> {
    assertSignedIn(actor);
    const keys = listKeys(actor, listing.scope, [owner]);
    return inBatches<AccountRowWithToken<Columns> & WithToken<Columns>>(this.database, actor, {
      authorize: (caller) => void listKeys(caller, listing.scope, [owner]),
      read: async ({ accountLists }, page) =>
        (await accountLists.pages(keys, { ...listing, order: creationOrder, page, cursors: true }))[0]!,
      positionOf: (row) => positionOf(row, creationOrder),
      present: (caller, rows) => this.#withTokens(caller, rows),
    });
  }

  /** The accounts, each with its AuthToken where that was read and the caller may be shown it. */
  #withTokens<Columns extends readonly AccountColumn[]>(
    actor: SignedIn,
    rows: (AccountRowWithToken<Columns> & WithToken<Columns>)[],
  ): (AccountRowWithToken<Columns> & WithToken<Columns>)[] {
    for (const row of rows) {
      const { tokenCiphertext } = row;
      if (tokenCiphertext && may(actor, 'readAuthToken', row)) row.authToken = this.secrets.unseal(row.sid, tokenCiphertext);
    }
    return rows;
  }

  /**
   * The length of each owner's list: one statement for them all. It may be stale, unless it reveals a status or role.
   * @throws AppError FORBIDDEN
   */
  async counts(actor: Actor, { scope, filter }: AccountSelection, owners: readonly ListOwner[]): Promise<number[]> {
    assertSignedIn(actor);
    const keys = listKeys(actor, scope, owners);
    const counts = await (mayBeStale(filter)
      ? this.database.readStale(actor.account, (reads) => reads.countAccounts(keys, { scope, filter }))
      : this.database.read(actor.account, ({ accountLists }) => accountLists.counts(keys, { scope, filter })));
    return keys.map((key) => counts.get(key) ?? 0);
  }
}

/** The keys of the owners' lists, once it is sure that the caller may see each of them. */
function listKeys(actor: Actor, scope: AccountScope, owners: readonly ListOwner[]): string[] {
  if (scope.kind === 'organization') {
    authorize(actor, 'manageOrganizations');
    return owners.map(({ sid }) => sid);
  }
  const accounts = owners as readonly AccountPlace[];
  for (const account of accounts) authorizeOn(actor, 'listSubAccounts', account);
  return accounts.map(({ sid, path }) => (scope.kind === 'descendants' ? path : sid));
}
