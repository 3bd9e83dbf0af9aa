import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from './is-alive.js';

/** Where this run keeps something of that name in the folder; whoever asks makes and removes it. Removes what interrupted runs have left there. */
export function folderOfRun(folder: string, name: string): string {
  for (const each of existsSync(folder) ? readdirSync(folder) : []) {
    const [, pid] = new RegExp(`^${name}-(\\d+)$`).exec(each) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, each), { recursive: true, force: true });
  }
  return join(folder, `${name}-${process.pid}`);
}
