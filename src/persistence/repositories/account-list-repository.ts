import {
  type AccountColumn,
  type AccountFilter,
  type AccountListing,
  type AccountOrderField,
  type AccountRow,
  type AccountScope,
  type AccountSelection,
  columnsToRead,
} from '../../domain/account-list.js';
import { countedPlaces, isCounted } from '../../domain/account-counts.js';
import type { PageOf } from '../../domain/page.js';
import { levelWidth } from '../../domain/tree.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';
import { mayHold, storedCount, treesOf } from './account-count-sql.js';
import { descendantsDownTo } from './account-depth-sql.js';
import { childrenOf, selected, treeAt } from './account-sql.js';
import { type Keyset, keyset, pagesFrom } from './keyset.js';
import { unnestedKeys } from './key-lists.js';

/** A row of a list, with the encrypted AuthToken where the listing asks for it: null where the account has none. */
export type AccountRowWithToken<Columns extends readonly AccountColumn[]> = AccountRow<Columns> & { tokenCiphertext?: Buffer | null };

/** The AuthToken of each account of a page. LATERAL with a LIMIT makes PostgreSQL look it up by its key, however many accounts there are. */
const tokenOfEach = `
  LEFT JOIN LATERAL (
    SELECT credential.token_ciphertext AS ciphertext FROM credential WHERE credential.account_sid = page.sid LIMIT 1
  ) AS token ON true`;

/** What the values of each order are; and what a row must have so that a cursor can show its value. */
const orderValues: Record<AccountOrderField, { type: 'timestamptz' | 'text'; shown?: string }> = {
  dateCreated: { type: 'timestamptz' },
  friendlyName: { type: 'text', shown: 'lower(account.friendly_name) AS "orderKey"' },
  path: { type: 'text' },
};

/** Where a list is read, and how the indexes there have the SID and the orders. */
interface ListSource {
  tables: string;
  /** Where the lengths of lists are read that no filter narrows. */
  unfiltered: string;
  sid: string;
  orders: Record<AccountOrderField, string>;
  organizationSid: string;
}

const accounts: ListSource = {
  tables: 'account',
  unfiltered: 'account',
  sid: 'account.sid',
  orders: { dateCreated: 'account.date_created', friendlyName: 'lower(account.friendly_name) COLLATE "C"', path: 'account.path' },
  organizationSid: 'account.organization_sid',
};

/** No index of `account` has the organization: a migration would have to change all of its indexes for each row (ADR 47). */
const accountsOfOrganizations: ListSource = {
  tables: 'organization_account AS listed JOIN account ON account.sid = listed.account_sid',
  unfiltered: 'organization_account AS listed',
  sid: 'listed.account_sid',
  orders: { dateCreated: 'listed.date_created', friendlyName: 'listed.name_key', path: 'account.path' },
  organizationSid: 'listed.organization_sid',
};

/** Lists of accounts: those of many owners in one statement. An owner's list has a key: its path for descendants, else its SID. */
export class AccountListRepository {
  constructor(private readonly client: Client) {}

  /**
   * One page of each of many lists, in their order. PostgreSQL reads each page from an index, so a list of any length costs the
   * same on its first page and its last.
   */
  async pages<const Columns extends readonly AccountColumn[]>(
    keys: readonly string[],
    listing: AccountListing<Columns>,
  ): Promise<PageOf<AccountRowWithToken<Columns>>[]> {
    const { filter, order, page, cursors, authTokens } = listing;
    const parameters = parametersFor(keys, filter);
    const parameter = (value: unknown): string => `$${parameters.push(value)}`;
    const { type, shown } = orderValues[order.field];
    const { orders, sid } = sourceFor(listing);
    const place = keyset(
      isWalked(listing) ? { ...page, from: undefined, until: undefined } : page,
      { columns: [orders[order.field], sid], descending: order.descending },
      ({ key, sid }) => `${parameter(key)}::${type}, ${parameter(sid)}`,
    );
    const read = [selected(columnsToRead(listing)), ...(cursors && shown !== undefined ? [shown] : [])];
    const rows = await queryRows<AccountRowWithToken<Columns> & { list: number }>(
      this.client,
      `SELECT list.number::integer - 1 AS list, page.*${authTokens ? ', token.ciphertext AS "tokenCiphertext"' : ''}
       FROM ${listOwners(filter, keys)} AS list(key, number)
       CROSS JOIN LATERAL (
         SELECT ${read.join(', ')} FROM ${accountsOf(listing, place, parameter)}
         LIMIT ${place.limit} OFFSET ${page.skip ?? 0}
       ) AS page
       ${authTokens ? tokenOfEach : ''}`,
      parameters,
      isSearch(filter),
    );
    return pagesFrom(rows, keys.length, page);
  }

