import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './is-alive.js';

const memory = '/dev/shm';

/** All tests together keep there a quarter of it at most. */
const enough = 8 * 1024 ** 3;

/**
 * Keeps the temporary files of this run in memory, where there is plenty of it, unless TMPDIR says where. Tests make and remove databases by
 * the hundred, each of some three hundred files: on ext4, finding free inodes among recently deleted ones took a third of PostgreSQL's processor time.
 */
export function keepTemporaryFilesInMemory(): void {
  if (process.env.TMPDIR !== undefined || !isUsable()) return;
  removeLeftOver();
  const folder = join(memory, `gateway-tests-${process.pid}`);
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

/** Removes what interrupted runs have left. */
function removeLeftOver(): void {
  for (const name of readdirSync(memory)) {
    const [, pid] = /^gateway-tests-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(memory, name), { recursive: true, force: true });
  }
}
