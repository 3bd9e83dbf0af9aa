import type { Account, AccountKey, AccountStatus } from '../../domain/account.js';
import { CountChange, type CountedAccounts, type CountedProperties } from '../../domain/account-counts.js';
import type { Sid } from '../../domain/sid.js';
import type { Path } from '../../domain/tree.js';
import type { Client } from '../connection/driver.js';
import { lowerLockTimeout } from '../connection/lock-timeout.js';
import { queryRows } from '../connection/prepared-query.js';
import { execute, transactionTime } from '../connection/transaction.js';
import { accountAt, allColumns, columnNames, keyColumns, memberOf, treeAt, treeBelow, valueOf } from './account-sql.js';
import { leaveReached } from './cascade-parts.js';
import { anyOfList, unnestedKeys } from './key-lists.js';

/** Changes of one account that reach no other account. */
export type AccountUpdate = Partial<Pick<Account, 'friendlyName' | 'type' | 'role' | 'emailAddress' | 'status'>>;

/** The profile links that a cascade undoes. */
export interface UndoneLinks {
  /** The first of them, by the SIDs of the accounts. */
  unlinked: { sid: Sid; profileSid: Sid }[];
  unlinkedCount: number;
}

/** A cascade has one entry in the history, whatever its size. The entry names at most this many undone links (ADR 38). */
const namedLinksAtMost = 100;

/** With a new e-mail address (`$5`), the account (`$1`) claims it instead of the old one (`$8`). */
const moveClaim = `claimed AS (
  UPDATE email_claim SET email_address = $5 WHERE email_claim.email_address = $8 AND email_claim.account_sid = $1
)`;

/** With a new friendly name (`$2`), the account (`$1`) stands elsewhere in its organization's list by name. */
const renameListed = `listed AS (
  UPDATE organization_account AS listed SET name_key = lower($2) FROM account AS renamed
  WHERE renamed.sid = $1 AND listed.organization_sid = renamed.organization_sid
    AND listed.date_created = renamed.date_created AND listed.account_sid = renamed.sid
)`;

/** Matches the account whose path is `$1` and everything below it. */
const inTree = treeAt('$1');

/** The account of the key `$1`, at the path `$2` or below, as `top`; and that account with everything below it. */
const treeOf = (key: AccountKey): string =>
  `(SELECT member.path FROM account AS member WHERE ${memberOf(key)} LIMIT 1) AS top CROSS JOIN ${treeBelow('top.path')}`;

const findByKeys = `
  SELECT ${allColumns}
  FROM ${unnestedKeys(2)} WITH ORDINALITY AS key(sid, email_address, number)
  LEFT JOIN ${accountAt('key')} ON true
  ORDER BY key.number`;

/** Accounts and whole trees of them; `account-list-repository.ts` has the lists. A tree is never walked a row at a time. */
export class AccountRepository {
  /** What the changes so far have done to the counts of each tree. */
  readonly #countChanges = new Map<Sid, CountChange>();

  constructor(private readonly client: Client) {}

  /** What was done to the counts of the tree since this was asked last: for the head of its history. */
  takeCountChange(treeSid: Sid): CountChange | undefined {
    const change = this.#countChanges.get(treeSid);
    this.#countChanges.delete(treeSid);
    return change;
  }

