import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AuthTokenScheme } from '../domain/credentials.js';
import type { Sid } from '../domain/sid.js';
import type { NewCredential } from '../persistence/credential-repository.js';

const cipher = 'aes-256-gcm';
/** The first byte of every ciphertext, so that another form can come later. */
const ciphertextVersion = 1;
const nonceLength = 12;
const tagLength = 16;

/** The bytes of `CREDENTIALS_KEY`. */
export const credentialsKeyLength = 32;

/** The two forms in which an AuthToken is kept. */
export type KeptAuthToken = Pick<NewCredential, 'tokenCiphertext' | 'tokenHash'>;

/**
 * Makes, hides and verifies tokens (SPEC §5). The documented API returns the AuthToken, so it has to be kept readable: as
 * ciphertext to show it, bound to its account, and beside that as a keyed hash to verify it without reading it. Each
 * purpose has a key of its own, derived from `CREDENTIALS_KEY`.
 */
export class Secrets {
  readonly #encryptionKey: Buffer;
  readonly #tokenKey: Buffer;
  readonly #resetKey: Buffer;
  readonly #requestKey: Buffer;
  readonly #limitKey: Buffer;

  constructor(
    credentialsKey: Buffer,
    private readonly scheme: AuthTokenScheme = 'random',
  ) {
    const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', credentialsKey, '', purpose, 32));
    this.#encryptionKey = derive('AuthToken encryption');
    this.#tokenKey = derive('AuthToken verification');
    this.#resetKey = derive('reset token verification');
    this.#requestKey = derive('request comparison');
    this.#limitKey = derive('sign-in limits');
  }

  /** A new AuthToken: 32 hexadecimal digits. A token that comes with no new password is random in either scheme. */
  newAuthToken(password?: string): string {
    if (this.scheme === 'md5' && password !== undefined) return createHash('md5').update(password).digest('hex');
    return randomBytes(16).toString('hex');
  }

  /** What is kept of the account's AuthToken. */
  keptAuthToken(sid: Sid, token: string): KeptAuthToken {
    return { tokenCiphertext: this.seal(sid, token), tokenHash: this.hashAuthToken(sid, token) };
  }

  hashAuthToken(sid: Sid, token: string): Buffer {
    return createHmac('sha256', this.#tokenKey).update(`${sid}:${token}`).digest();
  }

  /** @throws Error when the ciphertext was altered, is another account's, or was made with another key */
  readAuthToken(sid: Sid, ciphertext: Buffer): string {
    const nonce = ciphertext.subarray(1, 1 + nonceLength);
    const decipher = createDecipheriv(cipher, this.#encryptionKey, nonce, { authTagLength: tagLength });
    decipher.setAAD(Buffer.from(sid)).setAuthTag(ciphertext.subarray(-tagLength));
    return decipher.update(ciphertext.subarray(1 + nonceLength, -tagLength), undefined, 'utf8') + decipher.final('utf8');
  }

  /** A new one-time reset token: 256 random bits, kept as a hash only. */
  newResetToken(): { token: string; tokenHash: Buffer } {
    const token = randomBytes(32).toString('base64url');
    return { token, tokenHash: this.hashResetToken(token) };
  }

  hashResetToken(token: string): Buffer {
    return createHmac('sha256', this.#resetKey).update(token).digest();
  }

  /** What is kept of a request, which may hold a password, to compare it with one that repeats it. */
  hashRequest(request: string): Buffer {
    return createHmac('sha256', this.#requestKey).update(request).digest();
  }

  /** What stands for a login or an address where failures are counted: a typo may be somebody's e-mail address, or a password. */
  hashForLimit(kind: 'login' | 'address', text: string): string {
    return createHmac('sha256', this.#limitKey).update(`${kind}:${text}`).digest('base64url');
  }

  /** A token of the account as ciphertext; `readAuthToken` reads it. */
  seal(sid: Sid, token: string): Buffer {
    const nonce = randomBytes(nonceLength);
    const encryption = createCipheriv(cipher, this.#encryptionKey, nonce, { authTagLength: tagLength });
    encryption.setAAD(Buffer.from(sid));
    const encrypted = Buffer.concat([encryption.update(token, 'utf8'), encryption.final()]);
    return Buffer.concat([Buffer.from([ciphertextVersion]), nonce, encrypted, encryption.getAuthTag()]);
  }
}

/** Compares in constant time; hashes of the same kind are of the same length. */
export function sameHash(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** A password that nobody has to choose: 20 characters from 120 random bits. */
export function generatedPassword(): string {
  return randomBytes(15).toString('base64url');
}
