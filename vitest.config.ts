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
};

/** Processes of tests at once at most: each has gateways, with connections to that PostgreSQL. */
const workersAtMost = 8;

/** A process for each file: four for each processor, since what waits for programs keeps none busy. */
export const alone = { maxWorkers: Math.min(workersAtMost, 4 * availableParallelism()) };

/**
 * Processes that take one file after the other, so that each loads the gateway, and compiles its code, only once. Two for each
 * processor keep these busy; with four, compiling took a quarter of the processor time.
 */
export const together = { isolate: false, maxWorkers: Math.min(workersAtMost, 2 * availableParallelism()) };

/**
 * Files that need a process that has run nothing before, since they measure its time or memory, change or count what it has loaded, or look at
 * the plans of statements, of which a process has only so many prepared; and those that wait most of their time, for programs or for clocks:
 * beside each other in the few processes below, they leave the processors without work.
 */
const aloneFiles = [
  'test/process/*.test.ts',
  'test/cli/*.test.ts',
  'test/unit/{loading,passwords,redaction}.test.ts',
  'test/property/json-source.test.ts',
  'test/security/{connections,hashing,linear-time,no-eval,secrets,timing}.test.ts',
  'test/surface/{long-list,openapi}.test.ts',
  'test/subresources/slow-and-broken.test.ts',
  'test/database/{database-check,heap-only,rows,schema-change,shares,small-trees,statements}.test.ts',
  'test/resilience/{clock,crash,deliveries,failure,full-disk,journal,killed-migration,soak}.test.ts',
];

export default defineConfig({
  test: {
    ...run,
    projects: [
      { ...common, test: { ...common.test, ...alone, name: 'alone', include: aloneFiles, sequence: { groupOrder: 0 } } },
      {
        ...common,
        test: {
          ...common.test,
          ...together,
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: aloneFiles,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
