import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AuthTokenScheme, Credential } from '../domain/credentials.js';
import type { Sid } from '../domain/sid.js';
import type { NewCredential } from '../persistence/repositories/credential-repository.js';

const cipher = 'aes-256-gcm';
/** The first byte of every ciphertext. Ciphertexts of version 1 do not say which key made them. */
const ciphertextVersion = 2;
const nonceLength = 12;
const tagLength = 16;
const hashLength = 32;
const keyIdLength = 4;

/** What a password's hash that `storedMd5` made begins with. SQL of `CredentialRepository` knows it too. */
const md5Mark = 'md5:';

/** Whether a password is kept as a hash that was made by `storedMd5`. */
export function isHashOfMd5(passwordHash: string): boolean {
  return passwordHash.startsWith(md5Mark);
}

/** The two forms in which an AuthToken is stored. */
type StoredAuthToken = Pick<NewCredential, 'tokenCiphertext' | 'tokenHash'>;

/** The keys derived from one `CREDENTIALS_KEY`, one for each purpose, and the id that marks what they made. */
class Keys {
  readonly id: Buffer;
  readonly encryption: Buffer;
  readonly authToken: Buffer;
  readonly resetToken: Buffer;
  readonly request: Buffer;
  readonly limit: Buffer;

  constructor(credentialsKey: Buffer) {
    const derive = (purpose: string, length = 32): Buffer => Buffer.from(hkdfSync('sha256', credentialsKey, '', purpose, length));
    this.id = derive('key id', keyIdLength);
    this.encryption = derive('AuthToken encryption');
    this.authToken = derive('AuthToken verification');
    this.resetToken = derive('reset token verification');
    this.request = derive('request comparison');
    this.limit = derive('sign-in limits');
  }
}

type HashPurpose = 'authToken' | 'resetToken' | 'request';

/**
 * Makes, encrypts and verifies tokens (SPEC §5). The documented API returns the AuthToken, so it has to be stored in a form that can
 * be decrypted: as a ciphertext that is bound to its account. A keyed hash beside it verifies the token without decrypting. Each
 * purpose has a key of its own, derived from `CREDENTIALS_KEY`.
 *
 * Of several configured keys, the first one writes and all of them read. Stored values begin with the id of their key, so that no
 * other key is tried. For values from before there were ids, every key is tried.
 */
export class Secrets {
  readonly #all: readonly Keys[];
  readonly #first: Keys;

  constructor(
    credentialsKeys: readonly Buffer[],
    private readonly scheme: AuthTokenScheme = 'random',
  ) {
    this.#all = credentialsKeys.map((key) => new Keys(key));
    this.#first = this.#all[0]!;
  }

  /** The id of the first key. Hashes begin with it; in ciphertexts it follows the version. */
  get keyId(): Buffer {
    return this.#first.id;
  }

  /** The ids of all keys. */
  get keyIds(): Buffer[] {
    return this.#all.map(({ id }) => id);
  }

  /** Whether the AuthToken that comes with a new password is random; if not, it follows from the password. */
  get newTokensAreRandom(): boolean {
    return this.scheme !== 'md5';
  }

  /** A new AuthToken: 32 hexadecimal digits. A token that comes with no new password is random in either scheme. */
  newAuthToken(password?: string): string {
    if (!this.newTokensAreRandom && password !== undefined) return md5(password);
    return randomBytes(16).toString('hex');
  }

  /** The account's AuthToken as it is stored. */
  storedAuthToken(sid: Sid, token: string): StoredAuthToken {
    return { tokenCiphertext: this.seal(sid, token), tokenHash: this.hashAuthToken(sid, token) };
  }

  hashAuthToken(sid: Sid, token: string): Buffer {
    return this.#hash('authToken', `${sid}:${token}`);
  }

  isAuthToken(sid: Sid, token: string, hash: Buffer): boolean {
    return this.#isOf('authToken', `${sid}:${token}`, hash);
  }

  /**
   * Whether the secret is one of the account's AuthTokens: any of them, or only one that is known to be random, which nobody can
   * guess.
   */
  isAuthTokenOf(sid: Sid, credential: Credential, secret: string, which: 'any' | 'random' = 'any'): boolean {
    const { tokenHash, tokenIsRandom, previousTokenHash, previousTokenIsRandom } = credential;
    if (this.isAuthToken(sid, secret, tokenHash)) return which === 'any' || tokenIsRandom === true;
    if (previousTokenHash === null || !this.isAuthToken(sid, secret, previousTokenHash)) return false;
    return which === 'any' || previousTokenIsRandom === true;
  }

