import { AppError } from '../errors.js';
import { type Account, AccountStatus, type Role, isRoot } from './account.js';
import type { Sid } from './sid.js';
import { type Credential, ProvenSecret } from './credentials.js';

/** What an actor may be, from the least to the most permitted. Each rank may do all that the ranks before it may. */
export const ranks = ['Anonymous', 'ProvisioningAgent', 'Developer', 'Administrator', 'SuperAdmin'] as const;
export type Rank = (typeof ranks)[number];

/** Who asks: an account that signed in, or nobody. */
export type Actor = { readonly rank: 'Anonymous' } | SignedIn;
export interface SignedIn {
  readonly rank: Role | 'SuperAdmin';
  readonly account: Account;
  /** What it signed in with. */
  readonly secret: ProvenSecret;
  /** Present for the operator at the command line, whose account is none: `account` is the root, by whose sight the operator sees. */
  readonly isOperator?: true;
}

/** Whoever shows no valid credentials. May do nothing, so that a forgotten check cannot hide behind `undefined`. */
export const anonymous: Actor = { rank: 'Anonymous' };

/** The account, once its secret was proved. */
export function actorOf(account: Account, secret: ProvenSecret): SignedIn {
  return { rank: rankOf(account), account, secret };
}

/**
 * Whoever runs a command on the gateway's machine (SPEC §8). The database's own credentials are the operator's, so none is asked for, and no
 * account's status ends them. The operator stands above all accounts, the root included.
 */
export function operatorOf(root: Account): SignedIn {
  return { rank: 'SuperAdmin', account: root, secret: new ProvenSecret(() => false), isOperator: true };
}

/** The account that the history says has acted; null for the operator. */
export function authorSidOf({ account, isOperator }: SignedIn): Sid | null {
  return isOperator ? null : account.sid;
}

/** The rank of an account that is active. The root is the Super Admin, whatever its role (SPEC §2). */
export function rankOf(account: Pick<Account, 'role' | 'parentSid'>): SignedIn['rank'] {
  return isRoot(account) ? 'SuperAdmin' : account.role;
}

/** The account of an actor, and what verifies its secrets, as they are now. */
export interface CurrentCaller {
  account: Account | undefined;
  credential: Credential | undefined;
}

/**
 * The actor as it is now, with the rank that it has now: switched off means switched off (SPEC §2, "Concurrency"). Every
 * change asks this under its locks, and every batch of a streamed list.
 * @throws AppError ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED
 */
export function revalidate(actor: SignedIn, { account, credential }: CurrentCaller): SignedIn {
  if (actor.isOperator) return actor;
  if (account !== undefined) assertActive(account);
  if (account === undefined || !actor.secret.isValidFor(credential)) {
    throw new AppError(
      'UNAUTHENTICATED',
      'The password or AuthToken that this request signed in with is no longer valid. Sign in with the new one.',
    );
  }
  return actorOf(account, actor.secret);
}

/** What helps an account that cannot sign in. For one that is closed, nothing does. */
const remedies: { [status in AccountStatus]?: string } = {
  [AccountStatus.SUSPENDED]: ' An administrator above it can activate it.',
  [AccountStatus.UNINITIALIZED]: ' An administrator above it can set its password, which makes it active.',
};

/** Holds that the account may sign in. @throws AppError ACCOUNT_NOT_ACTIVE */
export function assertActive({ sid, status }: Account): void {
  if (status === AccountStatus.ACTIVE) return;
  throw new AppError('ACCOUNT_NOT_ACTIVE', `Account ${sid} is ${status}, and cannot sign in.${remedies[status] ?? ''}`);
}
