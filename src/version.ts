import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version of the gateway, as package.json has it. The compiled program lies one folder deeper than its source. */
export const version = versionIn(dirname(fileURLToPath(import.meta.url)));

function versionIn(folder: string): string {
  const file = join(folder, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : versionIn(dirname(folder));
}
