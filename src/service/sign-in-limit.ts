import { LRUCache } from 'lru-cache';
import { type PresentedCredentials, looksLikeAuthToken } from '../domain/credentials.js';
import {
  type Failures,
  type SignInFailures,
  type SignInLimits,
  networkOf,
  secondsUntilAddressMayTry,
  secondsUntilPairMayTry,
} from '../domain/sign-in-limit.js';
import type { RequestContext } from '../domain/request-context.js';
import type { Slot } from '../domain/slot.js';
import { AppError, inWords } from '../errors.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import { pipelined } from '../persistence/connection/pipeline.js';
import type { FailureKey } from '../persistence/repositories/sign-in-failure-repository.js';
import type { Secrets } from './secrets.js';
import { FairQueue } from './fair-queue.js';

/** One attempt to sign in, as the limits count it. */
interface SignInAttempt {
  /** The SID or e-mail address that was presented, hashed. */
  login: string;
  /** The client's network, hashed. */
  address: string;
  /** The request's slot, which it gives up while it waits. */
  slot: Slot | undefined;
}

/** How many entries each cache here has at most. Who has to wait is cached, so that refusing again costs no statement. */
const maxCached = 10_000;

/** While a limit applies: how many secrets that look like AuthTokens are verified each second, for each address. */
const tokensPerSecond = 50;

/**
 * How many passwords are verified at the same time for one address. argon2 runs on four threads, so more would only be more guesses
 * in progress.
 */
const verifiedAtOnce = 4;

/** How many may wait. A client with many connections sends them all at the same time when it starts. */
const waiting = { waiting: 1024, waitingPerGroup: 256 };

/** How long to wait after a failure that could not be counted, on this instance. */
const uncountedSeconds = 30;

/** How often expired rows are removed, and how many at a time. Each failure makes at most a few rows, so they cannot pile up. */
const sweep = { everyFailures: 100, atMost: 1000 };

/**
 * Limits failed sign-ins (SPEC §5, ADR 14). Failures are counted in PostgreSQL, for all instances together. The counts are read by
 * the statement that reads the account, so only a failure costs a statement of its own.
 *
 * Verification is slow. If the limit were checked before it and the failure counted after it, all attempts that come at the same
 * time would pass the check. So attempts for one account from one address take turns here, and each checks the limit again when its
 * turn comes. Many at the same time get no more guesses than one after the other.
 */
export class SignInLimit {
  /** Who has to wait, until the entry expires. */
  readonly #waiting = new LRUCache<string, true>({ max: maxCached });
  /** The hashes of recent addresses. */
  readonly #hashes = new LRUCache<string, string>({ max: maxCached });
  /** How many tokens of each address were verified in the current second although it had to wait. */
  readonly #verifiedTokens = new LRUCache<string, number>({ max: maxCached, ttl: 1000, noUpdateTTL: true });
  readonly #pairQueue = new FairQueue({ running: Infinity, runningPerGroup: 1, ...waiting });
  readonly #addressQueue = new FairQueue({ running: Infinity, runningPerGroup: verifiedAtOnce, ...waiting });
  #failures = 0;

  constructor(
    private readonly database: Database,
    private readonly secrets: Secrets,
    private readonly limits: SignInLimits,
  ) {}

