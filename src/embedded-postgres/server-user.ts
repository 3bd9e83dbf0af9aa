import * as fs from 'node:fs/promises';
import { EmbeddedPostgresError } from './errors.js';
import { run } from './system.js';

/** The system user that the server runs as; empty means ours. PostgreSQL refuses to run as root. */
export type ServerUser = { uid: number; gid: number } | { uid?: never; gid?: never };

/**
 * Started by root: the user who owns the cluster already, so that the data stays usable whatever users the machine gains or loses.
 * For a new cluster, or one restored by root: `postgres` if it exists, otherwise `nobody`.
 */
export async function serverUserOf(folder: string): Promise<ServerUser> {
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

/** Whether the user may enter the folder. */
export async function canEnter(directory: string, user: ServerUser): Promise<boolean> {
  if (user.uid === undefined) return true;
  return run('/bin/sh', ['-c', 'cd "$0"', directory], { ...user, cwd: '/' }).then(
    () => true,
    () => false,
  );
}
