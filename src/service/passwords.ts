import { createHash, createHmac, randomBytes } from 'node:crypto';
import { Algorithm, hash, verify } from '@node-rs/argon2';
import { LRUCache } from 'lru-cache';
import type { Account, Payer } from '../domain/account.js';
import { normalizedPassword } from '../domain/password-policy.js';
import type { Slot } from '../domain/slot.js';
import { withoutSlot } from './request-slot.js';
import { type QueueKey, FairQueue } from './fair-queue.js';
import { type Secrets, isHashOfMd5 } from './secrets.js';

/** The cost of one argon2id hash. */
export interface PasswordCost {
  /** Memory, in KiB. */
  memoryCost: number;
  timeCost: number;
  parallelism: number;
}

/** OWASP's recommendation for argon2id: about 20 MB and 50 ms a hash. */
export const defaultPasswordCost: PasswordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** A verified password is remembered for one version of one account. */
type VersionedAccount = Pick<Account, 'sid' | 'version'>;

/**
 * argon2 runs on the four threads that also read files and resolve names, and each run keeps a core busy. So a few at the same
 * time finish soonest. The queue is no longer than a client would wait for.
 */
const queueLimits = { running: 2, runningPerGroup: 2, waiting: 512, waitingPerGroup: 256 };

/** For hashes that no account pays for, when the gateway starts. */
const gatewayKey: QueueKey = { group: 'gateway', member: '' };

/** How long a verified password is remembered, in milliseconds, and how many are. */
const remembered = { ttl: 5 * 60_000, ttlResolution: 0, max: 10_000 };

interface PasswordsOptions {
  /** Called after each hash, with the account that pays and how long it took. */
  onHash?: (payer: Payer, milliseconds: number) => void;
  /** Verifies passwords of imported accounts, as long as only their md5 is known. */
  secrets?: Pick<Secrets, 'isPasswordOfMd5'>;
}

/**
 * Hashes and verifies passwords (SPEC §5).
 *
 * Legacy clients send the password with each call, and argon2 is slow on purpose. So a verified password is remembered for a
 * while. What is remembered is not "this account is signed in" but "this password was right for this hash, of this version of
 * this account", as a hash with a key that only this process has. Every request reads the account again, so after a change by any
 * instance the question is a different one, and nothing that is remembered answers it.
 *
 * All work of argon2 waits in one fair queue (ADR 28), so that neither a caller that sets passwords by the hundred nor
 * addresses that guess keep others from signing in.
 */
export class Passwords {
  readonly #memoryKey = randomBytes(32);
  readonly #verified = new LRUCache<string, true>(remembered);
  readonly #queue = new FairQueue(queueLimits);
  readonly #onHash: (payer: Payer, milliseconds: number) => void;
  readonly #secrets: Pick<Secrets, 'isPasswordOfMd5'> | undefined;

  constructor(
    private readonly cost: PasswordCost = defaultPasswordCost,
    { onHash = () => {}, secrets }: PasswordsOptions = {},
  ) {
    this.#onHash = onHash;
    this.#secrets = secrets;
  }

  /**
   * Hashes at the expense of the payer. Trees take turns in the queue, and so do the accounts of a tree.
   * @throws AppError OVERLOADED
   */
  hash(password: string, payer: Payer | undefined, slot?: Slot): Promise<string> {
    return this.#hash(password, payer, slot);
  }

  /**
   * Hashes by argon2id a password that was verified by its md5, to be kept instead. The salt follows from the hash that it replaces,
   * which nobody knows: so it tells requests that signed in with that one meanwhile that the password is still the same.
   * @throws AppError OVERLOADED
   */
  async hashInstead(account: VersionedAccount & Payer, hashOfMd5: string, password: string, slot?: Slot): Promise<string> {
    const passwordHash = await this.#hash(password, account, slot, saltInstead(hashOfMd5));
    this.#verified.set(this.#question(account, passwordHash, normalizedPassword(password)), true);
    return passwordHash;
  }

  #hash(password: string, payer: Payer | undefined, slot: Slot | undefined, salt?: Buffer): Promise<string> {
    return this.#inQueue(payer === undefined ? gatewayKey : { group: payer.topLevelSid, member: payer.sid, slot }, async () => {
      const began = performance.now();
      try {
        return await hash(normalizedPassword(password), { algorithm: Algorithm.Argon2id, ...this.cost, ...(salt && { salt }) });
      } finally {
        if (payer !== undefined) this.#onHash(payer, performance.now() - began);
      }
    });
  }

  /** Whether the password is remembered as right. If not, it may still be right. */
  remembers(account: VersionedAccount, passwordHash: string, password: string): boolean {
    return formsOf(password).some((form) => this.#verified.has(this.#question(account, passwordHash, form)));
  }

  /** Whether the password is right. Waits in the queue unless it is remembered. @throws AppError OVERLOADED */
  async verify(account: VersionedAccount, passwordHash: string, password: string, queueKey: QueueKey = gatewayKey): Promise<boolean> {
    if (this.remembers(account, passwordHash, password)) return true;
    return this.#inQueue(queueKey, async () => {
      // Another request may have verified the same meanwhile.
      if (this.remembers(account, passwordHash, password)) return true;
      for (const form of formsOf(password)) {
        if (!(await this.#isRight(account, passwordHash, form))) continue;
        this.#verified.set(this.#question(account, passwordHash, form), true);
        return true;
      }
      return false;
    });
  }

  /** A wrong guess takes as long for a password of which only the md5 is known: the answer's time does not tell which accounts were imported. */
  async #isRight({ sid }: VersionedAccount, passwordHash: string, password: string): Promise<boolean> {
    if (!isHashOfMd5(passwordHash)) return verify(passwordHash, password);
    if (this.#secrets?.isPasswordOfMd5(sid, password, passwordHash)) return true;
    await hash(password, { algorithm: Algorithm.Argon2id, ...this.cost });
    return false;
  }

  /** Does the slow work without a request slot (SPEC §10). */
  #inQueue<Result>(queueKey: QueueKey, work: () => Promise<Result>): Promise<Result> {
    return withoutSlot(queueKey.slot, () => this.#queue.run(queueKey, work));
  }

  #question(account: VersionedAccount, passwordHash: string, password: string): string {
    const parts = [account.sid, account.version, passwordHash, password];
    return createHmac('sha256', this.#memoryKey).update(JSON.stringify(parts)).digest('base64');
  }
}

/**
 * The forms in which the password may have been hashed: after NFC, and as it was presented, since passwords that were set before
 * they were normalized were hashed as presented. For nearly all passwords the two are the same.
 */
function formsOf(password: string): readonly string[] {
  const normalized = normalizedPassword(password);
  return normalized === password ? [password] : [normalized, password];
}

/** The salt of the hash that replaces a hash of the password's md5. */
function saltInstead(hashOfMd5: string): Buffer {
  return createHash('sha256').update(hashOfMd5).digest().subarray(0, 16);
}

/** Whether a hash is the other one, or was made by `hashInstead` to replace it: then it is of the same password. */
export function isSamePassword(passwordHash: string, before: string): boolean {
  if (passwordHash === before) return true;
  // In PHC's string format, the salt is the last part but one, in base64 without padding.
  return isHashOfMd5(before) && passwordHash.split('$').at(-2) === saltInstead(before).toString('base64').replace(/=+$/, '');
}