  /** The length of each of many lists, by their keys. */
  async counts(keys: readonly string[], selection: AccountSelection): Promise<Map<string, number>> {
    const { scope, filter } = selection;
    const parameters = parametersFor(keys, filter);
    const parameter = (value: unknown): string => `$${parameters.push(value)}`;
    const source = sourceFor(selection);
    const conditions = filterConditions(filter, source, parameter);
    const counted = `(SELECT count(*)::integer FROM ${countedFrom(selection, source, conditions, parameter)})`;
    const isStored = isOfWholeTrees(scope) && isCounted(filter);
    const stored = isStored ? `(${storedCount(scope, conditions, parameter(countedPlaces(filter)))})` : 'NULL';
    const counts = await queryRows<{ key: string; count: number }>(
      this.client,
      `SELECT list.key, total.count
       FROM ${listOwners(filter, keys)} AS list(key, number)
       CROSS JOIN LATERAL (SELECT coalesce(${stored}, ${counted}) AS count) AS total`,
      parameters,
      isSearch(filter),
    );
    return new Map(counts.map(({ key, count }) => [key, count]));
  }
}

/** Adds a value to the statement's parameters, and returns its placeholder. */
type Parameter = (value: unknown) => string;

/**
 * Whether a text is looked for. How common it is decides how to find it, so PostgreSQL plans such a statement for its very values,
 * each time.
 */
const isSearch = ({ text, emailAddress }: AccountFilter): boolean => text !== undefined || emailAddress !== undefined;

/** The owners of the lists, as rows of a key and a number. PostgreSQL sees the key of the only one, if it plans for that. */
function listOwners(filter: AccountFilter, keys: readonly string[]): string {
  return isSearch(filter) && keys.length === 1 ? `(VALUES ($1::text COLLATE "C", 1))` : `${unnestedKeys(1)} WITH ORDINALITY`;
}

/** The first parameter of a statement with `listOwners`. */
function parametersFor(keys: readonly string[], filter: AccountFilter): unknown[] {
  return [isSearch(filter) && keys.length === 1 ? keys[0] : keys];
}

/** Whether the lists of this kind are of whole trees, where their owners are top-level accounts, the root, or organizations. */
function isOfWholeTrees(scope: AccountScope): boolean {
  return scope.kind === 'organization' || (scope.kind === 'descendants' && scope.maxDepth === undefined);
}

/** Whether the accounts of the list are found one from the other, which passes over those that are too deep. */
function isWalked(listing: AccountListing): listing is AccountListing & { scope: { kind: 'descendants'; maxDepth: number } } {
  const { scope, filter, order } = listing;
  return scope.kind === 'descendants' && scope.maxDepth !== undefined && order.field === 'path' && !isSearch(filter);
}

/** A search finds accounts by their texts, wherever they are listed. */
function sourceFor({ scope, filter, order }: AccountSelection & { order?: AccountListing['order'] }): ListSource {
  return scope.kind === 'organization' && !isSearch(filter) && order?.field !== 'path' ? accountsOfOrganizations : accounts;
}

