import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { type Config, ConfigError, readConfig } from '../config.js';
import { configuredCredentialsKeys, replaceCredentialsKeys } from '../credentials-key.js';
import { copyRunningCluster } from '../embedded-postgres/cluster-copy.js';
import { makeFolder, removeFolder, syncFolder } from '../embedded-postgres/folders.js';
import { type Trial, tryOut } from './backup-trial.js';
import { NotDoneError, UsageError } from './failure.js';
import { createLog } from './log.js';
import type { Shutdown } from './shutdown.js';
import { print, printJson } from './terminal.js';
import { assertEmbedded, withDatabase } from './with-database.js';

/**
 * `account-gateway backup DIR`: copies the embedded database and its key, while the gateway runs or not, into what could be a data folder.
 * It is written beside DIR under another name, tried out there, and renamed when it is whole. The exit code is 1 if the history in it is not
 * sound; it is kept, as a copy of what there is.
 */
export async function backup(directory: string, { json: asJson = false }: { json?: boolean }, shutdown: Shutdown): Promise<void> {
  const config = readConfig(undefined, { needsKey: false });
  assertEmbedded(config, 'backup', 'backed up with pg_dump');
  const target = resolve(directory);
  const cluster = join(config.dataDirectory, 'postgres');
  if (`${await realPath(target)}${sep}`.startsWith(`${await realPath(config.dataDirectory)}${sep}`)) {
    throw new UsageError(
      `${target} is in the data folder itself, ${config.dataDirectory}. Name a folder elsewhere, on another disk if there is one.`,
    );
  }
  if (!existsSync(join(cluster, 'PG_VERSION'))) {
    throw new ConfigError([`There is no database in ${config.dataDirectory}. DATA_DIR names the folder of the gateway that is backed up.`]);
  }
  await configuredCredentialsKeys(config);
  await removeEmpty(target);

  const log = createLog(asJson ? { ...config, logLevel: 'silent' } : config);
  await withDatabase({ config, log, shutdown }, async (databaseUrl) => {
    const unfinished = await fs.mkdtemp(`${target}.unfinished-`).catch(fail);
    try {
      const trial = await copyInto(unfinished, databaseUrl, config, shutdown);
      await fs.rename(unfinished, target);
      await syncFolder(dirname(target));
      tell(target, trial, config, asJson);
    } catch (error) {
      await removeFolder(unfinished);
      if (shutdown.signal.aborted) throw error;
      fail(error);
    }
  });
}

/** The path of a folder that may not exist yet, behind all links. */
async function realPath(path: string): Promise<string> {
  return existsSync(path) ? fs.realpath(path) : join(await realPath(dirname(path)), basename(path));
}

function fail(error: unknown): never {
  throw new NotDoneError(`No backup was made: ${(error as Error).message}`);
}

/** Makes room for the folder that a finished backup is renamed to. What is in the way would be in the way of the renaming, too. */
async function removeEmpty(target: string): Promise<void> {
  await makeFolder(dirname(target)).catch(fail);
  await fs.rmdir(target).catch((error: NodeJS.ErrnoException) => {
    const { code, message } = error;
    if (code === 'ENOENT') return;
    if (code === 'ENOTEMPTY' || code === 'EEXIST')
      throw new UsageError(`${target} is not empty. Name a folder that is empty or does not exist.`);
    if (code === 'EBUSY')
      throw new UsageError(`${target} is where a disk is mounted. Name a folder in it: ${join(target, basename(target))}`);
    throw new UsageError(`${target} cannot be replaced: ${message}`);
  });
}

/** The key is read before and after: if it is changed meanwhile, the copy may need both. */
async function copyInto(unfinished: string, databaseUrl: string, config: Config, shutdown: Shutdown): Promise<Trial> {
  const before = await configuredCredentialsKeys(config);
  const folder = join(config.dataDirectory, 'postgres');
  await copyRunningCluster(databaseUrl, { folder, target: join(unfinished, 'postgres'), signal: shutdown.signal });
  if (config.credentialsKeys === undefined) {
    const after = await configuredCredentialsKeys(config);
    const keys = [...after.credentialsKeys, ...before.credentialsKeys];
    await replaceCredentialsKeys(
      unfinished,
      keys.filter((key, index) => keys.findIndex((other) => other.equals(key)) === index),
    );
  }
  return tryOut(unfinished, config, shutdown);
}

function tell(target: string, { isSound, findings }: Trial, { credentialsKeys }: Config, asJson: boolean): void {
  if (isSound === false) process.exitCode = 1;
  const hasKey = credentialsKeys === undefined;
  if (asJson) return printJson({ directory: target, hasKey, isSound, findings });
  const key = hasKey ? 'and its key are' : 'is';
  print(`The database ${key} in ${target}. A PostgreSQL was started from it to try it out.`);
  for (const finding of findings) print(finding);
  if (!hasKey) print('The key is not in it, but in CREDENTIALS_KEY: keep that too, elsewhere.');
}
