import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, parseKey } from './config.js';

/**
 * The key of an embedded gateway: generated at the first start, then read from `credentials.key` in the folder, which
 * only its owner may read. Written under another name first, so that a crash leaves a whole key or none.
 * @throws ConfigError when the file holds no key
 */
export async function credentialsKeyIn(directory: string): Promise<Buffer> {
  const file = join(directory, 'credentials.key');
  await mkdir(directory, { recursive: true });
  const existing = await readFile(file, 'utf8').catch(() => undefined);
  if (existing === undefined) {
    const draft = `${file}.${process.pid}`;
    await writeFile(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flush: true });
    // Fails when another start was faster; its key is then the one that counts.
    await link(draft, file).catch(() => {});
    await rm(draft);
  }
  await chmod(file, 0o600);
  const key = parseKey((await readFile(file, 'utf8')).trim());
  if (key === undefined) throw new ConfigError([`${file} does not hold a key: 64 hexadecimal digits. Restore it from a backup.`]);
  return key;
}
