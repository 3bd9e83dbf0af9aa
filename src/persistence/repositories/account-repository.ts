import type { Client } from 'pg';
import type { Account, AccountKey, AccountStatus } from '../../domain/account.js';
import type { Order, OrderField, Page, Position } from '../../domain/page.js';
import type { Sid } from '../../domain/sid.js';
import { levelWidth, pathRangeEnd } from '../../domain/tree.js';
import { anyOfList, unnestedKeys, queryRows } from '../connection/queries.js';

/** Which accounts a list holds, for each of the many keys that it is asked for at once. */
export type AccountScope =
  | { kind: 'children' } // of the account with the key as SID
  | { kind: 'organization' } // wearing the organization with the key as SID
  | { kind: 'descendants'; maxDepth?: number | undefined }; // of the account with the key as path

/** Narrows a list; what is absent does not narrow it. */
export interface AccountFilter {
  status?: Account['status'] | undefined;
  role?: Account['role'] | undefined;
  type?: Account['type'] | undefined;
  /** Part of the friendly name or the e-mail address, in any case. */
  text?: string | undefined;
  /** The whole of it, in any case. */
  friendlyName?: string | undefined;
  emailAddress?: string | undefined;
}

/** Which pages to read: the same for every key. */
export interface PageQuery {
  scope: AccountScope;
  filter: AccountFilter;
  order: Order;
  page: Page;
  /** What to read of the accounts; columns that nobody asks for cost nothing. */
  columns: readonly AccountColumn[];
  /** Whether to read what cursors are made of. */
  cursors: boolean;
  /** Whether to read the AuthTokens too. */
  tokens?: boolean | undefined;
}

/** What permission and every list below rest on; so it is read always. */
const ancestryColumns: readonly AccountColumn[] = ['sid', 'path', 'parentSid'];

/** An account of a list, as far as it was read. */
export interface Listed extends Account {
  /** The place of the list's key among those that were asked for, from 0. */
  list: number;
  /** What the account is ordered by, where its own columns do not tell. */
  orderKey?: string;
  /** The AuthToken, encrypted; absent unless it was asked for, null where the account has none. */
  tokenCiphertext?: Buffer | null;
}

/** What can be changed of one account without reaching another. */
export type OwnChanges = Partial<Pick<Account, 'friendlyName' | 'type' | 'role' | 'emailAddress' | 'status'>>;

/** How many accounts with one status a cascade reaches. */
export interface Reach {
  status: AccountStatus;
  count: number;
}

/** Links to profiles that a cascade undid. */
export interface Unlinked {
  /** The first so many by the SIDs of the accounts. */
  unlinked: { sid: Sid; profileSid: Sid }[];
  unlinkedCount: number;
}

/** A cascade is told by one entry of the history, whatever its size; so many links are named in it (ADR 38). */
const unlinkedToldAtMost = 100;

export type AccountColumn = keyof Account;

