import { join, resolve } from 'node:path';
import { runnableBinaries, shippedBinaries } from './binaries.js';
import { createCluster } from './create-cluster.js';
import { dataPath, removeFolder, removeUnfinished, socketFolderOf, writableFolder } from './folders.js';
import { isOrphan, lockHolderOf } from './lock-file.js';
import { urlOf } from './postmaster.js';
import { canEnter, serverUserOf } from './server-user.js';
import { keepRunning, launch } from './supervisor.js';

/** A PostgreSQL that runs for as long as this process. */
export interface EmbeddedPostgres {
  /** Connection URL over the unix socket, for pg and TypeORM. */
  readonly url: string;
  /** Stops the server cleanly (fast shutdown) and waits until it is gone. Idempotent. */
  stop(): Promise<void>;
}

interface EmbeddedPostgresOptions {
  /** The data folder; created if missing. The database cluster is in `<directory>/postgres`. */
  directory: string;
  /** Server settings as `-c name=value`, e.g. `{ fsync: 'off' }` in tests. */
  settings?: Record<string, string>;
  /** Receives the server's own log, line by line. */
  onLog?: (line: string) => void;
  /** Aborts the start. A server that is up by then is stopped before the start fails. */
  signal?: AbortSignal;
}

/**
 * Starts PostgreSQL on `<directory>/postgres` and keeps it running until `stop()` or the end of this process, however
 * abrupt. Throws EmbeddedPostgresError when the folder is in use or unusable, or there are no binaries for the platform.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { settings = {}, onLog = () => {}, signal } = options;
  const shipped = shippedBinaries();
  const directory = await writableFolder(options.directory);
  const folder = join(directory, 'postgres');
  const user = await serverUserOf(folder);
  const isReachable = await canEnter(directory, user);
  const binaries = await runnableBinaries(shipped, directory, isReachable, user);
  await createCluster(folder, isReachable, binaries, user);
  const socketFolder = await socketFolderOf(folder, user);
  const cluster = { folder, dataPath: dataPath(folder, isReachable), socketFolder, binaries, user, settings, onLog };

  const lifetime = new AbortController();
  const abort = () => lifetime.abort();
  signal?.throwIfAborted();
  signal?.addEventListener('abort', abort);
  let supervision: Promise<void> | undefined;
  const stop = async () => {
    lifetime.abort();
    await supervision;
    if (socketFolder !== folder) await removeFolder(socketFolder);
  };
  try {
    supervision = keepRunning(cluster, await launch(cluster, lifetime.signal), lifetime.signal);
    await removeUnfinished(directory);
    lifetime.signal.throwIfAborted();
    return { url: urlOf(socketFolder), stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** The URL of the PostgreSQL that another process runs in the folder; undefined if none serves there. */
export async function urlOfRunning(directory: string): Promise<string | undefined> {
  const folder = join(resolve(directory), 'postgres');
  const holder = await lockHolderOf(folder);
  if (holder?.status !== 'ready' || !holder.isAlive || (await isOrphan(folder, holder.pid))) return undefined;
  return urlOf(holder.socketFolder);
}
