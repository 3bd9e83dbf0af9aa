import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, parseKeys } from './config.js';

/**
 * The keys of an embedded gateway, as `CREDENTIALS_KEY` would list them. One is generated at the first start, then read
 * from `credentials.key` in the folder, which only its owner may read. Written under another name first, so that a crash
 * leaves a whole key or none.
 * @throws ConfigError when the file holds no key
 */
export async function credentialsKeysIn(directory: string): Promise<readonly Buffer[]> {
  const file = fileIn(directory);
  await mkdir(directory, { recursive: true });
  const existing = await readFile(file, 'utf8').catch(() => undefined);
  if (existing === undefined) {
    const draft = await draftOf(file, [newKey()]);
    // Fails when another start was faster; its key is then the one that counts.
    await link(draft, file).catch(() => {});
    await rm(draft);
  }
  await chmod(file, 0o600);
  const keys = parseKeys(await readFile(file, 'utf8'));
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
  await rename(await draftOf(fileIn(directory), keys), fileIn(directory));
  return keys;
}

function newKey(): Buffer {
  return randomBytes(32);
}

function fileIn(directory: string): string {
  return join(directory, 'credentials.key');
}

async function draftOf(file: string, keys: readonly Buffer[]): Promise<string> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, keys.map((key) => `${key.toString('hex')}\n`).join(''), { mode: 0o600, flush: true });
  return draft;
}
