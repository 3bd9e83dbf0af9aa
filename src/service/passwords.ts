import { createHmac, randomBytes } from 'node:crypto';
import { Algorithm, hash, verify } from '@node-rs/argon2';
import type { Account, Payer } from '../domain/account.js';
import { normalizedPassword } from '../domain/password-policy.js';
import { withoutSlot } from './request-slot.js';
import { type QueueKey, FairQueue } from './fair-queue.js';

/** The cost of one argon2id hash. */
export interface PasswordCost {
  /** Memory, in KiB. */
  memoryCost: number;
  timeCost: number;
  parallelism: number;
}

/** OWASP's recommendation for argon2id: about 20 MB and 50 ms a hash. */
export const defaultPasswordCost: PasswordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** What a remembered password holds for: one version of one account. */
type VersionedAccount = Pick<Account, 'sid' | 'version'>;

/**
 * argon2 runs on the four threads that files and names are looked up by, too, and takes a core for as long as it lasts; so
 * few at once are done soonest. Who waits for more than some seconds has gone.
 */
const queueLimits = { running: 2, runningPerGroup: 2, waiting: 512, waitingPerGroup: 256 };

/** What is hashed for no account, at the first start. */
const gatewayKey: QueueKey = { group: 'gateway', member: '' };

const remembered = { forMilliseconds: 5 * 60_000, atMost: 10_000 };

export interface PasswordsOptions {
  /** Told who pays for a hash, and how long it took. */
  onHash?: (payer: Payer, milliseconds: number) => void;
}

/**
 * Hashes and verifies passwords (SPEC §5).
 *
 * Legacy clients send the password with each call, and argon2 is slow on purpose; so a password that was verified is
 * remembered for a while. What is remembered is not "this account is signed in" but "this password, against this hash,
 * of this version of this account, was right", under a key that only this process has. The account is read anew for each
 * request, so a change by any instance makes another question of it, to which nothing remembered is the answer.
 *
 * All that argon2 has to do waits in one queue, in turns (docs/adr/0028): neither a caller that sets passwords by the
 * hundred nor addresses that guess may keep others from signing in.
 */
export class Passwords {
  readonly #memoryKey = randomBytes(32);
  /** What was verified, and until when it is remembered. Insertion order is age. */
  readonly #verified = new Map<string, number>();

  readonly #queue = new FairQueue(queueLimits);
  readonly #onHash: (payer: Payer, milliseconds: number) => void;

  constructor(
    private readonly cost: PasswordCost = defaultPasswordCost,
    { onHash = () => {} }: PasswordsOptions = {},
  ) {
    this.#onHash = onHash;
  }

  /** Hashes for the payer, in turn with other trees and, within its tree, with other accounts. @throws AppError OVERLOADED */
  hash(password: string, payer: Payer | undefined): Promise<string> {
    return this.#inQueue(payer === undefined ? gatewayKey : { group: payer.topLevelSid, member: payer.sid }, async () => {
      const began = performance.now();
      try {
        return await hash(normalizedPassword(password), { algorithm: Algorithm.Argon2id, ...this.cost });
      } finally {
        if (payer !== undefined) this.#onHash(payer, performance.now() - began);
      }
    });
  }

  /** Whether it is remembered that the password was verified; says nothing when it is not. */
  remembers(account: VersionedAccount, passwordHash: string, password: string): boolean {
    return textsOf(password).some((text) => (this.#verified.get(this.#question(account, passwordHash, text)) ?? 0) > performance.now());
  }

  /** Verifies when it is the turn of whoever signs in. @throws AppError OVERLOADED */
  async verify(account: VersionedAccount, passwordHash: string, password: string, turn: QueueKey = gatewayKey): Promise<boolean> {
    if (this.remembers(account, passwordHash, password)) return true;
    return this.#inQueue(turn, async () => {
      // Somebody else may have proved the same meanwhile.
      if (this.remembers(account, passwordHash, password)) return true;
      for (const text of textsOf(password)) {
        if (!(await verify(passwordHash, text))) continue;
        this.#remember(this.#question(account, passwordHash, text));
        return true;
      }
      return false;
    });
  }

  /** Does the slow work without a request slot (SPEC §10). */
  #inQueue<Result>(turn: QueueKey, work: () => Promise<Result>): Promise<Result> {
    return withoutSlot(() => this.#queue.run(turn, work));
  }

  #question(account: VersionedAccount, passwordHash: string, password: string): string {
    const parts = [account.sid, account.version, passwordHash, password];
    return createHmac('sha256', this.#memoryKey).update(JSON.stringify(parts)).digest('base64');
  }

  #remember(question: string): void {
    this.#verified.delete(question);
    this.#verified.set(question, performance.now() + remembered.forMilliseconds);
    if (this.#verified.size <= remembered.atMost) return;
    const [oldest] = this.#verified.keys();
    this.#verified.delete(oldest!);
  }
}

/**
 * The texts whose hash a password may have been kept as: it after NFC, and it as it was presented, since passwords that were set
 * before they were normalized were hashed so. Nearly all passwords are one text.
 */
function textsOf(password: string): readonly string[] {
  const normalized = normalizedPassword(password);
  return normalized === password ? [password] : [normalized, password];
}
