// The first file that runs, in words that every Node.js understands: where the rest cannot run, that is told before it is tried.
import { existsSync, readFileSync } from 'node:fs';

/** Connections, the files of the program while it is loaded, and the embedded PostgreSQL, which needs 60 for each of its processes. */
const filesAtLeast = 256;

const mistake = mistakeOfVersion(process.versions.node) ?? mistakeOfLimits('/proc/self/limits');
if (mistake === undefined) {
  void import('./main.js');
} else {
  process.stderr.write(`${mistake}\n`);
  process.exitCode = 78;
}

function mistakeOfVersion(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return undefined;
  return `The account gateway needs Node.js 20.19 or later; this is ${version}.`;
}

/** How many files may be open: known by Linux's list of limits, where there is one. Node.js has made it as many as it may. */
function mistakeOfLimits(list: string): string | undefined {
  const [, files] = (existsSync(list) && /^Max open files +(\d+)/m.exec(readFileSync(list, 'utf8'))) || [];
  if (files === undefined || Number(files) >= filesAtLeast) return undefined;
  return `Only ${files} files may be open at once (ulimit -n); the account gateway needs ${filesAtLeast} or more.`;
}
