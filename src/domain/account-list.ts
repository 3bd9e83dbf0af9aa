import { type Account, type AccountPlace, friendlyNameMaxLength } from './account.js';
import { assertPrintable, assertWithin, composed, lengthOf } from './input.js';
import type { Organization } from './organization.js';
import type { Order, OrderField, Page, Position } from './page.js';

/** Which accounts a list holds: those below its owner, or those of the organization that owns it. */
export type AccountScope =
  | { kind: 'children' }
  | { kind: 'organization' }
  /** At most so many levels down; all of them unless said otherwise. */
  | { kind: 'descendants'; maxDepth?: number | undefined };

/** What a list of accounts belongs to: the account above them, or their organization. */
export type ListOwner = AccountPlace | Pick<Organization, 'sid'>;

/** Narrows a list to the accounts that every given field fits. */
export interface AccountFilter {
  status?: Account['status'] | undefined;
  role?: Account['role'] | undefined;
  type?: Account['type'] | undefined;
  /** Part of the friendly name or the e-mail address, in any case. */
  text?: string | undefined;
  /** The whole friendly name, in any case. */
  friendlyName?: string | undefined;
  /** The whole e-mail address, in any case. */
  emailAddress?: string | undefined;
}

/** A filter that mentions neither status nor role. */
export type StaleFilter = Omit<AccountFilter, 'status' | 'role'> & { status?: undefined; role?: undefined };

/** Whether a list so filtered may be counted on a replica: nothing read there may reveal a status or a role, which must not be stale (ADR 16). */
export function mayBeStale(filter: AccountFilter): filter is StaleFilter {
  return filter.status === undefined && filter.role === undefined;
}

/** How long a text to search for must be, in characters; a shorter one would match too much (SPEC §10). */
const textLength = { min: 3, max: 255 };

/** A filter as a caller gives it, in the form in which names are stored. An empty text does not narrow the list. @throws AppError BAD_USER_INPUT */
export function parseFilter({ text, ...others }: AccountFilter): AccountFilter {
  const filter = { ...others };
  const { friendlyName, emailAddress } = others;
  if (emailAddress !== undefined) assertPrintable(emailAddress, 'emailAddress');
  if (friendlyName !== undefined) {
    assertPrintable(friendlyName, 'friendlyName');
    // No account has a name that is too long, so such a filter simply finds nothing.
    filter.friendlyName = composed(friendlyName, friendlyNameMaxLength) ?? friendlyName;
  }
  if (text === undefined || text === '') return filter;
  assertPrintable(text, 'text');
  assertWithin(lengthOf(text), textLength, 'text', 'The length of text');
  return { ...filter, text: text.normalize('NFC') };
}

/** What accounts can be ordered by. */
export type AccountOrderField = Extract<OrderField, 'dateCreated' | 'friendlyName' | 'path'>;
export type AccountOrder = Order<AccountOrderField>;

/** The order of a list unless another one is asked for: the oldest account first. */
export const creationOrder: AccountOrder = { field: 'dateCreated', descending: false };

/** The order of the tree: each account before those below it. */
export const treeOrder: AccountOrder = { field: 'path', descending: false };

export type AccountColumn = keyof Account;

/** Every column of an account. */
export const accountColumns = [
  'sid',
  'parentSid',
  'topLevelSid',
  'path',
  'organizationSid',
  'emailAddress',
  'friendlyName',
  'type',
  'status',
  'statusChangedAt',
  'statusChangedBy',
  'role',
  'dateCreated',
  'dateUpdated',
  'version',
] as const satisfies readonly AccountColumn[];

/** The columns of an `AccountPlace`. They are always read. */
export const placeColumns = ['sid', 'path', 'parentSid'] as const satisfies readonly (keyof AccountPlace)[];

/** The columns that are certain to be in a list of them: all of a tuple, none of an array that is put together at run time. */
type Certain<Columns extends readonly AccountColumn[]> = number extends Columns['length'] ? never : Columns[number];

/** An account of which only some columns were read: its place, and `Columns`. */
export type AccountRow<Columns extends readonly AccountColumn[] = readonly AccountColumn[]> = AccountPlace &
  Pick<Account, Certain<Columns>> &
  Partial<Account> & {
    /** The value that the list is ordered by, where PostgreSQL has to compute it. */
    orderKey?: string;
  };

/** Which accounts to list, whatever the page. */
export interface AccountSelection {
  scope: AccountScope;
  filter: AccountFilter;
}

/** Which page of which accounts to read, and how much of each. One listing serves the lists of many owners. */
export interface AccountListing<Columns extends readonly AccountColumn[] = readonly AccountColumn[]> extends AccountSelection {
  order: AccountOrder;
  page: Page;
  /** The columns to read, beside those of the place. A column that nobody asks for costs nothing. */
  columns: Columns;
  /** Whether to read what cursors are made of as well. */
  cursors: boolean;
  /** Whether to read the AuthTokens as well. */
  authTokens?: boolean | undefined;
}

/** What a cursor shows of an account: which columns it needs, and the value that it makes of them. */
const cursorKeys: Record<AccountOrderField, { columns: readonly AccountColumn[]; keyOf: (row: AccountRow) => string }> = {
  dateCreated: { columns: ['dateCreated'], keyOf: ({ dateCreated }) => dateCreated!.toISOString() },
  friendlyName: { columns: [], keyOf: ({ orderKey }) => orderKey! },
  path: { columns: ['path'], keyOf: ({ path }) => path },
};

/** Every column that the listing needs, each of them once. */
export function columnsToRead({ columns, cursors, order }: AccountListing): AccountColumn[] {
  return [...new Set([...placeColumns, ...(cursors ? cursorKeys[order.field].columns : []), ...columns])];
}

/** Where in its list an account stands. It must have been read for cursors. */
export function positionOf(row: AccountRow, { field }: AccountOrder): Position {
  return { key: cursorKeys[field].keyOf(row), sid: row.sid };
}
