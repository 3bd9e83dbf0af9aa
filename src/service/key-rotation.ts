import { setTimeout as sleep } from 'node:timers/promises';
import type { KeptTokenOf } from '../persistence/repositories/credential-repository.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import { batchSize } from './streamed-list.js';
import type { Secrets } from './secrets.js';

export interface KeyRotation {
  /** How many AuthTokens this call re-encrypted. */
  rewritten: number;
  /** How many were encrypted with a key that is not among ours. */
  unreadable: number;
  /** Until when another key is needed, by what is kept as a hash only, which nobody can make anew. */
  neededUntil: Date | null;
}

/** After how many AuthTokens somebody who waits is told. */
const progressStep = 5_000;

/**
 * Keeps by the first key every AuthToken that other keys made, while the gateway runs: instances that have both keys read
 * either form. A row is locked when it is read, and written in the same short transaction, so no password or AuthToken
 * that changes meanwhile is overwritten. What is done tells so itself: so a call that is killed is taken up by the next one, and
 * several at once share the work.
 */
export async function rotateKey(database: Database, secrets: Secrets, tell: (rewritten: number) => void): Promise<KeyRotation> {
  let rewritten = 0;
  let told = 0;
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
      if (rewritten - told >= progressStep) tell((told = rewritten));
    }
    // More are left than could not be read: somebody was changing them, or wrote them with another key.
    const left = await database.lookUp(undefined, ({ credentials }) => credentials.countTokensOfOtherKeys(secrets.keyId));
    if (left <= unreadable) return { rewritten, unreadable: left, neededUntil: await neededUntil(database, secrets) };
    await sleep(100);
  }
}

async function rewriteBatch({ credentials }: Repositories, secrets: Secrets, afterSid: string) {
  const tokens = await credentials.lockTokensOfOtherKeys(secrets.keyId, afterSid, batchSize);
  const readable = tokens.flatMap((token) => rewrittenToken(secrets, token));
  if (readable.length > 0) await credentials.rewriteTokens(readable);
  return { lastSid: tokens.at(-1)?.accountSid, rewritten: readable.length, unreadable: tokens.length - readable.length };
}

function rewrittenToken(secrets: Secrets, { accountSid, tokenCiphertext }: KeptTokenOf): KeptTokenOf[] {
  try {
    return [{ accountSid, ...secrets.storedAuthToken(accountSid, secrets.readAuthToken(accountSid, tokenCiphertext)) }];
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
