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
import type { PageOf } from '../../domain/page.js';
import { levelWidth } from '../../domain/tree.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';
import { selected, treeAt } from './account-sql.js';
import { keyset, pagesFrom } from './keyset.js';
import { unnestedKeys } from './key-lists.js';

/** A row of a list, with the encrypted AuthToken where the listing asks for it: null where the account has none. */
export type AccountRowWithToken<Columns extends readonly AccountColumn[]> = AccountRow<Columns> & { tokenCiphertext?: Buffer | null };

/** The AuthToken of each account of a page. LATERAL with a LIMIT makes PostgreSQL look it up by its key, however many accounts there are. */
const tokenOfEach = `
  LEFT JOIN LATERAL (
    SELECT credential.token_ciphertext AS ciphertext FROM credential WHERE credential.account_sid = page.sid LIMIT 1
  ) AS token ON true`;

/** The expression of each order, as an index has it, and what a row must have so that a cursor can show it. */
const orderExpressions: Record<AccountOrderField, { sql: string; type: 'timestamptz' | 'text'; shown?: string }> = {
  dateCreated: { sql: 'account.date_created', type: 'timestamptz' },
  friendlyName: {
    sql: 'lower(account.friendly_name) COLLATE "C"',
    type: 'text',
    shown: 'lower(account.friendly_name) AS "orderKey"',
  },
  path: { sql: 'account.path', type: 'text' },
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
    const { scope, filter, order, page, cursors, authTokens } = listing;
    const parameters: unknown[] = [keys];
    const parameter = (value: unknown): string => `$${parameters.push(value)}`;
    const { sql, type, shown } = orderExpressions[order.field];
    const conditions = [scopeCondition(scope, parameter), ...filterConditions(filter, parameter)];
    const place = keyset(
      page,
      { columns: [sql, 'account.sid'], descending: order.descending },
      ({ key, sid }) => `${parameter(key)}::${type}, ${parameter(sid)}`,
    );
    const read = [selected(columnsToRead(listing)), ...(cursors && shown !== undefined ? [shown] : [])];
    const rows = await queryRows<AccountRowWithToken<Columns> & { list: number }>(
      this.client,
      `SELECT list.number::integer - 1 AS list, page.*${authTokens ? ', token.ciphertext AS "tokenCiphertext"' : ''}
       FROM ${unnestedKeys(1)} WITH ORDINALITY AS list(key, number)
       CROSS JOIN LATERAL (
         SELECT ${read.join(', ')}
         FROM account
         WHERE ${[...conditions, ...place.conditions].join(' AND ')}
         ORDER BY ${place.orderBy}
         LIMIT ${place.limit} OFFSET ${page.skip ?? 0}
       ) AS page
       ${authTokens ? tokenOfEach : ''}`,
      parameters,
    );
    return pagesFrom(rows, keys.length, page);
  }

  /** The length of each of many lists, by their keys. */
  async counts(keys: readonly string[], { scope, filter }: AccountSelection): Promise<Map<string, number>> {
    const parameters: unknown[] = [keys];
    const parameter = (value: unknown): string => `$${parameters.push(value)}`;
    const conditions = [scopeCondition(scope, parameter), ...filterConditions(filter, parameter)];
    const counts = await queryRows<{ key: string; count: number }>(
      this.client,
      `SELECT list.key, total.count
       FROM ${unnestedKeys(1)} AS list(key)
       CROSS JOIN LATERAL (SELECT count(*)::integer AS count FROM account WHERE ${conditions.join(' AND ')}) AS total`,
      parameters,
    );
    return new Map(counts.map(({ key, count }) => [key, count]));
  }
}

/** Adds a value to the statement's parameters, and returns its placeholder. */
type Parameter = (value: unknown) => string;

function scopeCondition(scope: AccountScope, parameter: Parameter): string {
  switch (scope.kind) {
    case 'children':
      return `account.parent_sid = list.key`;
    case 'organization':
      return `account.organization_sid = list.key`;
    case 'descendants': {
      const below = `${treeAt('list.key')} AND account.path <> list.key`;
      if (scope.maxDepth === undefined) return below;
      return `${below} AND length(account.path) <= length(list.key) + ${parameter(scope.maxDepth * levelWidth)}::integer`;
    }
  }
}

function filterConditions({ status, role, type, text, friendlyName, emailAddress }: AccountFilter, parameter: Parameter): string[] {
  const conditions: string[] = [];
  if (status !== undefined) conditions.push(`account.status = ${parameter(status)}`);
  if (role !== undefined) conditions.push(`account.role = ${parameter(role)}`);
  if (type !== undefined) conditions.push(`account.type = ${parameter(type)}`);
  // The same expression as in the index that lists by name are read from.
  if (friendlyName !== undefined) conditions.push(`lower(account.friendly_name) COLLATE "C" = lower(${parameter(friendlyName)})`);
  if (emailAddress !== undefined) conditions.push(`account.email_address = lower(${parameter(emailAddress)})`);
  if (text !== undefined) {
    const pattern = parameter(`%${text.replace(/[\\%_]/g, '\\$&')}%`);
    conditions.push(`(account.friendly_name ILIKE ${pattern} OR account.email_address ILIKE ${pattern})`);
  }
  return conditions;
}
