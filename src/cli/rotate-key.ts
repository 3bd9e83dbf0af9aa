import { type Config, ConfigError, readConfig } from '../config.js';
import { addCredentialsKey, replaceCredentialsKeys } from '../credentials-key.js';
import { createDataSource } from '../persistence/connection/data-source.js';
import { openDatabase } from '../persistence/schema/database-check.js';
import { Database } from '../persistence/connection/database.js';
import { rotateKey as rotate } from '../service/key-rotation.js';
import { Secrets } from '../service/secrets.js';
import { createLog } from './log.js';
import type { Shutdown } from './shutdown.js';
import { print } from './terminal.js';
import { withDatabase } from './with-database.js';

/** The result of a rotation, as a sentence. */
interface KeyRotationResult {
  /** Whether every AuthToken is encrypted with the first key now. */
  isComplete: boolean;
  sentence: string;
}

/** `npm run rotate-key`: re-encrypts AuthTokens with a new key. The exit code is 1 if some could not be read. */
export async function rotateKey(shutdown: Shutdown): Promise<void> {
  const config = readConfig();
  await withDatabase({ config, log: createLog(config), shutdown }, async (databaseUrl) => {
    const { isComplete, sentence } = await shutdown.unlessRequested(rotateKeyIn(config, databaseUrl));
    print(sentence);
    if (!isComplete) process.exitCode = 1;
  });
}

/**
 * Re-encrypts with the first key what the other keys encrypted. The keys are those that `CREDENTIALS_KEY` lists. An embedded
 * gateway without it gets a new key, which is put into its folder before anything is encrypted with it; the old key is removed from there
 * once nothing needs it any more. If the rotation is interrupted, the next call continues it.
 * @throws ConfigError when only one key is listed
 */
async function rotateKeyIn(config: Config, databaseUrl: string): Promise<KeyRotationResult> {
  const { dataDirectory } = config;
  const isOurs = config.credentialsKeys === undefined;
  const keys = config.credentialsKeys ?? (await addCredentialsKey(dataDirectory));
  if (keys.length < 2) {
    throw new ConfigError(['CREDENTIALS_KEY lists only one key. To change to a new key, list it before the old one: new,old.']);
  }

  const dataSource = createDataSource({ url: databaseUrl, poolSize: 1 });
  await openDatabase(dataSource, { migrates: false, rights: 'all' });
  try {
    const { rewritten, unreadable, neededUntil } = await rotate(new Database(dataSource), new Secrets(keys), (count) =>
      print(`${counted(count)} re-encrypted …`),
    );
    const done = `${counted(rewritten)} re-encrypted`;
    if (unreadable > 0) {
      const reason = 'they were encrypted with a key that is not listed. List it too, and run this again';
      return { isComplete: false, sentence: `${done}; ${counted(unreadable)} could not be read: ${reason}.` };
    }
    if (neededUntil !== null) {
      const what = 'for reset tokens and idempotency keys, which are stored only as hashes';
      const then = isOurs ? ' Run this again after that to remove it.' : '';
      return { isComplete: true, sentence: `${done}; the old key is needed until ${neededUntil.toISOString()}, ${what}.${then}` };
    }
    if (isOurs) await replaceCredentialsKeys(dataDirectory, keys.slice(0, 1));
    return { isComplete: true, sentence: `${done}; the old key ${isOurs ? 'was removed' : 'is no longer needed'}.` };
  } finally {
    await dataSource.destroy();
  }
}

function counted(tokens: number): string {
  return `${tokens.toLocaleString('en')} AuthToken${tokens === 1 ? '' : 's'}`;
}
