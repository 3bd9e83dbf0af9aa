import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { EmbeddedPostgresError } from './errors.js';
import { ignore } from './system.js';

/** Folders whose contents belong to the running server alone, or are copied apart, as the WAL is. They are copied empty. */
const emptyFolders = ['pg_wal', 'pg_dynshmem', 'pg_notify', 'pg_replslot', 'pg_serial', 'pg_snapshots', 'pg_stat_tmp', 'pg_subtrans'];

/** The running server's own: its lock files and its socket. */
const ofServer = /^(?:postmaster\.pid|\.s\.PGSQL\..+)$/;

/** Files of earlier backups, which a copy must not have, and those that a server makes anew. */
const leftOut = /^(?:postmaster\.opts|(?:backup_label|tablespace_map)(?:\.old)?|pg_internal\.init.*|pgsql_tmp.*)$/;

/** What of the WAL a copy needs: segments, by their place in it, and the history of timelines. */
const walSegment = /^[0-9A-F]{24}$/;
const timelineHistory = /^[0-9A-F]{8}\.history$/;

/** A copy that is to be made. */
interface Copy {
  folder: string;
  /** Must not exist. */
  target: string;
  signal: AbortSignal;
}

/**
 * Copies a database cluster while its server runs and changes it: PostgreSQL's low-level base backup. The files are copied as they are
 * found, each at another moment, and some half-written; the WAL from the start to the end of the copy puts that right when a server
 * starts from it, which `backup_label` makes it do. A replication slot of the session keeps that WAL from being recycled meanwhile. Start
 * and end are on one session: if it breaks, the server forgets the backup and the slot.
 * @throws EmbeddedPostgresError, and the errors of the file system
 */
export async function copyRunningCluster(url: string, { folder, target, signal }: Copy): Promise<void> {
  const session = new Client({ connectionString: url });
  session.on('error', () => {}); // the statement that runs fails too
  try {
    await session.connect();
    await session.query(`SELECT pg_create_physical_replication_slot('backup_' || pg_backend_pid(), true, true)`);
    const first = await onlyValue(session, `SELECT pg_walfile_name(pg_backup_start('account-gateway', true)) AS value`);
    await copyFolder({
      folder,
      target,
      signal,
      isLeftOut: (path, name) => emptyFolders.includes(path) || ofServer.test(name) || leftOut.test(name),
    });
    const { rows } = await session.query<{ label: string; last: string }>(
      'SELECT ended.labelfile AS label, pg_walfile_name(ended.lsn) AS last FROM pg_backup_stop(false) AS ended',
    );
    const { label, last } = rows[0]!;
    for (const name of emptyFolders) await fs.mkdir(join(target, name), { mode: 0o700 });
    const isNeeded = (name: string) => timelineHistory.test(name) || (walSegment.test(name) && name >= first && name <= last);
    for (const name of (await fs.readdir(join(folder, 'pg_wal'))).filter(isNeeded)) {
      signal.throwIfAborted();
      await copyFile(join(folder, 'pg_wal', name), join(target, 'pg_wal', name));
    }
    await fs.writeFile(join(target, 'backup_label'), label, { mode: 0o600, flush: true });
  } catch (error) {
    if (signal.aborted || (error as NodeJS.ErrnoException).syscall !== undefined || error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(`PostgreSQL did not let its files be copied: ${(error as Error).message}`);
  } finally {
    await session.end().catch(() => undefined);
  }
}

/** Copies a database cluster without a server, which was shut down or had crashed. */
export function copyStoppedCluster(copy: Copy): Promise<void> {
  return copyFolder({ ...copy, isLeftOut: (_path, name) => ofServer.test(name) });
}

interface FolderCopy extends Copy {
  isLeftOut: (path: string, name: string) => boolean;
  /** Where the folder is in the cluster. */
  path?: string;
}

/** Files may come, grow, shrink and go meanwhile. What was copied is on the disk, not just in its cache. */
async function copyFolder(copy: FolderCopy): Promise<void> {
  const { folder, target, signal, isLeftOut, path = '' } = copy;
  await fs.mkdir(target, { mode: 0o700 });
  for (const entry of await fs.readdir(folder, { withFileTypes: true }).catch(goneIsEmpty)) {
    signal.throwIfAborted();
    const { name } = entry;
    const [from, to, itsPath] = [join(folder, name), join(target, name), join(path, name)];
    if (isLeftOut(itsPath, name)) continue;
    if (entry.isSymbolicLink())
      throw new EmbeddedPostgresError(`${from} leads out of the cluster, as tablespaces do; it cannot be copied.`);
    if (entry.isDirectory()) await copyFolder({ ...copy, folder: from, target: to, path: itsPath });
    else if (entry.isFile()) await copyFile(from, to).catch(ignore('ENOENT'));
  }
}

function goneIsEmpty(error: NodeJS.ErrnoException): [] {
  if (error.code !== 'ENOENT') throw error;
  return [];
}

async function copyFile(from: string, to: string): Promise<void> {
  await fs.copyFile(from, to);
  const copy = await fs.open(to, 'r+');
  await copy.sync().finally(() => copy.close());
}

async function onlyValue(session: Client, sql: string): Promise<string> {
  const { rows } = await session.query<{ value: string }>(sql);
  return rows[0]!.value;
}
