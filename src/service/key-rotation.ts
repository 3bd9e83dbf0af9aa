import { setTimeout as sleep } from 'node:timers/promises';
import type { AccountToken } from '../persistence/repositories/credential-repository.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import { batchSize } from './streamed-list.js';
import type { Secrets } from './secrets.js';

/** What came of a rotation. */
export interface KeyRotation {
  /** How many AuthTokens were encrypted again. */
  rewritten: number;
  /** How many were encrypted with a key that is not configured. */
  unreadable: number;
  /** The same of the secrets of webhooks. */
  webhooks: { rewritten: number; unreadable: number };
  /** Until when an older key is needed, for values that are stored as hashes only and cannot be computed again; null if none is. */
  neededUntil: Date | null;
  /** How many imported passwords need an older key until they are used or changed: only a hash of them is known. */
  passwords: number;
}

/** After how many AuthTokens progress is reported. */
const progressStep = 5_000;

/**
 * Encrypts with the first key every AuthToken that is encrypted with another one. The gateway may run meanwhile: instances that
 * have both keys read both. Each row is locked, read and written in one short transaction, so that no password or AuthToken that
 * changes meanwhile is overwritten. Every ciphertext says which key made it. So the next call goes on where a killed one
 * stopped, and several at the same time share the work.
 */
export async function rotateKey(database: Database, secrets: Secrets, onProgress: (rewritten: number) => void): Promise<KeyRotation> {
  let rewritten = 0;
  let reported = 0;
  for (;;) {
    let unreadable = 0;
    let after = '';
    for (;;) {
      const from = after;
      const batch = await database.write(undefined, (repositories) => rewriteBatch(repositories, secrets, from));
      if (batch.lastSid === undefined) break;
      after = batch.lastSid;
      rewritten += batch.rewritten;
      unreadable += batch.unreadable;
      if (rewritten - reported >= progressStep) onProgress((reported = rewritten));
    }
    // If more are left than were unreadable, an instance was changing tokens, or still wrote them with another key. Go round again.
    const left = await database.lookUp(undefined, ({ credentials }) => credentials.countTokensOfOtherKeys(secrets.keyId));
    if (left <= unreadable) {
      const webhooks = await rotateWebhookSecrets(database, secrets);
      const passwords = await database.lookUp(undefined, ({ credentials }) => credentials.countPasswordsOfOtherKeys(secrets.keyId));
      return { rewritten, unreadable: left, webhooks, neededUntil: await neededUntil(database, secrets), passwords };
    }
    await sleep(100);
  }
}

async function rewriteBatch({ credentials }: Repositories, secrets: Secrets, afterSid: string) {
  const tokens = await credentials.lockTokensOfOtherKeys(secrets.keyId, afterSid, batchSize);
  const readable = tokens.flatMap((token) => rewrittenToken(secrets, token));
  if (readable.length > 0) await credentials.reEncryptTokens(readable);
  return { lastSid: tokens.at(-1)?.accountSid, rewritten: readable.length, unreadable: tokens.length - readable.length };
}

/** The same AuthToken by the first key; nothing if no key reads it. */
export function rewrittenToken(secrets: Secrets, { accountSid, tokenCiphertext }: AccountToken): AccountToken[] {
  try {
    return [{ accountSid, ...secrets.storedAuthToken(accountSid, secrets.unseal(accountSid, tokenCiphertext)) }];
  } catch {
    return [];
  }
}

async function neededUntil(database: Database, { keyId }: Secrets): Promise<Date | null> {
  const expiries = await database.lookUp(undefined, ({ credentials, idempotencyKeys }) =>
    Promise.all([credentials.lastExpiryOfOtherKeys(keyId), idempotencyKeys.lastExpiryOfOtherKeys(keyId)]),
  );
  const [first, second] = expiries.filter((expiry) => expiry !== null);
  return first !== undefined && second !== undefined && second > first ? second : (first ?? null);
}

/** Encrypts the secrets of webhooks with the first key, which an account has few of. */
async function rotateWebhookSecrets(database: Database, secrets: Secrets): Promise<KeyRotation['webhooks']> {
  const counts = { rewritten: 0, unreadable: 0 };
  for (let after = ''; ;) {
    const from = after;
    const batch = await database.write(undefined, async ({ webhooks }) => {
      const locked = await webhooks.lockSecretsOfOtherKeys(secrets.keyId, from, batchSize);
      const rewritten = locked.map(({ sid, secret, previousSecret }) => {
        const anew = (sealed: Buffer): Buffer => secrets.seal(sid, secrets.unseal(sid, sealed));
        try {
          return { sid, secret: anew(secret), previousSecret: previousSecret && anew(previousSecret) };
        } catch {
          return undefined;
        }
      });
      const readable = rewritten.filter((one) => one !== undefined);
      for (const one of readable) webhooks.reEncrypt(one);
      return { lastSid: locked.at(-1)?.sid, rewritten: readable.length, unreadable: locked.length - readable.length };
    });
    counts.rewritten += batch.rewritten;
    counts.unreadable += batch.unreadable;
    if (batch.lastSid === undefined) return counts;
    after = batch.lastSid;
  }
}
