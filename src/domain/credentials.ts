import type { Slot } from './slot.js';

/** The credentials that a caller presents to sign in (SPEC §4): a SID or e-mail address, and a password or AuthToken. */
export interface PresentedCredentials {
  login: string;
  secret: string;
  /** The client's IP address. */
  address: string;
  /** The request's slot, which it gives up while its password is verified. */
  slot: Slot | undefined;
}

/** What an account's secrets are verified against (SPEC §5). */
export interface Credential {
  passwordHash: string;
  tokenHash: Buffer;
  /** Null unless the AuthToken was rotated with an overlap that is not over yet. */
  previousTokenHash: Buffer | null;
  /** Whether the tokens are known to be random. */
  tokenIsRandom: boolean | null;
  previousTokenIsRandom: boolean | null;
}

/** The secret that a request signed in with. It can be checked again, against the credential as it is then. */
export class ProvenSecret {
  readonly #matches: ((credential: Credential) => boolean)[] = [];

  /** @param matches whether the secret is one that the credential verifies */
  constructor(matches: (credential: Credential) => boolean) {
    this.#matches.push(matches);
  }

  isValidFor(credential: Credential | undefined): boolean {
    return credential !== undefined && this.#matches.some((matches) => matches(credential));
  }

  /** Accepts another secret too: a request that changes its own credentials goes on with the new ones (SPEC §2). */
  alsoAccept(matches: (credential: Credential) => boolean): void {
    this.#matches.push(matches);
  }
}

/**
 * How AuthTokens are made (SPEC §5): at random; or as md5(password), as the predecessor of this server did, whose clients compute
 * the token themselves. With md5, a leaked token is a hash by which the password is quick to guess.
 */
export const authTokenSchemes = ['random', 'md5'] as const;
export type AuthTokenScheme = (typeof authTokenSchemes)[number];

/** Whether a secret has the form of an AuthToken: 32 hexadecimal digits. A password may have that form too. */
export function looksLikeAuthToken(secret: string): boolean {
  return /^[0-9a-f]{32}$/.test(secret);
}

/** How long a rotated AuthToken may stay valid beside the new one: at most a day, in seconds. */
export const overlapSecondsMax = 86_400;

/** How long a one-time reset token lives, in seconds: from a minute to a week; a day by default. */
export const resetTokenSeconds = { min: 60, max: 604_800, default: 86_400 };

/** How many reset tokens of one account are valid at once. One more replaces the one that would expire first. */
export const maxResetTokens = 10;
