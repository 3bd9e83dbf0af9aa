import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { folderOfRun } from './run-folder.js';

const memory = '/dev/shm';

/** All tests together keep there a quarter of it at most. */
const enough = 8 * 1024 ** 3;

/**
 * Keeps the temporary files of this run in memory, where there is plenty of it, unless TMPDIR says where. Tests make and remove databases by
 * the hundred, each of some three hundred files: on ext4, finding free inodes among recently deleted ones took a third of PostgreSQL's processor time.
 */
export function keepTemporaryFilesInMemory(): void {
  if (process.env.TMPDIR !== undefined || !isUsable()) return;
  const folder = folderOfRun(memory, 'gateway-tests');
  mkdirSync(folder);
  // As /tmp: other users' programs are started too, such as MariaDB.
  chmodSync(folder, 0o1777);
  process.env.TMPDIR = folder;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
}

function isUsable(): boolean {
  if (!existsSync(memory)) return false;
  const { bavail, bsize } = statfsSync(memory);
  if (Math.min(bavail * bsize, freemem()) < enough) return false;
  // In containers often no program can be started from there, as PostgreSQL's are in some tests.
  const options = /^\S+ \/dev\/shm \S+ (\S+)/m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
  return options !== undefined && !options.split(',').includes('noexec');
}
