import { type Config, ConfigError, readConfig } from '../config.js';
import { addCredentialsKey, replaceCredentialsKeys } from '../credentials-key.js';
import { createDataSource } from '../persistence/connection/data-source.js';
import { openDatabase } from '../persistence/schema/database-check.js';
import { Database } from '../persistence/connection/database.js';
import { type KeyRotation, rotateKey as rotate } from '../service/key-rotation.js';
import { Secrets } from '../service/secrets.js';
import { createLogBeside } from './log.js';
import type { Shutdown } from './shutdown.js';
import { counted, print, printJson, tell } from './terminal.js';
import { withDatabase } from './with-database.js';

/** `account-gateway rotate-key`: re-encrypts AuthTokens with a new key. The exit code is 1 if some could not be read. */
export async function rotateKey({ json }: { json?: boolean }, shutdown: Shutdown): Promise<void> {
  const config = readConfig();
  const log = createLogBeside(json, config);
  await withDatabase({ config, log, shutdown, mustExist: true, isAlone: true }, async (databaseUrl) => {
    const rotation = await shutdown.unlessRequested(rotateKeyIn(config, databaseUrl, json ? tell : print));
    if (json) printJson(rotation);
    else print(sentenceOf(rotation, config.credentialsKeys === undefined));
    if (!rotation.isComplete) process.exitCode = 1;
  });
}

/** What came of a rotation. */
interface RotationResult extends KeyRotation {
  /** Whether every AuthToken and secret is encrypted with the first key now. */
  isComplete: boolean;
  /** Whether the old key was removed from the gateway's folder. */
  isOldKeyRemoved: boolean;
}

/**
 * Re-encrypts with the first key what the other keys encrypted. The keys are those that `CREDENTIALS_KEY` lists. An embedded
 * gateway without it gets a new key, which is put into its folder before anything is encrypted with it; the old key is removed from there
 * once nothing needs it any more. If the rotation is interrupted, the next call continues it.
 * @throws ConfigError when only one key is listed
 */
async function rotateKeyIn(config: Config, databaseUrl: string, report: (progress: string) => void): Promise<RotationResult> {
  const { dataDirectory, credentialsKeys } = config;
  const keys = credentialsKeys ?? (await addCredentialsKey(dataDirectory));
  if (keys.length < 2) {
    throw new ConfigError(['CREDENTIALS_KEY lists only one key. To change to a new key, list it before the old one: new,old.']);
  }

  const dataSource = createDataSource({ url: databaseUrl, poolSize: 1 });
  await openDatabase(dataSource, { migrates: false, rights: 'all' });
  try {
    const rotation = await rotate(new Database(dataSource), new Secrets(keys), (count) =>
      report(`${counted(count, 'AuthToken')} re-encrypted …`),
    );
    const isComplete = rotation.unreadable + rotation.webhooks.unreadable === 0;
    const isOldKeyRemoved = credentialsKeys === undefined && isComplete && rotation.neededUntil === null && rotation.passwords === 0;
    if (isOldKeyRemoved) await replaceCredentialsKeys(dataDirectory, keys.slice(0, 1));
    return { ...rotation, isComplete, isOldKeyRemoved };
  } finally {
    await dataSource.destroy();
  }
}

/** What came of a rotation of keys that the gateway keeps itself, or not, in a sentence. */
function sentenceOf({ rewritten, unreadable, webhooks, neededUntil, passwords, isComplete }: RotationResult, isOurs: boolean): string {
  const done = `${[counted(rewritten, 'AuthToken'), ...secretsOf(webhooks.rewritten)].join(' and ')} re-encrypted`;
  if (!isComplete) {
    const reason = 'they were encrypted with a key that is not listed. List it too, and run this again';
    return `${done}; ${[counted(unreadable, 'AuthToken'), ...secretsOf(webhooks.unreadable)].join(' and ')} could not be read: ${reason}.`;
  }
  if (neededUntil !== null) {
    const what = 'for reset tokens and idempotency keys, which are stored only as hashes';
    const then = isOurs ? ' Run this again after that to remove it.' : '';
    return `${done}; the old key is needed until ${neededUntil.toISOString()}, ${what}.${then}`;
  }
  if (passwords > 0)
    return `${done}; the old key is needed until ${passwords.toLocaleString('en')} imported passwords have been used or changed. Run this again after that.`;
  return `${done}; the old key ${isOurs ? 'was removed' : 'is no longer needed'}.`;
}

/** The secrets of so many webhooks, in words; nothing if there are none. */
function secretsOf(webhooks: number): string[] {
  return webhooks === 0 ? [] : [`the secrets of ${counted(webhooks, 'webhook')}`];
}
