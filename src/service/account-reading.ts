import { type Account, parseEmailAddress } from '../domain/account.js';
import type { Organization } from '../domain/organization.js';
import { type PageOf, pageFrom } from '../domain/page.js';
import { type Actor, authorize, authorizeOn, may } from '../domain/permissions.js';
import { parseSid, type Sid } from '../domain/sid.js';
import { assertPrintable, assertWithin } from '../domain/input.js';
import type { AccountFilter, AccountScope, Listed, PageQuery } from '../persistence/account-repository.js';
import type { Database } from '../persistence/database.js';

/** An account as callers name it: by one of the two. */
export type AccountReference = { sid: Sid } | { emailAddress: string };

/** What a list of accounts belongs to: the parent or ancestor, or the organization. */
export type ListOwner = Account | Organization;

/** Which accounts to list, and which page of them; the same for every owner that it is asked for. */
export type Listing = PageQuery;

/** Which accounts a list holds, whatever the page. */
export type Selection = Pick<Listing, 'scope' | 'filter'>;

/** Reading accounts (SPEC §3). What is out of the caller's sight reads as absent. */
export class AccountReading {
  constructor(private readonly database: Database) {}

  /** The account, if there is one and the caller may see it. @throws AppError BAD_USER_INPUT, INVALID_EMAIL */
  async find(actor: Actor, by: AccountReference): Promise<Account | null> {
    authorize(actor, 'readAccount');
    const account = await ('sid' in by ? this.#findBySid(by.sid) : this.#findByEmailAddress(by.emailAddress));
    return account !== undefined && may(actor, 'readAccount', account) ? account : null;
  }

  async #findBySid(text: string): Promise<Account | undefined> {
    const sid = parseSid('account', text, 'sid');
    return this.database.read(({ accounts }) => accounts.find(sid));
  }

  async #findByEmailAddress(text: string): Promise<Account | undefined> {
    const emailAddress = parseEmailAddress(text);
    return this.database.read(({ accounts }) => accounts.findByEmailAddress(emailAddress));
  }

  /** Many accounts at once, in the order of the SIDs; null where there is none that the caller may see. */
  async findMany(actor: Actor, sids: readonly Sid[]): Promise<(Account | null)[]> {
    authorize(actor, 'readAccount');
    const found = await this.database.read(({ accounts }) => accounts.findMany(sids));
    const bySid = new Map(found.filter((account) => may(actor, 'readAccount', account)).map((account) => [account.sid, account]));
    return sids.map((sid) => bySid.get(sid) ?? null);
  }

  /** The page that the listing asks for, of each owner's list: one statement for them all. @throws AppError FORBIDDEN */
  async pages(actor: Actor, listing: Listing, owners: readonly ListOwner[]): Promise<PageOf<Listed>[]> {
    const keys = listKeys(actor, listing.scope, owners);
    const rows = await this.database.read(({ accounts }) => accounts.listPages(keys, listing));
    const byKey = new Map(keys.map((key): [string, Listed[]] => [key, []]));
    for (const row of rows) byKey.get(row.listKey)!.push(row);
    return keys.map((key) => pageFrom(byKey.get(key)!, listing.page));
  }

  /** The length of each owner's list: one statement for them all. @throws AppError FORBIDDEN */
  async counts(actor: Actor, { scope, filter }: Selection, owners: readonly ListOwner[]): Promise<number[]> {
    const keys = listKeys(actor, scope, owners);
    const counts = await this.database.read(({ accounts }) => accounts.countLists(scope, keys, filter));
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

/** @throws AppError BAD_USER_INPUT */
export function parseFilter(filter: AccountFilter): AccountFilter {
  if (filter.text !== undefined) {
    assertPrintable(filter.text, 'text');
    assertWithin(filter.text.length, { min: 1, max: 255 }, 'text', 'The length of text');
  }
  return filter;
}