  /**
   * Begins an attempt. Refuses it at once if the caller is known to have to wait and the secret cannot be a random AuthToken.
   * @throws AppError RATE_LIMITED
   */
  begin({ address, login, secret, slot }: PresentedCredentials): SignInAttempt {
    const begun = { login: this.secrets.hashForLimit('login', login.toLowerCase()), address: this.#hashOf(address), slot };
    const refusal = this.#refusal(begun.address, pairOf(begun.login, begun.address));
    if (refusal !== undefined && !(looksLikeAuthToken(secret) && this.#mayVerifyToken(begun.address))) throw refusal;
    return begun;
  }

  /**
   * RATE_LIMITED if the caller has to wait because of the failures that were read with its account. Applies to all secrets but
   * random AuthTokens.
   */
  refusalOf({ login, address }: SignInAttempt, subject: string, failures: SignInFailures): AppError | undefined {
    this.#cacheWaits({ subject, address }, failures);
    // Cached by account for `verify`, and by login for `begin`, which does not know the account yet.
    this.#setWait(pairOf(login, address), secondsUntilPairMayTry(failures, this.limits));
    return this.#refusal(address, pairOf(subject, address), pairOf(login, address));
  }

  /** Verifies a secret when its turn comes, and counts it if it is wrong. @throws AppError RATE_LIMITED */
  verify({ address, slot }: SignInAttempt, subject: string, verification: () => Promise<boolean>): Promise<boolean> {
    const pair = pairOf(subject, address);
    return this.#pairQueue.run({ group: pair, member: '', slot }, () =>
      this.#addressQueue.run({ group: address, member: pair, slot }, async () => {
        this.#assertNotWaiting(address, pair);
        if (await verification()) return true;
        await this.#countFailure({ subject, address });
        return false;
      }),
    );
  }

  /** Looks up by a secret that identifies its account itself. Limited by address only. @throws AppError RATE_LIMITED */
  findFrom<Found>(
    { address, slot }: Pick<RequestContext, 'address' | 'slot'>,
    find: (repositories: Repositories) => Promise<Found | undefined>,
  ): Promise<Found | undefined> {
    const from = this.#hashOf(address);
    this.#assertNotWaiting(from);
    return this.#addressQueue.run({ group: from, member: '', slot }, async () => {
      const [ofAddress, found] = await this.database.lookUp(undefined, (repositories) =>
        pipelined(repositories.signInFailures.ofAddress(from), find(repositories)),
      );
      this.#setWait(from, secondsUntilAddressMayTry(ofAddress, this.limits));
      this.#assertNotWaiting(from);
      if (found === undefined) await this.#countFailure({ address: from });
      return found;
    });
  }

  async #countFailure(key: FailureKey): Promise<void> {
    try {
      const failures = await this.database.write(undefined, ({ signInFailures }) => signInFailures.add(key, this.limits.windowSeconds));
      this.#cacheWaits(key, failures);
    } catch (error) {
      // A failure that cannot be counted must not be free, or whoever overloads the database could guess without limit.
      this.#setWait(key.subject === undefined ? key.address : pairOf(key.subject, key.address), uncountedSeconds);
      throw error;
    }
    this.#failures += 1;
    if (this.#failures % sweep.everyFailures > 0) return;
    await this.database.write(undefined, ({ signInFailures }) => signInFailures.removeExpired(sweep.atMost));
  }

  #cacheWaits({ subject, address }: FailureKey, failures: SignInFailures): void {
    this.#setWait(address, secondsUntilAddressMayTry(failures.ofAddress, this.limits));
    if (subject !== undefined) this.#setWait(pairOf(subject, address), secondsUntilPairMayTry(failures, this.limits));
  }

  #setWait(name: string, seconds: Failures['secondsLeft']): void {
    if (seconds > 0) this.#waiting.set(name, true, { ttl: seconds * 1000 });
  }

  #assertNotWaiting(...names: string[]): void {
    const refusal = this.#refusal(...names);
    if (refusal !== undefined) throw refusal;
  }

  #refusal(...names: string[]): AppError | undefined {
    const milliseconds = Math.max(...names.map((name) => this.#waiting.getRemainingTTL(name)));
    if (milliseconds <= 0) return undefined;
    const retryAfter = Math.ceil(milliseconds / 1000);
    return new AppError('RATE_LIMITED', `Too many sign-ins failed. Try again in ${inWords(retryAfter)}.`, { retryAfter });
  }

  #mayVerifyToken(address: string): boolean {
    const count = (this.#verifiedTokens.get(address) ?? 0) + 1;
    if (count > tokensPerSecond) return false;
    this.#verifiedTokens.set(address, count);
    return true;
  }

  #hashOf(address: string): string {
    let hash = this.#hashes.get(address);
    if (hash === undefined) this.#hashes.set(address, (hash = this.secrets.hashForLimit('address', networkOf(address))));
    return hash;
  }
}

function pairOf(subject: string, address: string): string {
  return `${subject} ${address}`;
}