/** The accounts of one list, in SQL, in the order of the page. */
function accountsOf(listing: AccountListing, place: Keyset, parameter: Parameter): string {
  const { scope, filter, order, page } = listing;
  const source = sourceFor(listing);
  const conditions = filterConditions(filter, source, parameter);
  if (isWalked(listing)) {
    const width = parameter(listing.scope.maxDepth * levelWidth);
    const isReversed = place.direction === 'DESC';
    return `${descendantsDownTo({ width, conditions, page, isReversed, limit: place.limit, parameter })} ORDER BY ${place.orderBy}`;
  }
  const where = [...conditions, ...place.conditions].join(' AND ');
  const isNarrowed = filter.status !== undefined || filter.role !== undefined || filter.type !== undefined;
  if (!isNarrowed || isSearch(filter) || !isOfWholeTrees(scope) || order.field !== 'path')
    return `${source.tables} WHERE ${[scopeCondition(scope, source, parameter), where].filter(Boolean).join(' AND ')} ORDER BY ${place.orderBy}`;
  // Tree by tree, in the order of the whole list, without trees that have no such account.
  return `(${treesOf(scope)}) AS tree
    CROSS JOIN LATERAL (
      SELECT account.* FROM account WHERE ${treeAt('tree.path')} AND account.path <> list.key AND ${where}
      ORDER BY ${place.orderBy} LIMIT ${place.limit}
    ) AS account
    WHERE ${mayHold(parameter(countedPlaces(filter)))}
    ORDER BY tree.path ${place.direction}, ${place.orderBy}`;
}

function scopeCondition(scope: AccountScope, source: ListSource, parameter: Parameter): string {
  switch (scope.kind) {
    case 'children':
      return `account.parent_sid = list.key`;
    case 'organization':
      return `${source.organizationSid} = list.key`;
    case 'descendants': {
      const below = `${treeAt('list.key')} AND account.path <> list.key`;
      if (scope.maxDepth === undefined) return below;
      return `${below} AND octet_length(account.path) <= octet_length(list.key) + ${parameter(scope.maxDepth * levelWidth)}::integer`;
    }
  }
}

/** The accounts of one list that are counted, in SQL. The first two levels are found by their parents, so that what is below them is not read. */
function countedFrom({ scope, filter }: AccountSelection, source: ListSource, conditions: readonly string[], parameter: Parameter): string {
  if (scope.kind !== 'descendants' || scope.maxDepth === undefined || scope.maxDepth > 2) {
    const tables = conditions.length === 0 ? source.unfiltered : source.tables;
    return `${tables} WHERE ${[scopeCondition(scope, source, parameter), ...conditions].join(' AND ')}`;
  }
  const owner = `SELECT 'AC' || right(list.key, ${levelWidth}) AS sid`;
  const children = `SELECT child.sid FROM account AS child WHERE child.parent_sid = (${owner})`;
  const parents = scope.maxDepth === 1 ? owner : `${owner} UNION ALL ${children}`;
  // PostgreSQL knows how common a text is, and whether to find it first.
  if (isSearch(filter)) return `account WHERE ${[`account.parent_sid IN (${parents})`, ...conditions].join(' AND ')}`;
  return `(${parents}) AS parent CROSS JOIN ${childrenOf('parent.sid')}${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`}`;
}

function filterConditions(
  { status, role, type, text, friendlyName, emailAddress }: AccountFilter,
  { orders }: ListSource,
  parameter: Parameter,
): string[] {
  const conditions: string[] = [];
  if (status !== undefined) conditions.push(`account.status = ${parameter(status)}`);
  if (role !== undefined) conditions.push(`account.role = ${parameter(role)}`);
  if (type !== undefined) conditions.push(`account.type = ${parameter(type)}`);
  // The same expression as in the index that lists by name are read from.
  if (friendlyName !== undefined) conditions.push(`${orders.friendlyName} = lower(${parameter(friendlyName)})`);
  if (emailAddress !== undefined)
    conditions.push(`account.email_address = lower(${parameter(emailAddress)})`, containsText(emailAddress, parameter));
  if (text !== undefined) conditions.push(containsText(text, parameter));
  return conditions;
}

/** The expression is that of an index by trigrams. No text that is looked for has a line break in it. */
function containsText(text: string, parameter: Parameter): string {
  return `(account.friendly_name || E'\\n' || account.email_address COLLATE "default") ILIKE ${parameter(`%${text.replace(/[\\%_]/g, '\\$&')}%`)}`;
}
