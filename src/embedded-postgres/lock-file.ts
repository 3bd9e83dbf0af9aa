import * as fs from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { socketName } from './folders.js';
import { run } from './system.js';

/** A setting of ours in the server's options, by which a later start knows which process started the server. */
export const ownerSetting = 'account_gateway.owner';

/**
 * How long a fast shutdown may take. It can get stuck while PostgreSQL recovers from a crash of its own; then PostgreSQL is told to end
 * at once, which is safe.
 */
export const fastShutdownSeconds = 15;

/** The process that postmaster.pid names. */
interface LockHolder {
  pid: number;
  status: string | undefined;
  /** Where its socket is, as an absolute path. */
  socketFolder: string;
  /** Whether that process really is a server of this folder. */
  isAlive: boolean;
}

/** Reads postmaster.pid: line 1 has the pid, line 5 the folder of the socket, line 8 the status. */
export async function lockHolderOf(folder: string): Promise<LockHolder | undefined> {
  const lines = (await fs.readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!pid) return undefined;
  const socketFolder = resolve(folder, lines[4] ?? '');
  // The process is seen even before it listens; the socket is seen even from another container with the same volume.
  const isAlive = (await isPostmasterOf(folder, pid)) || (await isListening(join(socketFolder, socketName)));
  return { pid, status: lines[7]?.trim(), socketFolder, isAlive };
}

async function isPostmasterOf(folder: string, pid: number): Promise<boolean> {
  try {
    if (process.platform !== 'linux') return (await run('ps', ['-o', 'comm=', '-p', `${pid}`])).stdout.includes('postgres');
    const [itsFolder, ours] = await Promise.all([fs.stat(`/proc/${pid}/cwd`), fs.stat(folder)]);
    return itsFolder.ino === ours.ino && itsFolder.dev === ours.dev;
  } catch {
    return false;
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((decide) => {
    const socket = connect(path, () => decide(true)).on('error', () => decide(false));
    socket.once('connect', () => socket.destroy());
  });
}

/**
 * Whether the server has lost the gateway that started it, and its watchdog too, which would have stopped it by now. The
 * gateway is the server's parent until it dies and the system assigns another one. The server's options say which process it was.
 */
export async function isOrphan(folder: string, pid: number): Promise<boolean> {
  if (!(await isPostmasterOf(folder, pid))) return false;
  const options = await fs.readFile(join(folder, 'postmaster.opts'), 'utf8').catch(() => '');
  const owner = new RegExp(`${ownerSetting}=(\\d+)`).exec(options)?.[1];
  return owner !== undefined && (await parentOf(pid)) !== Number(owner);
}

async function parentOf(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return Number((await run('ps', ['-o', 'ppid=', '-p', `${pid}`])).stdout);
  // After the name, which may contain anything: the state and the parent.
  const status = await fs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [, parent] = /.*\) \S (\d+)/s.exec(status) ?? [];
  return parent === undefined ? undefined : Number(parent);
}

/** Stops the server as its watchdog would have done. */
export async function stopOrphan(pid: number, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  for (let kill: NodeJS.Signals | 0 = 'SIGINT'; ; kill = performance.now() - began > fastShutdownSeconds * 1_000 ? 'SIGQUIT' : 0) {
    try {
      process.kill(pid, kill);
    } catch {
      return;
    }
    await sleep(100, undefined, { signal });
  }
}
