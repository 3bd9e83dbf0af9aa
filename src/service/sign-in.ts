import { randomInt } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type Account, type AccountKey, type AccountReference, parseAccountReference } from '../domain/account.js';
import { type Actor, type SignedIn, actorOf, assertActive, revalidate } from '../domain/actor.js';
import { type Credential, type PresentedCredentials, ProvenSecret } from '../domain/credentials.js';
import { parsedOrUndefined } from '../domain/input.js';
import { assertSignedIn } from '../domain/permissions.js';
import type { Slot } from '../domain/slot.js';
import { AppError, type ErrorCode } from '../errors.js';
import type { Database } from '../persistence/connection/database.js';
import type { SignInData, SignInKey } from '../persistence/repositories/credential-repository.js';
import { crossRequestLoader } from './cross-request-batching.js';
import { type Passwords, isSamePassword } from './passwords.js';
import { type Secrets, isHashOfMd5 } from './secrets.js';
import type { SignInLimit } from './sign-in-limit.js';

/** An account that the request names, read by the statement that reads the caller. Says nothing of who may see it. */
export interface PrefetchedAccount {
  readonly key: AccountKey;
  readonly account: Account | undefined;
}

/** The caller, and what was prefetched. */
export interface Authenticated {
  readonly actor: SignedIn;
  readonly prefetched: PrefetchedAccount | undefined;
}

/** Who signs in, and the account to prefetch. */
interface SignInLookUp extends SignInKey {
  prefetch: AccountKey | undefined;
}

/** What was found of who signs in, and the prefetched account. */
interface SignInResult extends SignInData {
  prefetched: Account | undefined;
}

/** A key that no account has. */
const noAccount: AccountKey = { sid: '' };

/**
 * Refusals are delayed at random by less than this. It hides that PostgreSQL is some microseconds faster where it finds nothing.
 */
const refusalDelayMilliseconds = 10;

/** Signing in, by SID or e-mail address and password or AuthToken (SPEC §5). */
export class SignIn {
  readonly #lookUps = crossRequestLoader<SignInLookUp, SignInResult>((lookUps) => this.#lookUp(lookUps));
  #decoy: Promise<Credential> | undefined;

  constructor(
    private readonly database: Database,
    private readonly secrets: Secrets,
    private readonly passwords: Passwords,
    private readonly limit: SignInLimit,
    /** Called with the reason for each refusal. */
    private readonly observeRefusal: (reason: ErrorCode) => void = () => {},
  ) {
    // Made now, and not for the first sign-in that needs it, since all other requests would wait behind that one.
    void this.#decoyCredential();
  }

  /**
   * Signs in. That an account is not active is told only to whoever knows its secret. An unknown login is looked up, counted
   * and refused just as a wrong secret is, by the same statements and the same work, so that neither the answer nor its time
   * tells them apart. While a limit applies, a random AuthToken still signs in, and everything else is refused alike.
   * The account to prefetch is read at the same time; use it only after this has succeeded.
   * @throws AppError UNAUTHENTICATED, ACCOUNT_NOT_ACTIVE, RATE_LIMITED
   */
  async authenticate(presented: PresentedCredentials, prefetch?: AccountReference): Promise<Authenticated> {
    try {
      return await this.#authenticate(presented, prefetch && prefetchKey(prefetch));
    } catch (error) {
      if (error instanceof AppError) this.observeRefusal(error.code);
      throw error;
    }
  }

