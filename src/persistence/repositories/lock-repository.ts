import { type Account, type AccountKey, isRoot, isSameKey } from '../../domain/account.js';
import type { CurrentCaller } from '../../domain/actor.js';
import type { Client } from '../connection/driver.js';
import { lostRace } from '../connection/errors.js';
import { lowerLockTimeout, takeLocks } from '../connection/lock-timeout.js';
import { pipelined } from '../connection/pipeline.js';
import { queryRows } from '../connection/prepared-query.js';
import { memberOf, valueOf } from './account-sql.js';
import { CredentialRepository } from './credential-repository.js';

/**
 * What a change locks until it ends (SPEC §2, "Concurrency"). `tree`: the whole tree, exclusively. `account`: one account, in a tree
 * that others share. `place`: only the tree, shared, so that the parent of a new account stays active and where it is.
 */
type LockScope = 'tree' | 'account' | 'place';

/** The account that a change is about, and what the change locks. No account is found where its name is malformed. */
export interface AccountLock {
  account: AccountKey | undefined;
  scope: LockScope;
}

/** What a change works on, as read under its locks. */
interface LockedState {
  caller: CurrentCaller;
  /** Undefined where there is none at or below the caller. */
  account: Account | undefined;
}

/** An arbitrary number that nothing else locks; migrate.ts has another one. */
const bootstrapLock = 0x41_47_4d_32;

/** The advisory lock of a tree, in SQL: the tree's SID hashed to 64 bits, with a seed that nothing else uses. */
const treeLock = (treeSid: string, mode: 'exclusive' | 'shared'): string =>
  `pg_advisory_xact_lock${mode === 'shared' ? '_shared' : ''}(hashtextextended(${treeSid}, 1))`;

/** A key that no account has. */
const none: AccountKey = { sid: '' };

/**
 * The locks of changes, in the one order that prevents deadlocks: the root's own tree, if the root acts; the tree; the account.
 * Organizations, profiles, their links and the heads of histories are locked after these. An idempotency key is claimed before
 * them, but never waited for.
 *
 * A tree has an advisory lock, since these queue. With row locks, those who share a row overtake those who want it exclusively: a
 * stream of new accounts kept a suspension waiting for minutes (ADR 33). Each lock is a statement of its own, because under READ
 * COMMITTED only the next statement sees what earlier holders of the lock committed. The statements that follow are sent in the
 * same packet, and run after it.
 *
 * The row of the top-level account is locked too, against older versions of this program that lock nothing else, as long as both run:
 * FOR KEY SHARE, which the foreign keys of a new account need anyway, against their cascades; FOR NO KEY UPDATE against their other
 * changes. Changes of this version never wait for these locks.
 */
export class LockRepository {
  constructor(private readonly client: Client) {}

  /** Keeps other instances from creating the root, until the transaction ends. */
  async lockBootstrap(): Promise<void> {
    await queryRows(this.client, `SELECT pg_advisory_xact_lock($1)`, [bootstrapLock]);
  }

  /**
   * Locks what a change of the caller is about, and reads it and the caller. The caller's own tree is locked too, at least shared; for
   * the root, also when it acts on another tree. Whatever changes the caller's standing locks that tree exclusively, so the standing
   * stays as it is until the transaction ends.
   */
  async lockForChange(caller: Account, lock?: AccountLock): Promise<LockedState> {
    const key = lock?.account ?? none;
    const mode = lock?.scope === 'tree' ? 'exclusive' : 'shared';
    const isOfOwnTree = lock === undefined || (isRoot(caller) && isNamedBy(caller, key));
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

  async #lockTree(treeSid: string, mode: 'exclusive' | 'shared'): Promise<void> {
    await takeLocks(this.client, `SELECT ${treeLock('$1', mode)}`, [treeSid]);
  }

  /** Locks the tree of the account that the key finds at the path or below, and returns the SID of the tree. */
  async #lockTreeOf(key: AccountKey, within: string, mode: 'exclusive' | 'shared'): Promise<string | undefined> {
    const [tree] = await queryRows<{ sid: string }>(
      this.client,
      `WITH tree AS MATERIALIZED (
         SELECT member.top_level_sid AS sid, ${treeLock('member.top_level_sid', mode)} FROM account AS member WHERE ${memberOf(key)}
       ), top AS MATERIALIZED (
         SELECT account.sid FROM tree JOIN account ON account.sid = tree.sid
         ${mode === 'exclusive' ? 'FOR NO KEY UPDATE' : 'FOR KEY SHARE'} OF account
       )
       SELECT top.sid, ${lowerLockTimeout} FROM top`,
      [valueOf(key), within],
    );
    return tree?.sid;
  }

  async #lockAccount(key: AccountKey, within: string): Promise<void> {
    await takeLocks(this.client, `SELECT 1 FROM account AS member WHERE ${memberOf(key)} FOR NO KEY UPDATE`, [valueOf(key), within]);
  }
}

/** Whether the key names the account. */
function isNamedBy(account: Account, key: AccountKey): boolean {
  return isSameKey(key, account) || isSameKey(key, { emailAddress: account.emailAddress });
}
