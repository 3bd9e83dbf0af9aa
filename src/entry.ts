#!/usr/bin/env -S node --enable-source-maps --max-semi-space-size=32
// The first file that runs, in syntax that every Node.js understands: it reports a system that cannot run the rest before loading that.
import { existsSync, readFileSync } from 'node:fs';

/** For connections, for the program's own files while they load, and for the embedded PostgreSQL, whose processes need 60 each. */
const minOpenFiles = 256;

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

/** Checks how many files may be open, where Linux lists its limits. Node.js has raised the soft limit to the hard one already. */
function mistakeOfLimits(list: string): string | undefined {
  const [, files] = (existsSync(list) && /^Max open files +(\d+)/m.exec(readFileSync(list, 'utf8'))) || [];
  if (files === undefined || Number(files) >= minOpenFiles) return undefined;
  return `Only ${files} files may be open at once (ulimit -n); the account gateway needs ${minOpenFiles} or more.`;
}
