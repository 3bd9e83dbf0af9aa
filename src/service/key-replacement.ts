import { setTimeout as sleep } from 'node:timers/promises';
import type { Sid } from '../domain/sid.js';
import type { Webhook } from '../domain/webhook.js';
import { newWebhookSecret } from '../events/webhook-signature.js';
import type { Database } from '../persistence/connection/database.js';
import type { AccountToken } from '../persistence/repositories/credential-repository.js';
import type { AuditedTransactions } from './audited-transaction.js';
import { rewrittenToken } from './key-rotation.js';
import type { Secrets } from './secrets.js';
import { batchSize } from './streamed-list.js';

/** What nobody can read or verify any more, since none of the keys at hand has made it. */
export interface LostSecrets {
  /** Accounts whose AuthToken it is. */
  authTokens: number;
  webhooks: number;
  /** Imported passwords that were never used since: they are kept by their md5, which was hashed with the key. */
  passwords: number;
  resetTokens: number;
  /** Requests with an idempotency key: repeated ones are refused, so that nothing is done twice. */
  requests: number;
}

/** What one run has replaced. */
export interface KeyReplacement {
  authTokens: number;
  webhooks: Pick<Webhook, 'sid' | 'accountSid' | 'url'>[];
  resetTokens: number;
}

/** After how many AuthTokens progress is reported. */
const progressStep = 5_000;

/** Counts what is lost; and whether any AuthToken was made by one of the keys. */
export async function lostSecrets(database: Database, { keyIds }: Secrets): Promise<LostSecrets & { isKeyInUse: boolean }> {
  return database.read(undefined, async ({ credentials, webhooks, idempotencyKeys }) => {
    const { all, authTokens, passwords, resetTokens } = await credentials.countOfNoKey(keyIds);
    const lostWebhooks = await webhooks.countSecretsOfNoKey(keyIds);
    return {
      authTokens,
      webhooks: lostWebhooks,
      passwords,
      resetTokens,
      requests: await idempotencyKeys.countOfNoKey(keyIds),
      isKeyInUse: authTokens < all,
    };
  });
}

/**
 * Gives a new AuthToken to each account and a new secret to each webhook whose old one nobody can read any more; what another key at hand
 * reads is encrypted anew. Each batch is one transaction, with an entry in the history for each of them. What is left is told by the rows
 * themselves, so the next call goes on where a killed one stopped. The root's AuthToken is the last: as long as it is not replaced, no
 * gateway starts with the new key.
 */
export async function replaceKey(
  database: Database,
  transactions: AuditedTransactions,
  secrets: Secrets,
  requestId: string,
  onProgress: (authTokens: number) => void,
): Promise<KeyReplacement> {
  const author: Author = { account: null, requestId };
  const webhooks = await replaceWebhookSecrets(transactions, secrets, author);
  const resetTokens = await removeResetTokens(database, secrets);
  const root = await database.lookUp(undefined, ({ accounts }) => accounts.findRoot());
  let authTokens = 0;
  let reported = 0;
  for (const spared of [root?.sid, undefined]) {
    for (;;) {
      for (let after: Sid | undefined = ''; after !== undefined;) {
        const batch: ReplacedBatch = await replaceBatch(transactions, secrets, author, { after, spared });
        after = batch.lastSid;
        authTokens += batch.replaced;
        if (authTokens - reported >= progressStep) onProgress((reported = authTokens));
      }
      // A row that somebody had locked was passed over: go round again.
      const left = await database.lookUp(undefined, ({ credentials }) => credentials.countTokensOfOtherKeys(secrets.keyId));
      if (left <= (spared === undefined ? 0 : 1)) break;
      await sleep(100);
    }
  }
  return { authTokens, webhooks, resetTokens };
}

/** By whom the history says that it was done. */
interface Author {
  account: null;
  requestId: string;
}

interface ReplacedBatch {
  /** The last account that was looked at; undefined if there was none. */
  lastSid: Sid | undefined;
  replaced: number;
}

