import { createHmac, randomBytes } from 'node:crypto';
import { Algorithm, hash, verify } from '@node-rs/argon2';
import type { Account } from '../domain/account.js';

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

const remembered = { forMilliseconds: 5 * 60_000, atMost: 10_000 };

/**
 * Hashes and verifies passwords (SPEC §5).
 *
 * Legacy clients send the password with each call, and argon2 is slow on purpose; so a password that was verified is
 * remembered for a while. What is remembered is not "this account is signed in" but "this password, against this hash,
 * of this version of this account, was right", under a key that only this process has. The account is read anew for each
 * request, so a change by any instance makes another question of it, to which nothing remembered is the answer.
 */
export class Passwords {
  readonly #memoryKey = randomBytes(32);
  /** What was verified, and until when it is remembered. Insertion order is age. */
  readonly #verified = new Map<string, number>();

  constructor(private readonly cost: PasswordCost = defaultPasswordCost) {}

  hash(password: string): Promise<string> {
    return hash(password, { algorithm: Algorithm.Argon2id, ...this.cost });
  }

  /** Whether it is remembered that the password was verified; says nothing when it is not. */
  remembers(account: VersionedAccount, passwordHash: string, password: string): boolean {
    const until = this.#verified.get(this.#question(account, passwordHash, password));
    return until !== undefined && until > performance.now();
  }

  async verify(account: VersionedAccount, passwordHash: string, password: string): Promise<boolean> {
    if (this.remembers(account, passwordHash, password)) return true;
    if (!(await verify(passwordHash, password))) return false;
    this.#remember(this.#question(account, passwordHash, password));
    return true;
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
