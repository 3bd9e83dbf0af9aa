import {
  type Account,
  type AccountReference,
  friendlyNameMaxLength,
  isSameKey,
  parseAccountReference,
  parseEmailAddress,
} from '../domain/account.js';
import type { Organization } from '../domain/organization.js';
import { type NumberedPage, type Order, type Page, type PageOf, pageFrom } from '../domain/page.js';
import { type Actor, type SignedIn, assertSignedIn, authorize, authorizeOn, may } from '../domain/permissions.js';
import type { Sid } from '../domain/sid.js';
import { assertPrintable, assertWithin, composed, lengthOf } from '../domain/input.js';
import {
  type AccountFilter,
  type AccountScope,
  type Listed,
  type PageQuery,
  positionOf,
} from '../persistence/repositories/account-repository.js';
import type { Database } from '../persistence/connection/database.js';
import { mayBeStale } from '../persistence/connection/stale-reads.js';
import { inBatches } from './streamed-list.js';
import type { Secrets } from './secrets.js';

/** The order of a list of accounts, unless another one is asked for. */
export const accountOrder: Order = { field: 'dateCreated', descending: false };

/** What a list of accounts belongs to: the parent or ancestor, or the organization. */
export type ListOwner = Account | Organization;

/** Which accounts to list, and which page of them; the same for every owner that it is asked for. */
export type Listing = PageQuery;

/** Which accounts a list holds, whatever the page. */
export type Selection = Pick<Listing, 'scope' | 'filter'>;

/** Which accounts a list by REST holds, what is shown of them, and whether their AuthTokens are. */
export interface TokenListing extends Selection, Pick<Listing, 'columns'> {
  authTokens: boolean;
}

/** An account of a list, with its AuthToken where that is shown. */
export interface WithToken extends Account {
  authToken?: string | undefined;
}

/** Reading accounts (SPEC §3). What is out of the caller's sight reads as absent. */
export class AccountQueries {
  constructor(
    private readonly database: Database,
    private readonly secrets: Secrets,
  ) {}

  /** The account, if there is one and the caller may see it. @throws AppError BAD_USER_INPUT, INVALID_EMAIL */
  async find(actor: Actor, by: AccountReference): Promise<Account | null> {
    authorize(actor, 'readAccount');
    const account = await this.#look(actor, by);
    return account !== undefined && may(actor, 'readAccount', account) ? account : null;
  }

  /** The account, for a caller who is told why not. @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, and as `find` */
  async get(actor: Actor, by: AccountReference): Promise<Account> {
    authorize(actor, 'readAccount');
    const account = await this.#look(actor, by);
    authorizeOn(actor, 'readAccount', account);
    return account;
  }

  /** Whether the address is the account's own already: a whole form, sent back, says so of itself (SPEC §4). */
  async isOwnAddress(actor: Actor, by: AccountReference, emailAddress: string): Promise<boolean> {
    return (await this.find(actor, by))?.emailAddress === parseEmailAddress(emailAddress);
  }