/** Replaces the AuthTokens of the next accounts after the SID, but for the one that is spared. */
function replaceBatch(
  transactions: AuditedTransactions,
  secrets: Secrets,
  author: Author,
  { after, spared }: { after: Sid; spared: Sid | undefined },
): Promise<ReplacedBatch> {
  return transactions.writeUnauthenticated(author, {}, async ({ accounts, credentials }, { record }) => {
    const locked = await credentials.lockTokensOfOtherKeys(secrets.keyId, after, batchSize);
    const tokens = locked.filter(({ accountSid }) => accountSid !== spared);
    const owners = await accounts.findMany(tokens.map(({ accountSid }) => accountSid));
    const trees = new Map(owners.map(({ sid, topLevelSid }) => [sid, topLevelSid]));
    const readable: AccountToken[] = [];
    const replaced: AccountToken[] = [];
    for (const token of tokens) {
      const { accountSid } = token;
      const [same] = rewrittenToken(secrets, token);
      if (same !== undefined) readable.push(same);
      else {
        replaced.push({ accountSid, ...secrets.storedAuthToken(accountSid, secrets.newAuthToken()) });
        record(trees.get(accountSid)!, { operation: 'rotateAuthToken', subjectSid: accountSid, after: replacement });
      }
    }
    if (readable.length > 0) await credentials.reEncryptTokens(readable);
    if (replaced.length > 0) await credentials.replaceTokens(replaced);
    return { lastSid: locked.at(-1)?.accountSid, replaced: replaced.length };
  });
}

/** What the history says of what was replaced. */
const replacement = { overlapSeconds: 0, keyReplaced: true };

/** Nobody knows the new secrets: their owners make others, by `rotateWebhookSecret`. Until then receivers refuse what is signed with these. */
async function replaceWebhookSecrets(
  transactions: AuditedTransactions,
  secrets: Secrets,
  author: Author,
): Promise<KeyReplacement['webhooks']> {
  const all: KeyReplacement['webhooks'] = [];
  for (let after: Sid | undefined = ''; after !== undefined;) {
    const from: Sid = after;
    const batch = await transactions.writeUnauthenticated(author, {}, async ({ webhooks }, { record }) => {
      const locked = await webhooks.lockSecretsOfOtherKeys(secrets.keyId, from, batchSize);
      const found = new Map((await webhooks.findMany(locked.map(({ sid }) => sid))).map((webhook) => [webhook.sid, webhook]));
      const replaced: KeyReplacement['webhooks'] = [];
      for (const { sid, secret, previousSecret } of locked) {
        const [same, previous] = [secret, previousSecret].map((sealed) => sealed && sealedAnew(secrets, sid, sealed));
        webhooks.reEncrypt({ sid, secret: same ?? secrets.seal(sid, newWebhookSecret()), previousSecret: previous ?? null });
        if (same) continue;
        const { accountSid, treeSid, url } = found.get(sid)!;
        replaced.push({ sid, accountSid, url });
        record(treeSid, { operation: 'rotateWebhookSecret', subjectSid: accountSid, after: { webhookSid: sid, ...replacement } });
      }
      return { lastSid: locked.at(-1)?.sid, replaced };
    });
    all.push(...batch.replaced);
    after = batch.lastSid;
  }
  return all;
}

/** The same secret by the first key; nothing if no key reads it. */
function sealedAnew(secrets: Secrets, sid: Sid, sealed: Buffer): Buffer | undefined {
  try {
    return secrets.seal(sid, secrets.unseal(sid, sealed));
  } catch {
    return undefined;
  }
}

/** Nobody can use them any more. */
async function removeResetTokens(database: Database, { keyIds }: Secrets): Promise<number> {
  for (let removed = 0; ;) {
    const batch = await database.write(undefined, ({ credentials }) => credentials.removeResetTokensOfNoKey(keyIds, batchSize));
    if (batch === 0) return removed;
    removed += batch;
  }
}
