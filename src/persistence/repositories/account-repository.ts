import type { Account, AccountKey, AccountStatus, StatusCount } from '../../domain/account.js';
import type { Sid } from '../../domain/sid.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';
import { accountAt, allColumns, columnNames, keyColumns, treeAt } from './account-sql.js';
import { anyOfList, unnestedKeys } from './key-lists.js';

/** What can be changed of one account without reaching another. */
export type OwnChanges = Partial<Pick<Account, 'friendlyName' | 'type' | 'role' | 'emailAddress' | 'status'>>;

/** Links to profiles that a cascade undid. */
export interface Unlinked {
  /** The first so many by the SIDs of the accounts. */
  unlinked: { sid: Sid; profileSid: Sid }[];
  unlinkedCount: number;
}

/** A cascade is told by one entry of the history, whatever its size; so many links are named in it (ADR 38). */
const unlinkedToldAtMost = 100;

/** The tree of the account whose path is $1. */
const inTree = treeAt('$1');

const findManyByStatement = `
  SELECT ${allColumns}
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
    return queryRows<Account>(this.client, `SELECT ${allColumns} FROM account WHERE account.sid = ${anyOfList}`, [sids]);
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
    return (await queryRows<Account>(this.client, `SELECT ${allColumns} FROM account WHERE account.parent_sid IS NULL`))[0];
  }

  async insert(account: Omit<Account, 'dateCreated' | 'dateUpdated' | 'statusChangedAt' | 'version'>): Promise<Account> {
    const columns = Object.keys(account) as (keyof typeof account)[];
    const [inserted] = await queryRows<Account>(
      this.client,
      `INSERT INTO account (${columns.map((column) => columnNames[column]).join(', ')})
       VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')})
       RETURNING ${allColumns}`,
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
       RETURNING ${allColumns}`,
      [sid, changes.friendlyName, changes.type, changes.role, changes.emailAddress, changes.status, statusChangedBy],
    );
    return account!;
  }

  /** How many accounts in the tree, itself included, have one of the statuses. */
  async countInTree(account: Account, statuses: readonly AccountStatus[]): Promise<StatusCount[]> {
    return queryRows<StatusCount>(
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
}
