import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { keepTemporaryFilesInMemory } from './test/support/memory-folder.js';
import { SlowestFirst } from './test/support/slowest-first.js';

keepTemporaryFilesInMemory();

/** What every configuration of the tests has. */
export const common = {
  // Without it, graphql is loaded twice: once as a module, once by those who require it.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    setupFiles: ['reflect-metadata'],
    // No test is about how fast the machine is: one that hangs is found as well after a while.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
};

/** Which tests run how, on the one PostgreSQL of the tests. */
export const run = {
  globalSetup: ['test/support/global-setup.ts'],
  sequence: { sequencer: SlowestFirst },
  // Four for each processor, since the slowest tests wait for most of their time. Each has gateways, with connections to that PostgreSQL.
  maxWorkers: Math.min(8, 4 * availableParallelism()),
};

/** Files that need a process that has run nothing before: they measure its time or memory, or change or count what it has loaded. */
const alone = [
  'test/process/*.test.ts',
  'test/unit/{loading,passwords,redaction}.test.ts',
  'test/property/json-source.test.ts',
  'test/security/{hashing,linear-time,no-eval,secrets,timing}.test.ts',
  'test/surface/{long-list,openapi}.test.ts',
  'test/database/shares.test.ts',
  'test/resilience/{clock,soak}.test.ts',
];

export default defineConfig({
  test: {
    ...run,
    projects: [
      { ...common, test: { ...common.test, name: 'alone', include: alone } },
      // One file after the other in the same process, where the gateway is loaded, and its code compiled, only once.
      { ...common, test: { ...common.test, name: 'together', include: ['test/**/*.test.ts'], exclude: alone, isolate: false } },
    ],
  },
});
