import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs a program to its end. */
export const run = promisify(execFile);

/** What PostgreSQL gets instead of our environment: that holds secrets, and libpq's variables would change the server. */
export const serverEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/** A handler of rejections that ignores errors with these codes. */
export const ignore =
  (...codes: string[]) =>
  (error: NodeJS.ErrnoException) => {
    if (!codes.includes(error.code ?? '')) throw error;
  };

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
