import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { DataFolderError } from './errors.js';
import type { ServerUser } from './server-user.js';
import { messageOf } from './system.js';

/** The name of the server's socket in its folder. */
export const socketName = '.s.PGSQL.5432';

/** The shortest limit on the path of a unix socket is that of macOS; all platforms keep to it, so that they behave the same. */
const maxSocketPathBytes = 103;

const unfinishedPrefix = 'unfinished-';

/** Creates the folder if it is missing, and returns its absolute path. @throws DataFolderError */
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

/**
 * Creates a folder and the missing ones above it; returns whether it did. The `recursive` of Node.js never ends where the
 * system says that an existing folder does not exist, as Linux does for /proc.
 */
export async function makeFolder(folder: string): Promise<boolean> {
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

/** Creates a folder for something that is renamed once it is finished. */
export function makeUnfinishedFolder(directory: string): Promise<string> {
  return fs.mkdtemp(join(directory, unfinishedPrefix));
}

/** Whether a folder of that name holds something that was not finished. */
export function isUnfinished(name: string): boolean {
  return name.startsWith(unfinishedPrefix);
}

/** Makes sure that names which were given in the folder outlive a power failure. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder);
  await handle.sync().finally(() => handle.close());
}

/** Removes a folder with all that is in it, even while a program that lost its gateway still writes there: it is tried again for 11 s. */
export function removeFolder(folder: string): Promise<void> {
  return fs.rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}

/** Removes what killed starts left behind. Our server is running, so whoever may still be creating another has lost. */
export async function removeUnfinished(directory: string): Promise<void> {
  const leftovers = (await fs.readdir(directory)).filter(isUnfinished);
  await Promise.all(leftovers.map((name) => removeFolder(join(directory, name)).catch(() => undefined)));
}

/**
 * How the server names its folder. Below a folder that the server's user may not traverse, such as /root, no absolute path
 * leads to the cluster, and PostgreSQL makes every path absolute. But it runs in the cluster's folder, which was entered before root's
 * rights were dropped, and Linux follows /proc/self/cwd straight to it. So nobody's permissions have to be loosened.
 */
export function dataPath(folder: string, isReachable: boolean): string {
  return isReachable || process.platform !== 'linux' ? folder : '/proc/self/cwd';
}

/** The cluster's own folder, which is 0700 and the server's already. If its path is too long: a short private folder. */
export async function socketFolderOf(folder: string, user: ServerUser): Promise<string> {
  if (Buffer.byteLength(join(folder, socketName)) <= maxSocketPathBytes) return folder;
  const short = await fs.mkdtemp(join(tmpdir(), 'postgres-'));
  if (user.uid !== undefined) await fs.chown(short, user.uid, user.gid);
  return short;
}
