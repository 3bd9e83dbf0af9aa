import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, ConfigError } from './config.js';
import { parseKeys } from './environment-reader.js';

/** The keys that decrypt AuthTokens, and where they are kept, for messages. */
export interface CredentialsKeys {
  credentialsKeys: readonly Buffer[];
  credentialsKeysFrom: string;
}

/** What a message about a key that is not the right one ends with. */
const ifLost = 'If it is lost for good, "account-gateway replace-key" makes a new one.';

/** The keys from there are others than those that were used. */
export function wrongKey(from: string): ConfigError {
  return new ConfigError([
    `${from} is not the key that the AuthTokens in this database were encrypted with. Restore the right one. ${ifLost}`,
  ]);
}

/** The keys that `CREDENTIALS_KEY` lists, or else those in the data folder, with the name of where they are kept. @throws ConfigError */
export async function configuredCredentialsKeys({ credentialsKeys, dataDirectory }: Config): Promise<CredentialsKeys> {
  if (credentialsKeys !== undefined) return { credentialsKeys, credentialsKeysFrom: 'CREDENTIALS_KEY' };
  return { credentialsKeys: await credentialsKeysIn(dataDirectory), credentialsKeysFrom: keyFileIn(dataDirectory) };
}

/**
 * Makes the key of an embedded gateway that has no database yet, in `credentials.key` in the data folder, readable only by its
 * owner. The key is there before the database, so a database without a key has lost it. The file is written under another
 * name first, so that a crash leaves a whole key or none.
 */
export async function makeFirstCredentialsKey(directory: string): Promise<void> {
  const file = keyFileIn(directory);
  if (existsSync(file) || existsSync(join(directory, 'postgres'))) return;
  const draft = await writeDraft(file, [newKey()]);
  // Fails when another start was faster; then its key is the one that counts.
  await link(draft, file)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    })
    .finally(() => rm(draft));
}

/** The keys that there are, whether or not they are the right ones; undefined if their file is missing, or holds none. */
export async function keysAtHand({ credentialsKeys, dataDirectory }: Config): Promise<readonly Buffer[] | undefined> {
  return credentialsKeys ?? parseKeys(await readFile(keyFileIn(dataDirectory), 'utf8').catch(() => ''));
}

/** Makes a new key in the data folder. What was in its file, of another gateway perhaps, is kept beside it; returns its name there, if there was any. */
export async function renewCredentialsKey(directory: string): Promise<{ keys: readonly Buffer[]; keptAs: string | undefined }> {
  const file = keyFileIn(directory);
  const keptAs = existsSync(file) ? `${file}.${new Date().toISOString().replaceAll(':', '-')}` : undefined;
  if (keptAs !== undefined) await copyFile(file, keptAs);
  return { keys: await replaceCredentialsKeys(directory, [newKey()]), keptAs };
}

/** The keys in the data folder, in the order in which `CREDENTIALS_KEY` would list them. @throws ConfigError when there is no file, or no key in it */
async function credentialsKeysIn(directory: string): Promise<readonly Buffer[]> {
  const file = keyFileIn(directory);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    const lost = 'and nothing else can decrypt the AuthTokens in the database beside it';
    throw new ConfigError([
      `${file} is missing, ${lost}. Restore it from a backup, or set CREDENTIALS_KEY if the key is kept there. ${ifLost}`,
    ]);
  });
  await chmod(file, 0o600);
  const keys = parseKeys(text);
  if (keys === undefined)
    throw new ConfigError([`${file} does not hold a key of 64 hexadecimal digits. Restore it from a backup. ${ifLost}`]);
  return keys;
}

/** Puts a new key before the one in the data folder. Two keys there belong to a rotation that was not finished: they stay. */
export async function addCredentialsKey(directory: string): Promise<readonly Buffer[]> {
  const keys = await credentialsKeysIn(directory);
  return keys.length > 1 ? keys : replaceCredentialsKeys(directory, [newKey(), ...keys]);
}

/** Replaces the keys in the data folder by these. A crash leaves either these or those before. */
export async function replaceCredentialsKeys(directory: string, keys: readonly Buffer[]): Promise<readonly Buffer[]> {
  await rename(await writeDraft(keyFileIn(directory), keys), keyFileIn(directory));
  return keys;
}

function newKey(): Buffer {
  return randomBytes(32);
}

function keyFileIn(directory: string): string {
  return join(directory, 'credentials.key');
}

async function writeDraft(file: string, keys: readonly Buffer[]): Promise<string> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, keys.map((key) => `${key.toString('hex')}\n`).join(''), { mode: 0o600, flush: true });
  return draft;
}
