import { spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { fastShutdownSeconds, lockHolderOf, ownerSetting } from './lock-file.js';
import type { ServerUser } from './server-user.js';
import { serverEnvironment } from './system.js';

/** A database cluster, and how its server is started. */
export interface Cluster {
  folder: string;
  /** How the server names `folder`, in which it also runs. */
  dataPath: string;
  socketFolder: string;
  binaries: string;
  user: ServerUser;
  settings: Record<string, string>;
  onLog: (line: string) => void;
}

/** The main process of a running PostgreSQL server. */
export interface Postmaster {
  pid: number;
  hasExited(): boolean;
  /** Resolves when the server *and* every process that it left behind are gone. They share its log. */
  closed: Promise<void>;
  lastLines: string[];
}

/** The connection URL. The port and sslmode override stray PG* variables. */
export function urlOf(socketFolder: string): string {
  return `postgresql:///postgres?host=${encodeURIComponent(socketFolder)}&user=postgres&port=5432&sslmode=disable`;
}

/**
 * A shell leaves a watchdog behind and then becomes the postmaster, so that our child *is* the postmaster. The watchdog
 * waits for a line on a pipe that only this process holds. A line means that the server has ended. The end of the pipe without a line
 * means that this process has ended, and the watchdog asks for a fast shutdown. `detached` puts both into a session of their own, out
 * of reach of Ctrl-C, because the gateway drains first.
 */
const watchedPostmaster = `
  (
    trap "" HUP INT TERM
    read -r _ && exit
    kill -INT $$
    for _ in $(seq ${fastShutdownSeconds * 5}); do
      kill -0 $$ || exit
      sleep 0.2
    done
    kill -QUIT $$
  ) <&3 >/dev/null 2>&1 &
  exec "$0" "$@" 3<&-`;

/**
 * Starts the server, which is stopped when the signal aborts.
 * @param staleHolder the pid in a lock file that is stale: PostgreSQL does not take that process for a rival
 */
export async function spawnPostmaster(cluster: Cluster, staleHolder: number | undefined, signal: AbortSignal): Promise<Postmaster> {
  const { folder, socketFolder, binaries, user, onLog } = cluster;
  const settings = {
    ...cluster.settings,
    listen_addresses: '',
    port: '5432',
    unix_socket_directories: socketFolder === folder ? '.' : socketFolder,
    [ownerSetting]: `${process.pid}`,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const options: SpawnOptions = {
    ...user,
    cwd: folder,
    env: staleHolder === undefined ? serverEnvironment : { ...serverEnvironment, PG_GRANDPARENT_PID: `${staleHolder}` },
    detached: true,
    signal,
    killSignal: 'SIGINT',
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  };
  const child = spawn('/bin/sh', ['-c', watchedPostmaster, join(binaries, 'postgres'), '-D', cluster.dataPath, ...args], options);
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  const insist = () => setTimeout(() => child.kill('SIGQUIT'), fastShutdownSeconds * 1_000).unref();
  signal.addEventListener('abort', insist, { once: true });
  child.once('exit', () => signal.removeEventListener('abort', insist));
  child.on('error', () => {}); // the AbortError of `signal`; `closed` resolves when it has taken effect
  await once(child, 'spawn');

  const lastLines: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (lastLines.push(line) > 10) lastLines.shift();
    onLog(line);
  });
  const pipe = child.stdio[3] as Socket;
  pipe.on('error', () => {}).resume();
  child.once('exit', () => pipe.end('\n'));
  return { pid: child.pid!, closed, lastLines, hasExited: () => child.exitCode !== null || child.signalCode !== null };
}

/** Waits until *this* postmaster, not a rival on the same socket, answers a query. Returns false if it ends before. */
export async function becomesReady({ folder, socketFolder }: Cluster, postmaster: Postmaster): Promise<boolean> {
  while (!postmaster.hasExited()) {
    const holder = await lockHolderOf(folder);
    if (holder?.pid === postmaster.pid && holder.status === 'ready' && (await answers(socketFolder))) return true;
    await sleep(10);
  }
  return false;
}

async function answers(socketFolder: string): Promise<boolean> {
  const client = new Client({ connectionString: urlOf(socketFolder), connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  const answered = await client
    .connect()
    .then(() => client.query('SELECT 1'))
    .then(
      () => true,
      () => false,
    );
  await client.end().catch(() => undefined);
  return answered;
}
