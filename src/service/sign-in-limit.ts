import { LRUCache } from 'lru-cache';
import { looksLikeAuthToken } from '../domain/credentials.js';
import {
  type Failures,
  type SignInFailures,
  type SignInLimits,
  networkOf,
  secondsUntilAddressMayTry,
  secondsUntilPairMayTry,
} from '../domain/sign-in-limit.js';
import { AppError } from '../errors.js';
import type { Database } from '../persistence/connection/database.js';
import type { FailureKey } from '../persistence/repositories/sign-in-failure-repository.js';
import type { Secrets } from './secrets.js';
import { FairQueue } from './fair-queue.js';

/** One try to sign in, as the limits know it. */
export interface SignInAttempt {
  /** What the caller says who it is, hashed. */
  login: string;
  /** Where it comes from, hashed. */
  address: string;
}

/** Who has to wait is remembered, so that refusing again costs no statement; of so many at most, here and below. */
const rememberedAtMost = 10_000;

/** So many secrets of an address that may be random AuthTokens are looked at in a second while a limit is on. */
const lookedAtPerSecond = 50;

/** argon2 runs on four threads; more verifications at once for one address would only be more guesses in flight. */
const verifiedAtOnce = 4;

/** How many wait for their turn at most. Those of one client with many connections come all at once when it starts. */
const waiting = { waiting: 1024, waitingPerGroup: 256 };

/** How long who failed has to wait, on this instance, when that could not be counted. */
const uncountedSeconds = 30;

/** Every so many failures, expired rows are removed: more of them than that many failures can have made. */
const sweep = { everyFailures: 100, atMost: 1000 };

/**
 * Limits failed sign-ins (SPEC §5, docs/adr/0014), for all instances alike: failures are counted in PostgreSQL. What was
 * counted comes with the statement by which signing in reads the account, so only a failure costs a statement of its own.
 *
 * A limit that is read before a slow verification and counted after it would let through all that come at once. So tries
 * of one account from one address take turns here, and each asks again, when its turn comes, whether those before it have
 * used the limit up: many at once cost no more guesses than one after the other.
 */
export class SignInLimit {
  /** Who has to wait: for as long as its entry lives. */
  readonly #waiting = new LRUCache<string, true>({ max: rememberedAtMost });
  /** What stands for the addresses that came lately. */
  readonly #hashes = new LRUCache<string, string>({ max: rememberedAtMost });
  /** How many secrets of an address were looked at while it had to wait, in the second that runs. */
  readonly #lookedAt = new LRUCache<string, number>({ max: rememberedAtMost, ttl: 1000, noUpdateTTL: true });
  readonly #pairQueue = new FairQueue({ running: Infinity, runningPerGroup: 1, ...waiting });
  readonly #addressQueue = new FairQueue({ running: Infinity, runningPerGroup: verifiedAtOnce, ...waiting });
  #failures = 0;

  constructor(
    private readonly database: Database,
    private readonly secrets: Secrets,
    private readonly limits: SignInLimits,
  ) {}

  /**
   * Refuses a try at once when it is remembered that the caller has to wait, and its secret cannot be a random AuthToken.
   * @throws AppError RATE_LIMITED
   */
  begin(address: string, login: string, secret: string): SignInAttempt {
    const begun = { login: this.secrets.hashForLimit('login', login.toLowerCase()), address: this.#hashOf(address) };
    const refusal = this.#refusal(begun.address, pairOf(begun.login, begun.address));
    if (refusal !== undefined && !(looksLikeAuthToken(secret) && this.#mayLookAtOneMore(begun.address))) throw refusal;
    return begun;
  }

  /** RATE_LIMITED where, by the failures that were read with its account, the caller has to wait: for all but a random AuthToken. */
  refusalOf({ login, address }: SignInAttempt, subject: string, failures: SignInFailures): AppError | undefined {
    this.#remember({ subject, address }, failures);
    // The account that a login stands for is known by now, and is what the memory goes by in turns; the login, before them.
    this.#makeWait(pairOf(login, address), secondsUntilPairMayTry(failures, this.limits));
    return this.#refusal(address, pairOf(subject, address), pairOf(login, address));
  }

  /** Verifies a secret when it is the try's turn, and counts it if it is wrong. @throws AppError RATE_LIMITED */
  verify({ address }: SignInAttempt, subject: string, verification: () => Promise<boolean>): Promise<boolean> {
    const pair = pairOf(subject, address);
    return this.#pairQueue.run({ group: pair, member: '' }, () =>
      this.#addressQueue.run({ group: address, member: pair }, async () => {
        this.#assertFree(address, pair);
        if (await verification()) return true;
        await this.#count({ subject, address });
        return false;
      }),
    );
  }

  /** For a secret that says by itself whom it is for: limited by address only. @throws AppError RATE_LIMITED */
  verifyFrom<Found>(address: string, find: () => Promise<Found | undefined>): Promise<Found | undefined> {
    const from = this.#hashOf(address);
    this.#assertFree(from);
    return this.#addressQueue.run({ group: from, member: '' }, async () => {
      const ofAddress = await this.database.lookUp(undefined, ({ signInFailures }) => signInFailures.ofAddress(from));
      this.#makeWait(from, secondsUntilAddressMayTry(ofAddress, this.limits));
      this.#assertFree(from);
      const found = await find();
      if (found === undefined) await this.#count({ address: from });
      return found;
    });
  }

  async #count(key: FailureKey): Promise<void> {
    try {
      const failures = await this.database.write(undefined, ({ signInFailures }) => signInFailures.add(key, this.limits.windowSeconds));
      this.#remember(key, failures);
    } catch (error) {
      // What cannot be counted must not be free: whoever overloads the database would have as many guesses as they like.
      this.#makeWait(key.subject === undefined ? key.address : pairOf(key.subject, key.address), uncountedSeconds);
      throw error;
    }
    this.#failures += 1;
    if (this.#failures % sweep.everyFailures > 0) return;
    await this.database.write(undefined, ({ signInFailures }) => signInFailures.removeExpired(sweep.atMost));
  }

  #remember({ subject, address }: FailureKey, failures: SignInFailures): void {
    this.#makeWait(address, secondsUntilAddressMayTry(failures.ofAddress, this.limits));
    if (subject !== undefined) this.#makeWait(pairOf(subject, address), secondsUntilPairMayTry(failures, this.limits));
  }

  #makeWait(name: string, seconds: Failures['secondsLeft']): void {
    if (seconds > 0) this.#waiting.set(name, true, { ttl: seconds * 1000 });
  }

  #assertFree(...names: string[]): void {
    const refusal = this.#refusal(...names);
    if (refusal !== undefined) throw refusal;
  }

  #refusal(...names: string[]): AppError | undefined {
    const milliseconds = Math.max(...names.map((name) => this.#waiting.getRemainingTTL(name)));
    if (milliseconds <= 0) return undefined;
    const retryAfter = Math.ceil(milliseconds / 1000);
    return new AppError('RATE_LIMITED', 'Signing in failed too often; wait before you try again.', { retryAfter });
  }

  #mayLookAtOneMore(address: string): boolean {
    const count = (this.#lookedAt.get(address) ?? 0) + 1;
    if (count > lookedAtPerSecond) return false;
    this.#lookedAt.set(address, count);
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
