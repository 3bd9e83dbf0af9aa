import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, parseKeys } from './config.js';

/**
 * Makes the key of an embedded gateway that has no database yet, in `credentials.key` in the folder, which only its owner may
 * read. It is there before the database, so that a database without it has lost it. Written under another name first, so that a crash
 * leaves a whole key or none.
 */
export async function makeFirstCredentialsKey(directory: string): Promise<void> {
  const file = credentialsFileIn(directory);
  if (existsSync(file) || existsSync(join(directory, 'postgres'))) return;
  const draft = await draftOf(file, [newKey()]);
  // Fails when another start was faster; its key is then the one that counts.
  await link(draft, file)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    })
    .finally(() => rm(draft));
}

/** The keys in the folder, as `CREDENTIALS_KEY` would list them. @throws ConfigError when there is no file, or no key in it */
export async function credentialsKeysIn(directory: string): Promise<readonly Buffer[]> {
  const file = credentialsFileIn(directory);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    const lost = 'and the database beside it has AuthTokens that nothing else can read';
    throw new ConfigError([`${file} is missing, ${lost}. Restore it from a backup, or set CREDENTIALS_KEY if the key is kept there.`]);
  });
  await chmod(file, 0o600);
  const keys = parseKeys(text);
  if (keys === undefined) throw new ConfigError([`${file} does not hold a key: 64 hexadecimal digits. Restore it from a backup.`]);
  return keys;
}

/** Puts a new key before the one in the folder. Two are those of a rotation that was not finished: they stay. */
export async function addCredentialsKey(directory: string): Promise<readonly Buffer[]> {
  const keys = await credentialsKeysIn(directory);
  return keys.length > 1 ? keys : keepCredentialsKeys(directory, [newKey(), ...keys]);
}

/** Keeps these keys, and no others, in the folder: after a crash those, or those before. */
export async function keepCredentialsKeys(directory: string, keys: readonly Buffer[]): Promise<readonly Buffer[]> {
  await rename(await draftOf(credentialsFileIn(directory), keys), credentialsFileIn(directory));
  return keys;
}

function newKey(): Buffer {
  return randomBytes(32);
}

/** The file of the keys in the folder. */
export function credentialsFileIn(directory: string): string {
  return join(directory, 'credentials.key');
}

async function draftOf(file: string, keys: readonly Buffer[]): Promise<string> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, keys.map((key) => `${key.toString('hex')}\n`).join(''), { mode: 0o600, flush: true });
  return draft;
}