  async #authenticate(presented: PresentedCredentials, prefetch: AccountKey | undefined): Promise<Authenticated> {
    const { login, secret, slot } = presented;
    // An empty secret is no guess, so it is not counted as one.
    if (secret === '') throw wrongCredentials();
    const attempt = this.limit.begin(presented);
    const key = parseAccountReference({ either: login }) ?? noAccount;
    const found = await this.#lookUps.load({ ...attempt, key, prefetch });
    const { account } = found;
    const subject = account?.sid ?? attempt.login;
    const limited = this.limit.refusalOf(attempt, subject, found.failures);
    // Where there is no credential, the secret is verified against a decoy, so that the work is always the same.
    const { sid, version } = account ?? { sid: attempt.login, version: 0 };
    const credential = found.credential ?? (await this.#decoyCredential());
    const isToken = this.secrets.isAuthTokenOf(sid, credential, secret, limited ? 'random' : 'any');
    const isPassword = async (): Promise<boolean> => {
      if (this.passwords.remembers({ sid, version }, credential.passwordHash, secret)) return true;
      // All addresses that failed lately share one group of the queue, so that many of them together do not keep others waiting.
      const queueKey = { group: found.failures.ofAddress.count > 0 ? 'failed lately' : subject, member: attempt.address, slot };
      return this.limit.verify(attempt, subject, () => this.passwords.verify({ sid, version }, credential.passwordHash, secret, queueKey));
    };
    const isProven = isToken || (limited === undefined && (await isPassword()));
    if (!isProven || account === undefined || found.credential === undefined) {
      await setTimeout(randomInt(refusalDelayMilliseconds));
      throw limited ?? wrongCredentials();
    }
    assertActive(account);
    if (!isToken && isHashOfMd5(credential.passwordHash)) await this.#replaceHashOfMd5(account, credential, secret, slot);
    const proven = new ProvenSecret(
      isToken
        ? (now) => this.secrets.isAuthTokenOf(sid, now, secret)
        : ({ passwordHash }) => isSamePassword(passwordHash, credential.passwordHash),
    );
    return { actor: actorOf(account, proven), prefetched: prefetch && { key: prefetch, account: found.prefetched } };
  }

  /** Keeps an imported password from now on as every other one. Where that fails, the next sign-in tries again. */
  async #replaceHashOfMd5(account: Account, { passwordHash }: Credential, password: string, slot: Slot | undefined): Promise<void> {
    try {
      const instead = await this.passwords.hashInstead(account, passwordHash, password, slot);
      await this.database.write(account, async ({ credentials }) => credentials.replacePasswordHash(account.sid, passwordHash, instead));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }

  async #lookUp(lookUps: readonly SignInLookUp[]): Promise<SignInResult[]> {
    const prefetches = lookUps.flatMap(({ prefetch }) => prefetch ?? []);
    const { found, prefetched } = await this.database.lookUp(undefined, ({ credentials }) =>
      credentials.findForSignIn(lookUps, prefetches),
    );
    const accounts = prefetched.values();
    return found.map((data, index) => ({ ...data, prefetched: lookUps[index]!.prefetch && accounts.next().value }));
  }

  /** The actor as it is now, for a request that goes on. @throws AppError ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED */
  async signInAgain(actor: Actor): Promise<SignedIn> {
    assertSignedIn(actor);
    return this.database.lookUp(actor.account, async ({ credentials }) =>
      revalidate(actor, (await credentials.findForChange(actor.account)).caller),
    );
  }

  /** What is verified for an account that does not exist or has no credential: secrets that nobody knows. */
  #decoyCredential(): Promise<Credential> {
    this.#decoy ??= this.passwords.hash(this.secrets.newAuthToken(), undefined).then((passwordHash) => {
      const { tokenHash } = this.secrets.storedAuthToken('', this.secrets.newAuthToken());
      return { passwordHash, tokenHash, tokenIsRandom: true, previousTokenHash: null, previousTokenIsRandom: null };
    });
    return this.#decoy;
  }
}

/** What to prefetch by. A malformed reference is refused later, once it is known who asks. */
function prefetchKey(reference: AccountReference): AccountKey | undefined {
  return parsedOrUndefined(() => parseAccountReference(reference));
}

function wrongCredentials(): AppError {
  return new AppError('UNAUTHENTICATED', 'The SID or e-mail address, or the password or AuthToken, is wrong.');
}
