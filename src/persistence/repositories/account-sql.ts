import type { AccountKey } from '../../domain/account.js';
import { type AccountColumn, accountColumns } from '../../domain/account-list.js';
import { pathRangeEnd } from '../../domain/tree.js';

/** Parts of statements on the table `account`, for every repository that reads it. */

export const columnNames: Record<AccountColumn, string> = {
  sid: 'sid',
  parentSid: 'parent_sid',
  topLevelSid: 'top_level_sid',
  path: 'path',
  organizationSid: 'organization_sid',
  emailAddress: 'email_address',
  friendlyName: 'friendly_name',
  type: 'type',
  status: 'status',
  statusChangedAt: 'status_changed_at',
  statusChangedBy: 'status_changed_by',
  role: 'role',
  dateCreated: 'date_created',
  dateUpdated: 'date_updated',
  version: 'version',
};

/** The columns, each under the name of the property that it fills. */
export function selected(columns: readonly AccountColumn[]): string {
  return columns.map((column) => `account.${columnNames[column]} AS "${column}"`).join(', ');
}

/** All of an account. */
export const allColumns = selected(accountColumns);

/** Keys as two lists of one length, of SIDs and of e-mail addresses: each key is null in the list that is not its kind. */
export function keyColumns(keys: readonly AccountKey[]): [sids: (string | null)[], emailAddresses: (string | null)[]] {
  return [keys.map((key) => ('sid' in key ? key.sid : null)), keys.map((key) => ('sid' in key ? null : key.emailAddress))];
}

/** The SID of the account that has the e-mail address: only one that is not closed has a claim on it. */
export const claimantOf = (emailAddress: string): string =>
  `(SELECT email_claim.account_sid FROM email_claim WHERE email_claim.email_address = ${emailAddress})`;

/** The account that a row of keys names: by its SID, or by its e-mail address, which only an account that is not closed has. */
export const accountAt = (keys: string): string =>
  `LATERAL (
     SELECT account.* FROM account WHERE account.sid = ${keys}.sid
     UNION ALL SELECT account.* FROM account WHERE account.sid = ${claimantOf(`${keys}.email_address`)}
     LIMIT 1
   ) AS account`;

/** The SID or the e-mail address of a key. */
export const valueOf = (key: AccountKey): string => ('sid' in key ? key.sid : key.emailAddress);

/** Matches the account of the key `$1` if it is at the path `$2` or below: nobody locks, or learns of, what is out of sight. */
export const memberOf = (key: AccountKey): string => `member.sid = ${'sid' in key ? '$1' : claimantOf('$1')} AND ${treeAt('$2', 'member')}`;

/** The account with the path and everything below it: one range of the index on `path`. */
export const treeAt = (path: string, table = 'account'): string =>
  `${table}.path >= ${path} AND ${table}.path < ${path} || '${pathRangeEnd}'`;

/*
 * `OFFSET 0` and `LIMIT 1` keep what follows apart from the row before it. Of what is part of a join PostgreSQL expects up to a ninth of all
 * accounts, or as many rows before it that to read all accounts once seems less than to look each up (ADR 65).
 */

/** The account with the path, which a row before it has, and everything below it. */
export const treeBelow = (path: string): string => `LATERAL (SELECT account.* FROM account WHERE ${treeAt(path)} OFFSET 0) AS account`;

/** The sub-accounts of the account whose SID a row before them has. */
export const childrenOf = (sid: string): string =>
  `LATERAL (SELECT account.* FROM account WHERE account.parent_sid = ${sid} OFFSET 0) AS account`;

/** The path of the account whose SID a row before it has, as the table `name`. */
export const pathOf = (sid: string, name: string): string =>
  `LATERAL (SELECT account.path FROM account WHERE account.sid = ${sid} LIMIT 1) AS ${name}`;
