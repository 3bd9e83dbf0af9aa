import { AppError } from '../errors.js';
import { AccountStatus, type Account } from './account.js';
import { type SignedIn, actorOf } from './permissions.js';

/** What verifies an account's secrets (SPEC §5). */
export interface Credential {
  passwordHash: string;
  tokenHash: Buffer;
  /** Absent unless the overlap of the last rotation lasts. */
  previousTokenHash: Buffer | null;
  /** Whether the tokens are known to be random. */
  tokenIsRandom: boolean | null;
  previousTokenIsRandom: boolean | null;
}

/** The secret that a request signed in with, for as long as the request lasts. */
export class ProvenSecret {
  readonly #forms: ((credential: Credential) => boolean)[] = [];

  /** @param isOf whether it is one of the secrets that the credential verifies */
  constructor(isOf: (credential: Credential) => boolean) {
    this.#forms.push(isOf);
  }

  isStillOf(credential: Credential | undefined): boolean {
    return credential !== undefined && this.#forms.some((isOf) => isOf(credential));
  }

  /** A request that changes its own credentials goes on with the new ones (SPEC §2). */
  goOnWith(isOf: (credential: Credential) => boolean): void {
    this.#forms.push(isOf);
  }
}

/** The account of a caller and what verifies its secrets, as they are now. */
export interface CallerNow {
  account: Account | undefined;
  credential: Credential | undefined;
}

/**
 * The caller with the standing that it has now, which may be less than when it signed in: switched off means switched off
 * (SPEC §2, "Concurrency"). Every change asks this under its locks, and every batch of a list that streams.
 * @throws AppError ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED
 */
export function standingOf(actor: SignedIn, { account, credential }: CallerNow): SignedIn {
  if (account !== undefined) assertActive(account);
  if (account === undefined || !actor.secret.isStillOf(credential)) {
    throw new AppError('UNAUTHENTICATED', 'The password or AuthToken that this request signed in with is no longer valid.');
  }
  return actorOf(account, actor.secret);
}

/** Holds that the account may sign in. @throws AppError ACCOUNT_NOT_ACTIVE */
export function assertActive({ sid, status }: Account): void {
  if (status === AccountStatus.ACTIVE) return;
  throw new AppError('ACCOUNT_NOT_ACTIVE', `Account ${sid} is ${status}; it cannot sign in.`);
}
