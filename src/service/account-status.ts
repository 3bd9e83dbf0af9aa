import {
  type Account,
  type AccountKey,
  type AccountReference,
  AccountStatus,
  type ExpectedVersion,
  type StatusCount,
  assertActiveParent,
  assertMayBecome,
  assertOpen,
  assertVersion,
  parseAccountReference,
  statusesThatMayBecome,
} from '../domain/account.js';
import { type CountedAccounts, byStatus, countedInTree } from '../domain/account-counts.js';
import { type SignedIn, authorSidOf } from '../domain/actor.js';
import { authorize, authorizeOn } from '../domain/permissions.js';
import { type Caller, withoutIdempotencyKey } from '../domain/request-context.js';
import { AppError } from '../errors.js';
import type { Repositories } from '../persistence/connection/database.js';
import { pipelined } from '../persistence/connection/pipeline.js';
import type { UndoneLinks } from '../persistence/repositories/account-repository.js';
import type { AccountLock } from '../persistence/repositories/lock-repository.js';
import type { AuditedTransaction, AuditedTransactions } from './audited-transaction.js';

/** How to make a change of a whole tree. */
export interface CascadeOptions {
  /** Returns what the change would reach, and changes nothing. */
  dryRun?: boolean | undefined;
  /** The version that the caller has read. If the account has another one by now, the change is refused. */
  version?: ExpectedVersion;
}

/** What a change of a whole tree reached, or in a dry run would reach. */
export interface Cascade {
  /** As it is after the change; in a dry run, unchanged. */
  account: Account;
  /** How many accounts are changed, this one included, by the status that they had. */
  reached: StatusCount[];
  dryRun: boolean;
}

/** Changes of the status of an account and of everything below it (SPEC §2, "Life cycle"). */
export class AccountStatusService {
  constructor(private readonly transactions: AuditedTransactions) {}

  /**
   * Suspends or activates the account and, by cascade, the accounts below it.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, INVALID_STATUS, PASSWORD_RESET_REQUIRED,
   * PARENT_NOT_ACTIVE, VERSION_CONFLICT
   */
  async setStatus(caller: Caller, target: AccountReference, status: AccountStatus, options: CascadeOptions = {}): Promise<Cascade> {
    authorize(caller.actor, 'setAccountStatus');
    if (status !== AccountStatus.ACTIVE && status !== AccountStatus.SUSPENDED) {
      throw new AppError('INVALID_STATUS', 'status must be ACTIVE or SUSPENDED. To close the account, use closeAccount.', {
        field: 'status',
      });
    }
    return this.#cascade(caller, target, status, options);
  }

  /**
   * Closes the account and, by cascade, everything below it, for good. Removes credentials, reset tokens and profile links.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, VERSION_CONFLICT
   */
  async close(caller: Caller, target: AccountReference, options: CascadeOptions = {}): Promise<Cascade> {
    return this.#cascade(caller, target, AccountStatus.CLOSED, options);
  }

  async #cascade(
    { actor: author, request }: Caller,
    target: AccountReference,
    status: AccountStatus,
    { dryRun = false, version }: CascadeOptions,
  ): Promise<Cascade> {
    const operation = operationFor(status);
    authorize(author, operation);
    const key = parseAccountReference(target);
    const lock: AccountLock = { account: key, scope: dryRun ? 'place' : 'tree' };
    return this.transactions.write(
      author,
      dryRun ? withoutIdempotencyKey(request) : request,
      { operation, lock, alsoRead: (repositories) => readForStatus(repositories, author, key, status, dryRun) },
      async (repositories, transaction) => {
        const { actor, account } = transaction;
        authorizeOn(actor, operation, account);
        assertOpen(account);
        assertVersion(account, version);
        return setStatusInTree(repositories, transaction, account, status, transaction.read, dryRun);
      },
    );
  }
}

/** What a change of the status depends on beside the account. */
interface StatusReads {
  parent: Account | undefined;
  below: CountedAccounts[];
  undone: UndoneLinks | undefined;
}

/** Reads what giving the status to the account of the key depends on. Of a malformed key there is nothing to read. */
export async function readForStatus(
  { accounts }: Repositories,
  { account: { path } }: SignedIn,
  key: AccountKey | undefined,
  status: AccountStatus,
  dryRun = false,
): Promise<StatusReads> {
  const [parent, below, undone] = await pipelined(
    status === AccountStatus.ACTIVE ? key && accounts.findParent(key, path) : undefined,
    key === undefined ? [] : accounts.countBelow(key, path),
    status === AccountStatus.CLOSED && !dryRun ? key && accounts.lockLinksInTree(key, path) : undefined,
  );
  return { parent, below, undone };
}

/** Gives the status to an account whose tree is locked, and to the accounts below it. @throws AppError as `setStatus` */
export async function setStatusInTree(
  { accounts }: Repositories,
  { actor, record }: AuditedTransaction,
  account: Account,
  status: AccountStatus,
  { parent, below, undone }: StatusReads,
  dryRun = false,
): Promise<Cascade> {
  assertMayBecome(account, status);
  if (status === AccountStatus.ACTIVE) assertActiveParent(parent!);

  const from = statusesThatMayBecome(status);
  const counted = countedInTree(account, below, from);
  const reached = byStatus(counted);
  if (dryRun || reached.length === 0) return { account, reached, dryRun };
  record(account.topLevelSid, {
    operation: operationFor(status),
    subjectSid: account.sid,
    before: { status: account.status },
    after: { status, reached, ...undone },
  });
  return { account: await accounts.setStatusInTree(account, status, from, authorSidOf(actor), counted), reached, dryRun };
}

/** What a change to the status is, in the table of permissions. */
export function operationFor(status: AccountStatus): 'closeAccount' | 'setAccountStatus' {
  return status === AccountStatus.CLOSED ? 'closeAccount' : 'setAccountStatus';
}
