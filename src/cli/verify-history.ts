import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { ConfigError, readConfig } from '../config.js';
import { type Checkpoint, parseCheckpoint } from '../domain/history.js';
import { createDataSource } from '../persistence/connection/data-source.js';
import { openDatabase } from '../persistence/schema/database-check.js';
import { Database } from '../persistence/connection/database.js';
import { type Verification, verifyHistory as verify } from '../service/history-verification.js';
import { UsageError } from './failure.js';
import { createLogBeside } from './log.js';
import type { Shutdown } from './shutdown.js';
import { print, printJson } from './terminal.js';
import { withDatabase } from './with-database.js';

/** The result of a verification: for programs, and as a sentence. */
interface HistoryVerification {
  isSound: boolean;
  /** What is wrong, where it is not sound. */
  fault?: string;
  entries?: number;
  chains?: number;
  /** The date of the checkpoint that it continues. */
  since?: string;
  sentence: string;
}

/** The file of the checkpoint: from an earlier run, or to be created. */
interface CheckpointFile {
  file: string;
  isNew: boolean;
}

/** `account-gateway verify-history`: verifies the hash chains of the history. The exit code is 1 if they are not sound. */
export async function verifyHistory(
  file: string | undefined,
  { new: isNew = false, json }: { new?: boolean; json?: boolean },
  shutdown: Shutdown,
): Promise<void> {
  if (isNew && file === undefined)
    throw new UsageError('Name the file that the first checkpoint is written to: verify-history --new FILE.');
  const checkpointFile = file === undefined ? undefined : { file, isNew };
  const config = readConfig(undefined, { needsKey: false });
  const log = createLogBeside(json, config);
  await withDatabase({ config, log, shutdown, needsKey: false, mustExist: true }, async (databaseUrl) => {
    const verification = verifyHistoryOf(databaseUrl, checkpointFile, ({ sentence, ...result }) => {
      if (json) printJson(result);
      else print(sentence);
      if (!result.isSound) process.exitCode = 1;
    });
    await shutdown.unlessRequested(verification);
  });
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
  if ('fault' in verification) {
    const { fault } = verification;
    return { isSound: false, fault, sentence: `The history is not sound. ${fault}.` };
  }
  const { entries, checkpoint } = verification;
  const chains = Object.keys(checkpoint.chains).length;
  const continues = earlier === undefined ? '' : `, and continues the checkpoint of ${earlier.date}`;
  const sentence = `The history is sound: ${entries} entries in ${chains} ${chains === 1 ? 'chain' : 'chains'}${continues}.`;
  return { isSound: true, entries, chains, ...(earlier !== undefined && { since: earlier.date }), sentence };
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
