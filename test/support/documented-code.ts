import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The first block of code in the language in a guide. */
export function documentedCode(guide: string, language: string): string {
  const text = readFileSync(join(import.meta.dirname, '../../docs', guide), 'utf8');
  const code = text.split(`\`\`\`${language}\n`)[1]?.split('\n```')[0];
  if (code === undefined) throw new Error(`${guide} has no code in ${language}`);
  return code;
}
