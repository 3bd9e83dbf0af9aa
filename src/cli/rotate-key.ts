import { type Config, ConfigError } from '../config.js';
import { addCredentialsKey, keepCredentialsKeys } from '../credentials-key.js';
import { createDataSource } from '../persistence/connection/data-source.js';
import { openDatabase } from '../persistence/schema/database-check.js';
import { Database } from '../persistence/connection/database.js';
import { rotateKey } from '../service/key-rotation.js';
import { Secrets } from '../service/secrets.js';

/** What the change of the key came to, in a sentence. */
export interface KeyChange {
  /** Whether every AuthToken has the first key now. */
  isWhole: boolean;
  sentence: string;
}

/**
 * Re-encrypts with the first of the keys what the others encrypted. The keys are those that `CREDENTIALS_KEY` lists; an
 * embedded gateway without it gets a new one of its own, in its folder before the database has anything made by it, and
 * loses the old one there when nothing needs that any more. What is interrupted goes on at the next call.
 * @throws ConfigError when only one key is listed
 */
export async function rotateKeyOf(config: Config, databaseUrl: string, tell: (sentence: string) => void): Promise<KeyChange> {
  const { dataDirectory } = config;
  const isOurs = config.credentialsKeys === undefined;
  const keys = config.credentialsKeys ?? (await addCredentialsKey(dataDirectory));
  if (keys.length < 2) throw new ConfigError(['CREDENTIALS_KEY lists one key; to change to a new one, list that before it: new,old.']);

  const dataSource = createDataSource({ url: databaseUrl, poolSize: 1 });
  await openDatabase(dataSource, { migrates: false, rights: 'all' });
  try {
    const { rewritten, unreadable, neededUntil } = await rotateKey(new Database(dataSource), new Secrets(keys), (count) =>
      tell(`${counted(count)} re-encrypted …`),
    );
    const done = `${counted(rewritten)} re-encrypted`;
    if (unreadable > 0) {
      const reason = 'a key that is not listed encrypted them. List it too, and run this again';
      return { isWhole: false, sentence: `${done}; ${counted(unreadable)} could not be read: ${reason}.` };
    }
    if (neededUntil !== null) {
      const what = 'by tokens and repeatable requests that are kept as hashes only';
      const then = isOurs ? ' Run this again then, and it is removed.' : '';
      return { isWhole: true, sentence: `${done}; the old key is needed until ${neededUntil.toISOString()}, ${what}.${then}` };
    }
    if (isOurs) await keepCredentialsKeys(dataDirectory, keys.slice(0, 1));
    return { isWhole: true, sentence: `${done}; the old key ${isOurs ? 'was removed' : 'is not needed any more'}.` };
  } finally {
    await dataSource.destroy();
  }
}

function counted(tokens: number): string {
  return `${tokens.toLocaleString('en')} AuthToken${tokens === 1 ? '' : 's'}`;
}
