import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './errors.js';
import { dataPath, makeUnfinishedFolder, removeFolder, syncFolder } from './folders.js';
import type { ServerUser } from './server-user.js';
import { messageOf, run, serverEnvironment } from './system.js';

/**
 * Creates the database cluster unless it exists: under another name first, so that a killed first start leaves nothing
 * half-made. If two starts do this at once, the rename of one fails; the loser goes on, and finds the winner's server running.
 */
export async function createCluster(folder: string, isReachable: boolean, binaries: string, user: ServerUser): Promise<void> {
  const exists = () => existsSync(join(folder, 'PG_VERSION'));
  if (exists()) return;
  const unfinished = await makeUnfinishedFolder(dirname(folder));
  try {
    if (user.uid !== undefined) await fs.chown(unfinished, user.uid, user.gid);
    const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];
    const access = ['--username=postgres', '--auth-local=trust', '--auth-host=reject'];
    const args = ['-D', dataPath(unfinished, isReachable), ...locale, ...access];
    await run(join(binaries, 'initdb'), args, { ...user, cwd: unfinished, env: serverEnvironment });
    await fs.rename(unfinished, folder);
    await syncFolder(dirname(folder));
  } catch (error) {
    await removeFolder(unfinished);
    if (!exists()) throw new EmbeddedPostgresError(`No database could be created in ${folder}: ${messageOf(error)}`);
  }
}
