import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { writtenAgainst } from '../../src/persistence/connection/driver.js';

it.each(Object.entries(writtenAgainst))(
  'the inside of %s that the gateway uses was read in the version that is installed; after an upgrade, read it again (ADR 39)',
  async (name, version) => {
    const installed = JSON.parse(await readFile(`node_modules/${name}/package.json`, 'utf8')) as { version: string };
    const { dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as { dependencies: Record<string, string> };
    expect({ installed: installed.version, wanted: dependencies[name] }).toEqual({ installed: version, wanted: version });
  },
);