  #count(treeSid: Sid, before: CountedProperties | undefined, after: CountedProperties, count?: number): void {
    const change = this.#countChanges.get(treeSid) ?? new CountChange();
    this.#countChanges.set(treeSid, change);
    change.add(before, after, count);
  }

  async find(sid: Sid): Promise<Account | undefined> {
    return (await this.findMany([sid]))[0];
  }

  async findMany(sids: readonly Sid[]): Promise<Account[]> {
    return queryRows<Account>(this.client, `SELECT ${allColumns} FROM account WHERE account.sid = ${anyOfList}`, [sids]);
  }

  /** The account with the SID; or with the e-mail address, which only an account that is not closed has. */
  async findByKey(key: AccountKey): Promise<Account | undefined> {
    return (await this.findManyByKey([key]))[0];
  }

  /** The account of each key, in the order of the keys. */
  async findManyByKey(keys: readonly AccountKey[]): Promise<(Account | undefined)[]> {
    const rows = await queryRows<Account | { sid: null }>(this.client, findByKeys, keyColumns(keys));
    return rows.map((account) => (account.sid === null ? undefined : account));
  }

  /** The account above that of the key, which is at the path `within` or below. */
  async findParent(key: AccountKey, within: Path): Promise<Account | undefined> {
    const [parent] = await queryRows<Account>(
      this.client,
      `SELECT ${allColumns} FROM account WHERE account.sid = (SELECT member.parent_sid FROM account AS member WHERE ${memberOf(key)})`,
      [valueOf(key), within],
    );
    return parent;
  }

  async findRoot(): Promise<Account | undefined> {
    return (await queryRows<Account>(this.client, `SELECT ${allColumns} FROM account WHERE account.parent_sid IS NULL`))[0];
  }

  /** Adds an account, with its claim on the e-mail address unless it is closed, and returns it as it is then. */
  async insert(account: Omit<Account, 'dateCreated' | 'dateUpdated' | 'statusChangedAt' | 'version'>): Promise<Account> {
    const columns = Object.keys(account) as (keyof typeof account)[];
    const parameterOf = (column: keyof typeof account): string => `$${columns.indexOf(column) + 1}`;
    const claimed = `claimed AS (
         INSERT INTO email_claim (email_address, account_sid) VALUES (${parameterOf('emailAddress')}, ${parameterOf('sid')})
       ), `;
    execute(
      this.client,
      `WITH ${account.status === 'closed' ? '' : claimed}listed AS (
         INSERT INTO organization_account (organization_sid, date_created, account_sid, name_key)
         VALUES (${parameterOf('organizationSid')}, now(), ${parameterOf('sid')}, lower(${parameterOf('friendlyName')}))
       )
       INSERT INTO account (${columns.map((column) => columnNames[column]).join(', ')})
       VALUES (${columns.map(parameterOf).join(', ')})`,
      columns.map((column) => account[column]),
    );
    this.#count(account.topLevelSid, undefined, account);
    const now = await transactionTime(this.client);
    return { ...account, dateCreated: now, dateUpdated: now, statusChangedAt: now, version: 1 };
  }

  /** Changes one account, which the transaction has locked, and returns it. A new status is marked as changed by the account `statusChangedBy`. */
  async update(account: Account, changes: AccountUpdate, statusChangedBy: Sid | null = null): Promise<Account> {
    const follow = [
      ...(changes.emailAddress === undefined ? [] : [moveClaim]),
      ...(changes.friendlyName === undefined ? [] : [renameListed]),
    ];
    execute(
      this.client,
      `${follow.length === 0 ? '' : `WITH ${follow.join(', ')}`}
       UPDATE account
       SET friendly_name = coalesce($2, account.friendly_name), type = coalesce($3, account.type),
           role = coalesce($4, account.role), email_address = coalesce($5, account.email_address),
           status = coalesce($6, account.status),
           status_changed_at = CASE WHEN $6 IS NULL THEN account.status_changed_at ELSE now() END,
           status_changed_by = CASE WHEN $6 IS NULL THEN account.status_changed_by ELSE $7 END,
           version = account.version + 1, date_updated = now()
       WHERE account.sid = $1`,
      [
        account.sid,
        changes.friendlyName,
        changes.type,
        changes.role,
        changes.emailAddress,
        changes.status,
        statusChangedBy,
        ...(changes.emailAddress === undefined ? [] : [account.emailAddress]),
      ],
    );
    this.#count(account.topLevelSid, account, { ...account, ...changes });
    const now = await transactionTime(this.client);
    const status = changes.status === undefined ? {} : { statusChangedAt: now, statusChangedBy };
    return { ...account, ...changes, ...status, version: account.version + 1, dateUpdated: now };
  }

  /** How many accounts there are below the account of the key, which is at the path `within` or below, by status, role and type. */
  async countBelow(key: AccountKey, within: Path): Promise<CountedAccounts[]> {
    return queryRows<CountedAccounts>(
      this.client,
      `SELECT account.status, account.role, account.type, count(*)::integer AS count
       FROM ${treeOf(key)} WHERE account.path <> top.path GROUP BY account.status, account.role, account.type`,
      [valueOf(key), within],
    );
  }

  /**
   * Locks the profile links of the account of the key, which is at the path `within` or below, and of everything below it, in the
   * same order as the deletion of a profile, so that the two cannot deadlock. Returns the links, if there are any.
   */
  async lockLinksInTree(key: AccountKey, within: Path): Promise<UndoneLinks | undefined> {
    const [links] = await queryRows<UndoneLinks>(
      this.client,
      `WITH linked AS MATERIALIZED (
         SELECT link.account_sid, link.profile_sid
         FROM ${treeOf(key)} JOIN account_profile AS link ON link.account_sid = account.sid
         ORDER BY link.account_sid FOR UPDATE OF link
       )
       SELECT counted.count AS "unlinkedCount", ARRAY(
         SELECT json_build_object('sid', linked.account_sid, 'profileSid', linked.profile_sid)
         FROM linked ORDER BY linked.account_sid LIMIT ${namedLinksAtMost}
       ) AS unlinked
       FROM (SELECT count(*)::integer AS count, ${lowerLockTimeout} FROM linked) AS counted`,
      [valueOf(key), within],
    );
    return links!.unlinkedCount === 0 ? undefined : links;
  }

  /**
   * The cascade, in one statement: gives the status to the account and everything below it, where the status is one of `from`, and
   * marks it as changed by the account `by`. Accounts that it closes lose their e-mail addresses, credentials, reset tokens and profile
   * links, which the transaction has locked. `reached` are the accounts that it changes, as counted under the lock of the tree; which
   * they are is written down with the entry of the history. Returns the account as it is then.
   */
  async setStatusInTree(
    account: Account,
    status: AccountStatus,
    from: readonly AccountStatus[],
    by: Sid | null,
    reached: readonly CountedAccounts[],
  ): Promise<Account> {
    for (const { count, ...before } of reached) this.#count(account.topLevelSid, before, { ...before, status }, count);
    execute(
      this.client,
      `WITH reached AS (
         UPDATE account
         SET status = $2, status_changed_at = now(), status_changed_by = $4, version = account.version + 1, date_updated = now()
         WHERE ${inTree} AND account.status = ANY($3)
         RETURNING account.sid, account.path, account.email_address
       ), released AS (
         DELETE FROM email_claim USING reached
         WHERE email_claim.email_address = reached.email_address AND email_claim.account_sid = reached.sid AND $2 = 'closed'
       ), revoked AS (
         DELETE FROM credential USING reached WHERE credential.account_sid = reached.sid AND $2 = 'closed'
       ), forgotten AS (
         DELETE FROM password_reset_token USING reached
         WHERE password_reset_token.account_sid = reached.sid AND $2 = 'closed'
       ), unlinked AS (
         DELETE FROM account_profile USING reached WHERE account_profile.account_sid = reached.sid AND $2 = 'closed'
       )
       SELECT ${leaveReached} AS left`,
      [account.path, status, from, by],
    );
    if (!from.includes(account.status)) return account;
    const now = await transactionTime(this.client);
    return { ...account, status, statusChangedAt: now, statusChangedBy: by, version: account.version + 1, dateUpdated: now };
  }

  /**
   * Moves the account and everything below it, closed accounts included, to another organization. Which accounts it reached is written
   * down with the entry of the history. Returns the account as it is then.
   */
  async setOrganizationInTree(account: Account, organizationSid: Sid): Promise<Account> {
    execute(
      this.client,
      `WITH reached AS (
         UPDATE account SET organization_sid = $2, version = account.version + 1, date_updated = now() WHERE ${inTree}
         RETURNING account.sid, account.path, account.date_created
       ), moved AS (
         UPDATE organization_account AS listed SET organization_sid = $2 FROM reached
         WHERE listed.organization_sid = $3 AND listed.date_created = reached.date_created AND listed.account_sid = reached.sid
       )
       SELECT ${leaveReached} AS left`,
      [account.path, organizationSid, account.organizationSid],
    );
    const dateUpdated = await transactionTime(this.client);
    return { ...account, organizationSid, version: account.version + 1, dateUpdated };
  }

  /** Whether no account of the organization is open. */
  async isOrganizationEmpty(organizationSid: Sid): Promise<boolean> {
    const open = await queryRows(
      this.client,
      `SELECT 1 FROM organization_account AS listed JOIN account ON account.sid = listed.account_sid
       WHERE listed.organization_sid = $1 AND account.status <> 'closed' LIMIT 1`,
      [organizationSid],
    );
    return open.length === 0;
  }
}
