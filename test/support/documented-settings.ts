import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One environment variable, as the documentation has it. */
export interface DocumentedSetting {
  name: string;
  /** Nothing where the documentation names no value. */
  byDefault: string | undefined;
  meaning: string;
}

/** Every row of the tables of environment variables. */
export function documentedSettings(): DocumentedSetting[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([A-Z_]+)` +\| (?:`([^`]+)`)? *\| (.+?) *\|$/gm)];
  return rows.map(([, name, byDefault, meaning]) => ({ name: name!, byDefault, meaning: meaning! }));
}
