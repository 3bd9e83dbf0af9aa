import {
  type Failures,
  type SignInFailures,
  type SignInLimits,
  networkOf,
  secondsUntilAddressMayTry,
  secondsUntilPairMayTry,
} from '../domain/sign-in-limit.js';
import { AppError } from '../errors.js';
import type { Database } from '../persistence/database.js';
import type { FailureKey } from '../persistence/sign-in-failure-repository.js';
import type { Secrets } from './secrets.js';

/** One try to sign in, as the limits know it. */
export interface SignInTry {
  /** What the caller says who it is, hashed. */
  login: string;
  /** Where it comes from, hashed. */
  address: string;
}

/** Who has to wait is remembered, so that refusing again costs no statement; of so many at most. */
const rememberedAtMost = 10_000;

/** argon2 runs on four threads; more verifications at once for one address would only be more guesses in flight. */
const verifiedAtOnce = 4;

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
  /** Who has to wait until when. Insertion order is age. */
  readonly #waiting = new Map<string, number>();
  /** What stands for the addresses that came lately. */
  readonly #hashes = new Map<string, string>();
  readonly #turns = new Turns();
  #failures = 0;

  constructor(
    private readonly database: Database,
    private readonly secrets: Secrets,
    private readonly limits: SignInLimits,
  ) {}

  /** @throws AppError RATE_LIMITED when it is remembered that the caller has to wait */
  begin(address: string, login: string): SignInTry {
    const begun = { login: this.secrets.hashForLimit('login', login.toLowerCase()), address: this.#hashOf(address) };
    this.#assertFree(begun.address, pairOf(begun.login, begun.address));
    return begun;
  }

  /** Refuses a try by the failures that were read with its account. @throws AppError RATE_LIMITED */
  assertAllowed({ login, address }: SignInTry, subject: string, failures: SignInFailures): void {
    this.#remember({ subject, address }, failures);
    // The account that a login stands for is known by now, and is what the memory goes by in turns; the login, before them.
    this.#makeWait(pairOf(login, address), secondsUntilPairMayTry(failures, this.limits));
    this.#assertFree(address, pairOf(subject, address));
  }

  /** Verifies a secret when it is the try's turn, and counts it if it is wrong. @throws AppError RATE_LIMITED */
  verify({ address }: SignInTry, subject: string, verification: () => Promise<boolean>): Promise<boolean> {
    const pair = pairOf(subject, address);
    return this.#turns.take(pair, 1, () =>
      this.#turns.take(address, verifiedAtOnce, async () => {
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
    return this.#turns.take(from, verifiedAtOnce, async () => {
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
    if (seconds <= 0) return;
    this.#waiting.delete(name);
    this.#waiting.set(name, performance.now() + seconds * 1000);
    if (this.#waiting.size <= rememberedAtMost) return;
    const [oldest] = this.#waiting.keys();
    this.#waiting.delete(oldest!);
  }

  #assertFree(...names: string[]): void {
    const milliseconds = Math.max(...names.map((name) => this.#waiting.get(name) ?? 0)) - performance.now();
    if (milliseconds <= 0) return;
    const retryAfter = Math.ceil(milliseconds / 1000);
    throw new AppError('RATE_LIMITED', 'Signing in failed too often; wait before you try again.', { retryAfter });
  }

  #hashOf(address: string): string {
    let hash = this.#hashes.get(address);
    if (hash === undefined) {
      hash = this.secrets.hashForLimit('address', networkOf(address));
      if (this.#hashes.size >= rememberedAtMost) this.#hashes.clear();
      this.#hashes.set(address, hash);
    }
    return hash;
  }
}

function pairOf(subject: string, address: string): string {
  return `${subject} ${address}`;
}

/** Lets at most so many of a name run at once; the others wait, in the order in which they came. */
class Turns {
  readonly #taken = new Map<string, { running: number; next: (() => void)[] }>();

  async take<Result>(name: string, atOnce: number, work: () => Promise<Result>): Promise<Result> {
    let turns = this.#taken.get(name);
    if (turns === undefined) this.#taken.set(name, (turns = { running: 0, next: [] }));
    // Who goes hands its place to the next one, so the number of those that run stays.
    if (turns.running < atOnce) turns.running += 1;
    else await new Promise<void>((resolve) => turns.next.push(resolve));
    try {
      return await work();
    } finally {
      const next = turns.next.shift();
      if (next !== undefined) next();
      else if ((turns.running -= 1) === 0) this.#taken.delete(name);
    }
  }
}
