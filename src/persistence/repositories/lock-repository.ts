import { type Account, type AccountKey, isRoot, isSameKey } from '../../domain/account.js';
import type { CurrentCaller } from '../../domain/actor.js';
import type { Client } from '../connection/driver.js';
import { lostRace } from '../connection/errors.js';
import { lowerLockTimeout, takeLocks } from '../connection/lock-timeout.js';
import { pipelined } from '../connection/pipeline.js';
import { queryRows } from '../connection/prepared-query.js';
import { treeAt } from './account-sql.js';
import { CredentialRepository } from './credential-repository.js';

/**
 * What a change keeps still until it ends, in its tree (SPEC §2, "Concurrency"): the whole tree, which it then has alone; or
 * one account, with the tree shared; or nothing but its place, as the parent of a new account: that it is there, is active,
 * and is the tree's.
 */
export type LockScope = 'tree' | 'account' | 'place';

/** The account that a change is about, and what of its tree it holds. An account that is named by nothing well-formed is none. */
export interface AccountLock {
  account: AccountKey | undefined;
  scope: LockScope;
}

/** What a change works on: read under its locks, so that nothing of it is of yesterday. */
export interface LockedState {
  caller: CurrentCaller;
  /** Nothing where there is none at or below the caller. */
  account: Account | undefined;
}

/** Any number that no one else locks; see migrate.ts for the other one. */
const firstStartLock = 0x41_47_4d_32;

/** The lock of a tree, in SQL: of the whole 64 bits, with a seed of its own. */
const lockOf = (treeSid: string, mode: 'alone' | 'shared'): string =>
  `pg_advisory_xact_lock${mode === 'shared' ? '_shared' : ''}(hashtextextended(${treeSid}, 1))`;

/** The columns by which a key finds one account. */
const columnOf = (key: AccountKey): 'sid' | 'open_email_address' => ('sid' in key ? 'sid' : 'open_email_address');
const valueOf = (key: AccountKey): string => ('sid' in key ? key.sid : key.emailAddress);

/** What is found by a key and is at the path $2 or below: nobody locks, or learns of, what is out of sight. */
const memberBy = (key: AccountKey): string => `member.${columnOf(key)} = $1 AND ${treeAt('$2', 'member')}`;

/** What no account is found by. */
const none: AccountKey = { sid: '' };

/**
 * The locks of changes, all of them, in the one order that keeps writers from waiting in a circle: the tree of the root, if the
 * root acts; the tree; the account. Organizations, profiles, their links and the heads of histories come after.
 *
 * The lock of a tree is an advisory one. PostgreSQL's row locks let those who share overtake who wants a row alone: a stream of
 * creations kept a suspension waiting for minutes. Its advisory locks queue. Each lock is a statement of its own, because under
 * READ COMMITTED only the next statement sees what the earlier holders committed; those that follow are sent along with it,
 * and run after it: a connection does one thing after the other.
 *
 * Beside the advisory lock, the row of the top-level account is locked as lightly as shuts out versions of this program that
 * lock by that row alone, while both run: FOR KEY SHARE, which the foreign keys of a new account take anyway, against their
 * cascades; FOR NO KEY UPDATE against their changes. Among this version's own changes neither is ever waited for.
 */
export class LockRepository {
  constructor(private readonly client: Client) {}

  /** Keeps other instances from creating the root until the transaction ends. */
  async firstStart(): Promise<void> {
    await queryRows(this.client, `SELECT pg_advisory_xact_lock($1)`, [firstStartLock]);
  }

  /**
   * Holds what a change of the caller is about, and reads it with the caller. What changes a caller's standing has its tree
   * alone, so with the tree shared that stands until the transaction ends; what the root does elsewhere shares its tree first.
   */
  async hold(caller: Account, lock?: AccountLock): Promise<LockedState> {
    const key = lock?.account ?? none;
    const mode = lock?.scope === 'tree' ? 'alone' : 'shared';
    const isOfOwnTree = lock === undefined || (isRoot(caller) && isCalled(caller, key));
    const [, treeSid, , now] = await pipelined(
      isOfOwnTree || isRoot(caller) ? this.#lockTree(caller.topLevelSid, isOfOwnTree ? mode : 'shared') : undefined,
      isOfOwnTree ? caller.topLevelSid : this.#lockTreeOf(key, caller.path, mode),
      lock?.scope === 'account' ? this.#lockAccount(key, caller.path) : undefined,
      new CredentialRepository(this.client).findForChange(caller, key),
    );
    if (now.account !== undefined && now.account.topLevelSid !== treeSid) {
      // Between its look-up and the lock, the e-mail address came to an account of another tree.
      throw lostRace('The e-mail address has come to another account.');
    }
    return now;
  }

  async #lockTree(treeSid: string, mode: 'alone' | 'shared'): Promise<void> {
    await takeLocks(this.client, `SELECT ${lockOf('$1', mode)}`, [treeSid]);
  }

  /** Locks the tree of the account that the key finds at the path or below; tells which tree that is. */
  async #lockTreeOf(key: AccountKey, within: string, mode: 'alone' | 'shared'): Promise<string | undefined> {
    const [tree] = await queryRows<{ sid: string }>(
      this.client,
      `WITH tree AS MATERIALIZED (
         SELECT member.top_level_sid AS sid, ${lockOf('member.top_level_sid', mode)} FROM account AS member WHERE ${memberBy(key)}
       ), top AS MATERIALIZED (
         SELECT account.sid FROM tree JOIN account ON account.sid = tree.sid
         ${mode === 'alone' ? 'FOR NO KEY UPDATE' : 'FOR KEY SHARE'} OF account
       )
       SELECT top.sid, ${lowerLockTimeout} FROM top`,
      [valueOf(key), within],
    );
    return tree?.sid;
  }

  async #lockAccount(key: AccountKey, within: string): Promise<void> {
    await takeLocks(this.client, `SELECT 1 FROM account AS member WHERE ${memberBy(key)} FOR NO KEY UPDATE`, [valueOf(key), within]);
  }
}

function isCalled(account: Account, key: AccountKey): boolean {
  return isSameKey(key, account) || isSameKey(key, { emailAddress: account.emailAddress });
}
