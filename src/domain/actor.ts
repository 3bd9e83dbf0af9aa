import { AppError } from '../errors.js';
import { type Account, AccountStatus, type Role, isRoot } from './account.js';
import type { Credential, ProvenSecret } from './credentials.js';

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
}

/** Whoever shows no valid credentials. May do nothing, so that a forgotten check cannot hide behind `undefined`. */
export const anonymous: Actor = { rank: 'Anonymous' };

/** The account, once its secret was proved. An active root is the Super Admin, whatever its role (SPEC §2). */
export function actorOf(account: Account, secret: ProvenSecret): SignedIn {
  return { rank: isRoot(account) ? 'SuperAdmin' : account.role, account, secret };
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
  if (account !== undefined) assertActive(account);
  if (account === undefined || !actor.secret.isValidFor(credential)) {
    throw new AppError('UNAUTHENTICATED', 'The password or AuthToken that this request signed in with is no longer valid.');
  }
  return actorOf(account, actor.secret);
}

/** Holds that the account may sign in. @throws AppError ACCOUNT_NOT_ACTIVE */
export function assertActive({ sid, status }: Account): void {
  if (status === AccountStatus.ACTIVE) return;
  throw new AppError('ACCOUNT_NOT_ACTIVE', `Account ${sid} is ${status}; it cannot sign in.`);
}