  /**
   * What is stored of an unsalted md5 that is password and AuthToken alike, as of imported accounts (SPEC §11). The password is verified
   * by the keyed hash of the AuthToken, marked as what it is.
   */
  storedMd5(sid: Sid, md5: string): StoredAuthToken & { passwordHash: string } {
    const stored = this.storedAuthToken(sid, md5);
    return { ...stored, passwordHash: md5Mark + stored.tokenHash.toString('hex') };
  }

  /** Whether the password is the one whose md5 was stored by `storedMd5`. */
  isPasswordOfMd5(sid: Sid, password: string, passwordHash: string): boolean {
    return this.isAuthToken(sid, md5(password), Buffer.from(passwordHash.slice(md5Mark.length), 'hex'));
  }

  /**
   * Decrypts what `seal` has encrypted.
   * @throws Error if the ciphertext was altered, is that of another SID, or was made with a key that is not configured
   */
  unseal(sid: Sid, ciphertext: Buffer): string {
    const hasKeyId = ciphertext[0] === ciphertextVersion;
    const nonceStart = hasKeyId ? 1 + keyIdLength : 1;
    const keys = hasKeyId ? this.#keysOf(ciphertext.subarray(1, nonceStart)) : this.#all;
    let failure: unknown;
    for (const { encryption } of keys) {
      try {
        const nonce = ciphertext.subarray(nonceStart, nonceStart + nonceLength);
        const decipher = createDecipheriv(cipher, encryption, nonce, { authTagLength: tagLength });
        decipher.setAAD(Buffer.from(sid)).setAuthTag(ciphertext.subarray(-tagLength));
        const token = decipher.update(ciphertext.subarray(nonceStart + nonceLength, -tagLength));
        decipher.final(); // Throws unless the tag is right.
        return token.toString('latin1');
      } catch (error) {
        failure = error;
      }
    }
    // Made only here, since an error costs as much as decrypting a token, and lists decrypt hundreds of thousands.
    throw failure ?? new Error('The ciphertext was made with a key that is not listed.');
  }

  /** A new one-time reset token: 256 random bits, stored as a hash only. */
  newResetToken(): { token: string; tokenHash: Buffer } {
    const token = randomBytes(32).toString('base64url');
    return { token, tokenHash: this.#hash('resetToken', token) };
  }

  /** The hashes to find a reset token by: one for each key, with and without the key's id. */
  hashesOfResetToken(token: string): Buffer[] {
    return this.#all.flatMap((keys) => {
      const hash = this.#hash('resetToken', token, keys);
      return [hash, hash.subarray(keyIdLength)];
    });
  }

  /** The hash that is stored of a request, which may hold a password, to compare it with a repeated one. */
  hashRequest(request: string): Buffer {
    return this.#hash('request', request);
  }

  isRequest(request: string, hash: Buffer): boolean {
    return this.#isOf('request', request, hash);
  }

  /**
   * The hash that stands for a login or address where failures are counted. Not the text itself, since a mistyped login may be a
   * password.
   */
  hashForLimit(kind: 'login' | 'address', text: string): string {
    return createHmac('sha256', this.#first.limit).update(`${kind}:${text}`).digest('base64url');
  }

  /** Encrypts a token of an account, or the secret of a webhook, bound to its SID. */
  seal(sid: Sid, secret: string): Buffer {
    const nonce = randomBytes(nonceLength);
    const { id, encryption: key } = this.#first;
    const encryption = createCipheriv(cipher, key, nonce, { authTagLength: tagLength });
    encryption.setAAD(Buffer.from(sid));
    const encrypted = Buffer.concat([encryption.update(secret, 'utf8'), encryption.final()]);
    return Buffer.concat([Buffer.from([ciphertextVersion]), id, nonce, encrypted, encryption.getAuthTag()]);
  }

  #hash(purpose: HashPurpose, text: string, keys = this.#first): Buffer {
    return Buffer.concat([keys.id, createHmac('sha256', keys[purpose]).update(text).digest()]);
  }

  #isOf(purpose: HashPurpose, text: string, hash: Buffer): boolean {
    const hasKeyId = hash.length > hashLength;
    const keys = hasKeyId ? this.#keysOf(hash.subarray(0, keyIdLength)) : this.#all;
    return keys.some((one) => sameHash(this.#hash(purpose, text, one).subarray(-hashLength), hash.subarray(-hashLength)));
  }

  #keysOf(id: Buffer): Keys[] {
    return this.#all.filter((keys) => keys.id.equals(id));
  }
}

/** Compares in constant time. Hashes of the same kind have the same length. */
function sameHash(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** A generated password: 20 characters from 120 random bits. */
export function generatedPassword(): string {
  return randomBytes(15).toString('base64url');
}
