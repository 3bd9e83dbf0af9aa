import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { ConfigError } from '../config.js';
import { type Checkpoint, parseCheckpoint } from '../domain/history.js';
import { createDataSource } from '../persistence/connection/data-source.js';
import { openDatabase } from '../persistence/schema/database-check.js';
import { Database } from '../persistence/connection/database.js';
import { verifyHistory } from '../service/history-verification.js';

/** What the check of the history came to, in a sentence. */
export interface HistoryCheck {
  isSound: boolean;
  sentence: string;
}

/** Where the checkpoint is kept: one of an earlier check, or none yet. */
export interface CheckpointFile {
  file: string;
  isNew: boolean;
}

/**
 * Verifies the history of the database. With a file: against the checkpoint in it, or, where that is to be a new one, to make
 * it. What was found sound becomes the checkpoint in the file then, once the verdict was told, written under another name first, so
 * that a crash leaves the old one or the new.
 * @throws ConfigError when the file is not there, holds something else, or is there though it is to be new
 */
export async function checkHistory(
  databaseUrl: string,
  kept?: CheckpointFile,
  tell: (check: HistoryCheck) => void = () => {},
): Promise<HistoryCheck> {
  const earlier = kept && (await earlierIn(kept));
  const dataSource = createDataSource({ url: databaseUrl, poolSize: 1 });
  await openDatabase(dataSource, { migrates: false, rights: 'read history' });
  try {
    const verdict = await verifyHistory(new Database(dataSource), earlier);
    const check = checkOf(verdict, earlier);
    tell(check);
    if (kept !== undefined && 'checkpoint' in verdict) await keep(verdict.checkpoint, kept.file);
    return check;
  } finally {
    await dataSource.destroy();
  }
}

function checkOf(verdict: Awaited<ReturnType<typeof verifyHistory>>, earlier: Checkpoint | undefined): HistoryCheck {
  if ('fault' in verdict) return { isSound: false, sentence: `The history is not sound. ${verdict.fault}.` };
  const { entries, checkpoint } = verdict;
  const chains = Object.keys(checkpoint.chains).length;
  const since = earlier === undefined ? '' : `, and continues the checkpoint of ${earlier.date}`;
  return { isSound: true, sentence: `The history is sound: ${entries} entries in ${chains} chains${since}.` };
}

async function keep(checkpoint: Checkpoint, file: string): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(checkpoint)}\n`, { flush: true });
  await rename(`${file}.new`, file);
}

async function earlierIn({ file, isNew }: CheckpointFile): Promise<Checkpoint | undefined> {
  if (isNew) {
    if (existsSync(file)) throw new ConfigError([`${file} exists. Leave --new out to verify the history against it.`]);
    return undefined;
  }
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new ConfigError([`There is no ${file}. To make a first checkpoint there: verify-history --new ${file}`]);
  });
  try {
    return parseCheckpoint(text);
  } catch (error) {
    throw new ConfigError([`${file}: ${(error as Error).message}`]);
  }
}
