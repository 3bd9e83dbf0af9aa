import { readFile, rename, writeFile } from 'node:fs/promises';
import { ConfigError } from './config.js';
import { type Checkpoint, parseCheckpoint } from './domain/history.js';
import { createDataSource } from './persistence/data-source.js';
import { Database } from './persistence/database.js';
import { verifyHistory } from './service/history-verification.js';

/** What the check of the history came to, in a sentence. */
export interface HistoryCheck {
  isSound: boolean;
  sentence: string;
}

/**
 * Verifies the history of the database. With a file: against the checkpoint in it, if there is one; what was found sound
 * becomes the checkpoint in it then, written under another name first, so that a crash leaves the old one or the new.
 * @throws ConfigError when the file holds something else
 */
export async function checkHistory(databaseUrl: string, file: string | undefined): Promise<HistoryCheck> {
  const earlier = file === undefined ? undefined : await checkpointIn(file);
  const dataSource = createDataSource({ url: databaseUrl, poolSize: 1 });
  await dataSource.initialize();
  try {
    const verdict = await verifyHistory(new Database(dataSource), earlier);
    if ('fault' in verdict) return { isSound: false, sentence: `The history is not sound. ${verdict.fault}.` };
    const { entries, checkpoint } = verdict;
    const chains = Object.keys(checkpoint.chains).length;
    const since = earlier === undefined ? '' : `, and continues the checkpoint of ${earlier.date}`;
    if (file !== undefined) {
      await writeFile(`${file}.new`, `${JSON.stringify(checkpoint)}\n`, { flush: true });
      await rename(`${file}.new`, file);
    }
    return { isSound: true, sentence: `The history is sound: ${entries} entries in ${chains} chains${since}.` };
  } finally {
    await dataSource.destroy();
  }
}

async function checkpointIn(file: string): Promise<Checkpoint | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  try {
    return text === undefined ? undefined : parseCheckpoint(text);
  } catch (error) {
    throw new ConfigError([`${file}: ${(error as Error).message}`]);
  }
}
