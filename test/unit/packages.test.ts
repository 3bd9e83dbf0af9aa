import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { describe, expect, it } from 'vitest';

interface LockedPackage {
  resolved?: string;
  engines?: { node?: string };
  deprecated?: string;
  hasInstallScript?: boolean;
}

const read = (file: string) => JSON.parse(readFileSync(join(import.meta.dirname, '../..', file), 'utf8'));
const { engines, allowScripts } = read('package.json') as { engines: { node: string }; allowScripts: Record<string, boolean> };
const { packages } = read('package-lock.json') as { packages: Record<string, LockedPackage> };
const namesOf = (chosen: (found: LockedPackage) => boolean) =>
  Object.keys(packages).flatMap((path) => (chosen(packages[path]!) ? [path.replace(/^.*node_modules\//, '')] : []));

/** Whether a package runs on Node.js 20.19 or later, and on 22 and 24 since these have long-term support. */
function runsEverywhere({ engines: its }: LockedPackage): boolean {
  const supported = ['20.19.0', '22.13.0', '24.11.0'];
  expect(supported.every((version) => semver.satisfies(version, engines.node))).toBe(true);
  return supported.every((version) => semver.satisfies(version, its?.node ?? '*'));
}

describe('npm install prints no warning: the packages', () => {
  it('all run on Node.js 20, 22 and 24', () => {
    expect(namesOf((found) => !runsEverywhere(found))).toEqual([]);
  });

  it('are not deprecated', () => {
    expect(namesOf(({ deprecated }) => deprecated !== undefined)).toEqual([]);
  });

  it('run no script of theirs when they are installed, and package.json says so for each that has one', () => {
    const withScript = namesOf(({ hasInstallScript }) => hasInstallScript === true);
    expect(allowScripts).toEqual(Object.fromEntries(withScript.map((name) => [name, false])));
  });
});

it('the lock file names no address to download from', () => {
  expect(namesOf(({ resolved }) => resolved !== undefined)).toEqual([]);
});
