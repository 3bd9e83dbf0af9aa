import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const read = (file: string): string => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');

it('however the program is started, Node.js gets the same options', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const commands = [read('src/entry.ts').split('\n')[0]!, ...Object.values(scripts).filter((script) => script.includes('/entry.js'))];
  const options = commands.map((command) => [...command.slice(command.lastIndexOf('node ')).matchAll(/--(?!watch\b)\S+/g)].join(' '));
  expect(options.length).toBeGreaterThan(5);
  expect([...new Set(options)]).toEqual([expect.stringMatching(/^--enable-source-maps --max-semi-space-size=\d+$/)]);
});