const columnNames: Record<AccountColumn, string> = {
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

/** The columns, under the names of the properties that they fill. */
function selected(columns: readonly AccountColumn[]): string {
  return columns.map((column) => `account.${columnNames[column]} AS "${column}"`).join(', ');
}

/** All of an account. */
export const allColumns = Object.keys(columnNames) as AccountColumn[];
export const accountColumns = selected(allColumns);

/** What accounts are looked up by, as two lists of the same length: of SIDs and of e-mail addresses, null where the key is of the other kind. */
export function keyColumns(keys: readonly AccountKey[]): [sids: (string | null)[], emailAddresses: (string | null)[]] {
  return [keys.map((key) => ('sid' in key ? key.sid : null)), keys.map((key) => ('sid' in key ? null : key.emailAddress))];
}

/** The account that one of many keys names, `list` being the keys: the one of the SID, or the one that is not closed and has the e-mail address. */
export const accountAt = (list: string): string =>
  `LATERAL (
     SELECT account.* FROM account WHERE account.sid = ${list}.sid
     UNION ALL SELECT account.* FROM account WHERE account.open_email_address = ${list}.email_address
     LIMIT 1
   ) AS account`;

/** What has the path, and everything below it: one range of the index on `path`. */
export const treeAt = (path: string, table = 'account'): string =>
  `${table}.path >= ${path} AND ${table}.path < ${path} || '${pathRangeEnd}'`;

/** The tree of the account whose path is $1. */
const inTree = treeAt('$1');

/** The AuthToken of each account of a page. LATERAL with a LIMIT, so that it is looked up by its key however many accounts there are. */
const tokenOfEach = `
  LEFT JOIN LATERAL (
    SELECT credential.token_ciphertext AS ciphertext FROM credential WHERE credential.account_sid = page.sid LIMIT 1
  ) AS token ON true`;

const findManyByStatement = `
  SELECT ${accountColumns}
  FROM ${unnestedKeys(2)} WITH ORDINALITY AS key(sid, email_address, number)
  LEFT JOIN ${accountAt('key')} ON true
  ORDER BY key.number`;

/** Every statement on the table `account`. A tree is never walked a row at a time. */
export class AccountRepository {
  constructor(private readonly client: Client) {}

  async find(sid: Sid): Promise<Account | undefined> {
    return (await this.findMany([sid]))[0];
  }

  async findMany(sids: readonly Sid[]): Promise<Account[]> {
    return queryRows<Account>(this.client, `SELECT ${accountColumns} FROM account WHERE account.sid = ${anyOfList}`, [sids]);
  }

  /** The account of the SID, or the one that is not closed and has the e-mail address. */
  async findBy(key: AccountKey): Promise<Account | undefined> {
    return (await this.findManyBy([key]))[0];
  }

  /** The same for each of many keys, in their order. */
  async findManyBy(keys: readonly AccountKey[]): Promise<(Account | undefined)[]> {
    const rows = await queryRows<Account | { sid: null }>(this.client, findManyByStatement, keyColumns(keys));
    return rows.map((account) => (account.sid === null ? undefined : account));
  }

  async findRoot(): Promise<Account | undefined> {
    return (await queryRows<Account>(this.client, `SELECT ${accountColumns} FROM account WHERE account.parent_sid IS NULL`))[0];
  }

  async insert(account: Omit<Account, 'dateCreated' | 'dateUpdated' | 'statusChangedAt' | 'version'>): Promise<Account> {
    const columns = Object.keys(account) as (keyof typeof account)[];
    const [inserted] = await queryRows<Account>(
      this.client,
      `INSERT INTO account (${columns.map((column) => columnNames[column]).join(', ')})
       VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')})
       RETURNING ${accountColumns}`,
      columns.map((column) => account[column]),
    );
    return inserted!;
  }

  /** Changes one account, a status by the act of the account with the SID, and returns it as it is then. */
  async update(sid: Sid, changes: OwnChanges, statusChangedBy?: Sid): Promise<Account> {
    const [account] = await queryRows<Account>(
      this.client,
      `UPDATE account
       SET friendly_name = coalesce($2, account.friendly_name), type = coalesce($3, account.type),
           role = coalesce($4, account.role), email_address = coalesce($5, account.email_address),
           status = coalesce($6, account.status),
           status_changed_at = CASE WHEN $6 IS NULL THEN account.status_changed_at ELSE now() END,
           status_changed_by = CASE WHEN $6 IS NULL THEN account.status_changed_by ELSE $7 END,
           version = account.version + 1, date_updated = now()
       WHERE account.sid = $1
       RETURNING ${accountColumns}`,
      [sid, changes.friendlyName, changes.type, changes.role, changes.emailAddress, changes.status, statusChangedBy],
    );
    return account!;
  }

  /** How many accounts in the tree, itself included, have one of the statuses. */
  async countInTree(account: Account, statuses: readonly AccountStatus[]): Promise<Reach[]> {
    return queryRows<Reach>(
      this.client,
      `SELECT account.status, count(*)::integer AS count FROM account
       WHERE ${inTree} AND account.status = ANY($2)
       GROUP BY account.status ORDER BY account.status`,
      [account.path, statuses],
    );
  }

  /**
   * The cascade, in one statement: gives the status, by the act of the account with the SID `by`, to every account in the tree,
   * itself included, that has one of the statuses `from`. Accounts that are closed by it lose their credentials, reset tokens
   * and profile links; the links are locked in the order that whoever deletes a profile locks them in. Tells of the links that
   * it undid, if there were any.
   */
  async setStatusInTree(account: Account, status: AccountStatus, from: readonly AccountStatus[], by: Sid): Promise<Unlinked | undefined> {
    const [unlinked] = await queryRows<Unlinked>(
      this.client,
      `WITH reached AS (
         UPDATE account
         SET status = $2, status_changed_at = now(), status_changed_by = $4, version = account.version + 1, date_updated = now()
         WHERE ${inTree} AND account.status = ANY($3)
         RETURNING account.sid
       ), revoked AS (
         DELETE FROM credential USING reached WHERE credential.account_sid = reached.sid AND $2 = 'closed'
       ), forgotten AS (
         DELETE FROM password_reset_token USING reached
         WHERE password_reset_token.account_sid = reached.sid AND $2 = 'closed'
       ), linked AS (
         SELECT link.account_sid, link.profile_sid FROM account_profile AS link JOIN account ON account.sid = link.account_sid
         WHERE ${inTree} AND $2 = 'closed'
         ORDER BY link.account_sid FOR UPDATE OF link
       ), unlinked AS (
         DELETE FROM account_profile USING linked WHERE account_profile.account_sid = linked.account_sid
       )
       SELECT (SELECT count(*)::integer FROM linked) AS "unlinkedCount", ARRAY(
         SELECT json_build_object('sid', linked.account_sid, 'profileSid', linked.profile_sid)
         FROM linked ORDER BY linked.account_sid LIMIT ${unlinkedToldAtMost}
       ) AS unlinked`,
      [account.path, status, from, by],
    );
    return unlinked!.unlinkedCount === 0 ? undefined : unlinked;
  }

  /** Moves the whole tree, closed accounts included, to another organization. */
  async setOrganizationInTree(account: Account, organizationSid: Sid): Promise<void> {
    await queryRows(
      this.client,
      `UPDATE account SET organization_sid = $2, version = account.version + 1, date_updated = now() WHERE ${inTree}`,
      [account.path, organizationSid],
    );
  }

  async isOrganizationEmpty(organizationSid: Sid): Promise<boolean> {
    const open = await queryRows(
      this.client,
      `SELECT 1 FROM account WHERE account.organization_sid = $1 AND account.status <> 'closed' LIMIT 1`,
      [organizationSid],
    );
    return open.length === 0;
  }

  /**
   * One page of each of many lists, in one statement: PostgreSQL reads every list's page from the index, so that a list
   * of any length costs the same on its first page and its last. Each list yields up to one row more than the page's
   * size, in reading order; the extra row tells that there is more. A row has the columns that are asked for, and those
   * that say who is whose.
   */
  async listPages(keys: readonly string[], { scope, filter, order, page, columns, cursors, tokens }: PageQuery): Promise<Listed[]> {
    const parameters: unknown[] = [keys];
    const parameter = (value: unknown): string => `$${parameters.push(value)}`;
    const conditions = [scopeCondition(scope, parameter), ...filterConditions(filter, parameter)];
    const { key, condition, direction } = keyset(order, page, parameter);

    const read = selected([...new Set([...ancestryColumns, ...(cursors ? key.columns : []), ...columns])]);
    return queryRows<Listed>(
      this.client,
      `SELECT list.number::integer - 1 AS list, page.*${tokens ? ', token.ciphertext AS "tokenCiphertext"' : ''}
       FROM ${unnestedKeys(1)} WITH ORDINALITY AS list(key, number)
       CROSS JOIN LATERAL (
         SELECT ${[read, ...(cursors ? key.expressions : [])].join(', ')}
         FROM account
         WHERE ${[...conditions, ...condition].join(' AND ')}
         ORDER BY ${key.sql} ${direction}, account.sid ${direction}
         LIMIT ${page.size + 1} OFFSET ${page.skip ?? 0}
       ) AS page
       ${tokens ? tokenOfEach : ''}`,
      parameters,
    );
  }

  /** The length of each of many lists, in one statement. */
  async countLists(scope: AccountScope, keys: readonly string[], filter: AccountFilter): Promise<Map<string, number>> {
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
  // As the index has it that lists are ordered by.
  if (friendlyName !== undefined) conditions.push(`lower(account.friendly_name) COLLATE "C" = lower(${parameter(friendlyName)})`);
  if (emailAddress !== undefined) conditions.push(`account.email_address = lower(${parameter(emailAddress)})`);
  if (text !== undefined) {
    const pattern = parameter(`%${text.replace(/[\\%_]/g, '\\$&')}%`);
    conditions.push(`(account.friendly_name ILIKE ${pattern} OR account.email_address ILIKE ${pattern})`);
  }
  return conditions;
}

interface OrderKey {
  /** As the index has it. */
  sql: string;
  type: 'timestamptz' | 'text';
  /** What a cursor shows: from the account's own columns, unless only PostgreSQL can tell. */
  columns: AccountColumn[];
  expressions: string[];
  shownBy: (account: Listed) => string;
}

const orderKeys: Partial<Record<OrderField, OrderKey>> = {
  dateCreated: {
    sql: 'account.date_created',
    type: 'timestamptz',
    columns: ['dateCreated'],
    expressions: [],
    shownBy: ({ dateCreated }) => dateCreated.toISOString(),
  },
  friendlyName: {
    sql: 'lower(account.friendly_name) COLLATE "C"',
    type: 'text',
    columns: [],
    expressions: ['lower(account.friendly_name) AS "orderKey"'],
    shownBy: ({ orderKey }) => orderKey!,
  },
  path: { sql: 'account.path', type: 'text', columns: [], expressions: [], shownBy: ({ path }) => path },
};

/** Where in its list an account stands that was read for cursors. */
export function positionOf(account: Listed, { field }: Order): Position {
  return { key: orderKeys[field]!.shownBy(account), sid: account.sid };
}

function keyset(order: Order, page: Page, parameter: Parameter) {
  const key = orderKeys[order.field]!;
  const descending = order.descending !== page.backward;
  const beyond = (comparison: '<' | '>', position: Position | undefined): string[] =>
    position === undefined
      ? []
      : [`(${key.sql}, account.sid) ${comparison} (${parameter(position.key)}::${key.type}, ${parameter(position.sid)})`];
  return {
    key,
    direction: descending ? 'DESC' : 'ASC',
    condition: [...beyond(descending ? '<' : '>', page.from), ...beyond(descending ? '>' : '<', page.until)],
  };
}