  async #look({ along, account }: SignedIn, by: AccountReference): Promise<Account | undefined> {
    const key = parseAccountReference(by);
    if (key === undefined) return undefined;
    return along !== undefined && isSameKey(along.key, key)
      ? along.account
      : this.database.lookUp(account, ({ accounts }) => accounts.findBy(key));
  }

  /** Many accounts at once, in the order of the SIDs; null where there is none that the caller may see. */
  async findMany(actor: Actor, sids: readonly Sid[]): Promise<(Account | null)[]> {
    authorize(actor, 'readAccount');
    const found = await this.database.lookUp(actor.account, ({ accounts }) => accounts.findMany(sids));
    const bySid = new Map(found.filter((account) => may(actor, 'readAccount', account)).map((account) => [account.sid, account]));
    return sids.map((sid) => bySid.get(sid) ?? null);
  }

  /** The page that the listing asks for, of each owner's list: one statement for them all. @throws AppError FORBIDDEN */
  async pages(actor: Actor, listing: Listing, owners: readonly ListOwner[]): Promise<PageOf<Listed>[]> {
    assertSignedIn(actor);
    const keys = listKeys(actor, listing.scope, owners);
    const rows = await this.database.read(actor.account, ({ accounts }) => accounts.listPages(keys, listing));
    const lists = keys.map((): Listed[] => []);
    for (const row of rows) lists[row.list]!.push(row);
    return lists.map((list) => pageFrom(list, listing.page));
  }

  /** The page with that number of one owner's list, and how long the whole list is. @throws AppError FORBIDDEN */
  async numberedPage(
    actor: Actor,
    owner: ListOwner,
    listing: TokenListing,
    { number, size }: NumberedPage,
  ): Promise<{ accounts: WithToken[]; total: number }> {
    assertSignedIn(actor);
    const { scope, filter } = listing;
    const [key] = listKeys(actor, scope, [owner]);
    // Not late: which pages there are has to agree with what is on them.
    const total = (await this.database.read(actor.account, ({ accounts }) => accounts.countLists(scope, [key!], filter))).get(key!) ?? 0;
    const page = { size, backward: false, from: undefined, skip: number * size };
    const [found] = page.skip < total ? await this.pages(actor, wholeList(listing, page, false), [owner]) : [];
    return { accounts: this.#withTokens(actor, found?.rows ?? []), total };
  }

  /**
   * One owner's list from end to end, in batches. Each batch is read when it is asked for, by a statement of its own that
   * continues after the last row: however slowly the list is taken, it holds no more than one batch, and no connection. An
   * account that is there all the while is in it exactly once. The first batch has been read when this returns.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED, UNAVAILABLE; the iteration too
   */
  async all(actor: Actor, owner: ListOwner, listing: TokenListing): Promise<AsyncIterable<WithToken[]>> {
    assertSignedIn(actor);
    const [key] = listKeys(actor, listing.scope, [owner]);
    return inBatches<Listed & WithToken>(this.database, actor, {
      authorize: (caller) => void listKeys(caller, listing.scope, [owner]),
      read: ({ accounts }, page) => accounts.listPages([key!], wholeList(listing, page, true)),
      positionOf: (account) => positionOf(account, accountOrder),
      shown: (caller, rows) => this.#withTokens(caller, rows),
    });
  }

  /** The accounts, each with its AuthToken where that was read and the caller may be shown it. */
  #withTokens(actor: SignedIn, rows: Listed[]): (Listed & WithToken)[] {
    return rows.map((row: Listed & WithToken) => {
      const { tokenCiphertext } = row;
      if (tokenCiphertext && may(actor, 'readAuthToken', row)) row.authToken = this.secrets.readAuthToken(row.sid, tokenCiphertext);
      return row;
    });
  }

  /** The length of each owner's list, which may be late unless it tells of a status or role: one statement for them all. @throws AppError FORBIDDEN */
  async counts(actor: Actor, { scope, filter }: Selection, owners: readonly ListOwner[]): Promise<number[]> {
    assertSignedIn(actor);
    const keys = listKeys(actor, scope, owners);
    const counts = await (mayBeStale(filter)
      ? this.database.readStale(actor.account, (reads) => reads.countAccounts(scope, keys, filter))
      : this.database.read(actor.account, ({ accounts }) => accounts.countLists(scope, keys, filter)));
    return keys.map((key) => counts.get(key) ?? 0);
  }
}

/** The keys of the owners' lists, once it is sure that the caller may see each of them. */
function listKeys(actor: Actor, scope: AccountScope, owners: readonly ListOwner[]): string[] {
  if (scope.kind === 'organization') {
    authorize(actor, 'manageOrganizations');
    return owners.map(({ sid }) => sid);
  }
  const accounts = owners as readonly Account[];
  for (const account of accounts) authorizeOn(actor, 'listSubAccounts', account);
  return accounts.map(({ sid, path }) => (scope.kind === 'descendants' ? path : sid));
}

/** A list by REST, in the order in which its accounts were created. */
function wholeList({ scope, filter, columns, authTokens }: TokenListing, page: Page, cursors: boolean): Listing {
  return { scope, filter, order: accountOrder, page, columns, cursors, tokens: authTokens };
}

/** How long a text must be to be searched for, in characters: fewer say too little (SPEC §10). */
const textLength = { min: 3, max: 255 };

/** A filter as a caller gives it, in the form in which names are stored; an empty text is none. @throws AppError BAD_USER_INPUT */
export function parseFilter({ text, ...others }: AccountFilter): AccountFilter {
  const filter = { ...others };
  const { friendlyName, emailAddress } = others;
  if (emailAddress !== undefined) assertPrintable(emailAddress, 'emailAddress');
  if (friendlyName !== undefined) {
    assertPrintable(friendlyName, 'friendlyName');
    // One that is too long is nobody's.
    filter.friendlyName = composed(friendlyName, friendlyNameMaxLength) ?? friendlyName;
  }
  if (text === undefined || text === '') return filter;
  assertPrintable(text, 'text');
  assertWithin(lengthOf(text), textLength, 'text', 'The length of text');
  return { ...filter, text: text.normalize('NFC') };
}
