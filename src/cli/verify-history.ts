import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { ConfigError, readConfig } from '../config.js';
import { type Checkpoint, parseCheckpoint } from '../domain/history.js';
import { createDataSource } from '../persistence/connection/data-source.js';
import { openDatabase } from '../persistence/schema/database-check.js';
import { Database } from '../persistence/connection/database.js';
import { type Verification, verifyHistory as verify } from '../service/history-verification.js';
import { createLog } from './log.js';
import type { Shutdown } from './shutdown.js';
import { print } from './terminal.js';
import { withDatabase } from './with-database.js';

/** The result of a verification, as a sentence. */
interface HistoryVerification {
  isSound: boolean;
  sentence: string;
}

/** The file of the checkpoint: from an earlier run, or to be created. */
interface CheckpointFile {
  file: string;
  isNew: boolean;
}

/** `npm run verify-history -- [[--new] FILE]`: verifies the hash chains of the history. The exit code is 1 if they are not sound. */
export async function verifyHistory(args: readonly string[], shutdown: Shutdown): Promise<void> {
  const checkpointFile = checkpointFileIn(args);
  const config = readConfig(undefined, { needsKey: false });
  await withDatabase({ config, log: createLog(config), shutdown, needsKey: false }, async (databaseUrl) => {
    const verification = verifyHistoryOf(databaseUrl, checkpointFile, ({ isSound, sentence }) => {
      print(sentence);
      if (!isSound) process.exitCode = 1;
    });
    await shutdown.unlessRequested(verification);
  });
}

function checkpointFileIn(args: readonly string[]): CheckpointFile | undefined {
  const isNew = args.includes('--new');
  const [file, ...others] = args.filter((arg) => arg !== '--new');
  if (others.length > 0 || file?.startsWith('-') || (isNew && file === undefined)) {
    throw new ConfigError([
      'Usage: verify-history FILE, with the checkpoint of the last run; or verify-history --new FILE, for the first run.',
    ]);
  }
  return file === undefined ? undefined : { file, isNew };
}

/**
 * Verifies the history of the database, against the checkpoint in the file if there is one. If the history is sound, where it
 * ends becomes the checkpoint in the file, after the result was reported. The file is written under another name first, so that a
 * crash leaves either the old checkpoint or the new one.
 * @throws ConfigError if the file is missing or holds something else, or exists although it should be new
 */
export async function verifyHistoryOf(
  databaseUrl: string,
  checkpointFile?: CheckpointFile,
  onResult: (result: HistoryVerification) => void = () => {},
): Promise<HistoryVerification> {
  const earlier = checkpointFile && (await readCheckpoint(checkpointFile));
  const dataSource = createDataSource({ url: databaseUrl, poolSize: 1 });
  await openDatabase(dataSource, { migrates: false, rights: 'read history' });
  try {
    const verification = await verify(new Database(dataSource), earlier);
    const result = resultOf(verification, earlier);
    onResult(result);
    if (checkpointFile !== undefined && 'checkpoint' in verification) await writeCheckpoint(verification.checkpoint, checkpointFile.file);
    return result;
  } finally {
    await dataSource.destroy();
  }
}

function resultOf(verification: Verification, earlier: Checkpoint | undefined): HistoryVerification {
  if ('fault' in verification) return { isSound: false, sentence: `The history is not sound. ${verification.fault}.` };
  const { entries, checkpoint } = verification;
  const chains = Object.keys(checkpoint.chains).length;
  const since = earlier === undefined ? '' : `, and continues the checkpoint of ${earlier.date}`;
  return { isSound: true, sentence: `The history is sound: ${entries} entries in ${chains} ${chains === 1 ? 'chain' : 'chains'}${since}.` };
}

async function readCheckpoint({ file, isNew }: CheckpointFile): Promise<Checkpoint | undefined> {
  if (isNew) {
    if (existsSync(file)) throw new ConfigError([`${file} already exists. Leave --new out to verify the history against it.`]);
    return undefined;
  }
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new ConfigError([`There is no ${file}. To create a first checkpoint there: verify-history --new ${file}`]);
  });
  try {
    return parseCheckpoint(text);
  } catch (error) {
    throw new ConfigError([`${file}: ${(error as Error).message}`]);
  }
}

async function writeCheckpoint(checkpoint: Checkpoint, file: string): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(checkpoint)}\n`, { flush: true });
  await rename(`${file}.new`, file);
}
