import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Config, ConfigError, readConfig } from '../config.js';
import { configuredCredentialsKeys, replaceCredentialsKeys } from '../credentials-key.js';
import { copyStoppedCluster } from '../embedded-postgres/cluster-copy.js';
import { DataFolderError } from '../embedded-postgres/errors.js';
import { isUnfinished, makeUnfinishedFolder, removeFolder, syncFolder, writableFolder } from '../embedded-postgres/folders.js';
import { urlOfRunning } from '../embedded-postgres/launcher.js';
import { type Trial, tryOut } from './backup-trial.js';
import { NotDoneError } from './failure.js';
import type { Shutdown } from './shutdown.js';
import { print, printJson } from './terminal.js';
import { assertEmbedded } from './with-database.js';

/**
 * `account-gateway restore DIR`: copies a backup into DATA_DIR, which must be empty. It is tried out before it gets its names there, the
 * database last, so a crash leaves no half of it. The exit code is 1 if the history in it is not sound.
 */
export async function restore(directory: string, { json: asJson = false }: { json?: boolean }, shutdown: Shutdown): Promise<void> {
  const config = readConfig(undefined, { needsKey: false });
  assertEmbedded(config, 'restore', 'restored with pg_restore');
  const source = resolve(directory);
  if (!existsSync(join(source, 'postgres/PG_VERSION')))
    throw new ConfigError([`There is no backup in ${source}. Name the folder that "backup" was given.`]);
  if ((await urlOfRunning(source)) !== undefined)
    throw new ConfigError([`${source} is in use: a gateway runs on it. Use "backup" for a copy of it.`]);
  const { credentialsKeys } = await configuredCredentialsKeys({ ...config, dataDirectory: source });
  const target = await writableFolder(config.dataDirectory);
  await assertEmpty(target);

  const unfinished = await makeUnfinishedFolder(target);
  try {
    await copyStoppedCluster({ folder: join(source, 'postgres'), target: join(unfinished, 'postgres'), signal: shutdown.signal });
    if (config.credentialsKeys === undefined) await replaceCredentialsKeys(unfinished, credentialsKeys);
    const trial = await tryOut(unfinished, config, shutdown);
    await moveInto(target, unfinished, config);
    tell(source, target, trial, asJson);
  } catch (error) {
    if (shutdown.signal.aborted) throw error;
    throw new NotDoneError(`Nothing was restored: ${(error as Error).message}`);
  } finally {
    await removeFolder(unfinished);
  }
}

/** What killed starts and restorations left behind is not in the way. */
async function assertEmpty(target: string): Promise<void> {
  const names = (await fs.readdir(target)).filter((name) => !isUnfinished(name));
  if (names.length === 0) return;
  throw new DataFolderError(
    `The data folder ${target} is not empty (${names.slice(0, 3).join(', ')}). Stop the gateway, move the folder aside, and run this again.`,
  );
}

/**
 * The key comes before the database, as at a first start: a database without a key has lost it. A key that is there by now belongs to a
 * gateway that was started meanwhile: it is not replaced.
 */
async function moveInto(target: string, unfinished: string, { credentialsKeys }: Config): Promise<void> {
  if (credentialsKeys === undefined) await fs.link(join(unfinished, 'credentials.key'), join(target, 'credentials.key'));
  await fs.rename(join(unfinished, 'postgres'), join(target, 'postgres'));
  await syncFolder(target);
}

function tell(source: string, target: string, { isSound, findings }: Trial, asJson: boolean): void {
  if (isSound === false) process.exitCode = 1;
  if (asJson) return printJson({ directory: target, isSound, findings });
  print(`${source} was restored into ${target}. A PostgreSQL was started from it to try it out.`);
  for (const finding of findings) print(finding);
}
