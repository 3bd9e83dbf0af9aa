import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/support/slowest-first.js';

export default defineConfig({
  // Without it, graphql is loaded twice: once as a module, once by those who require it.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['reflect-metadata'],
    sequence: { sequencer: SlowestFirst },
    // One more than processors, since many tests wait. Each has gateways, with connections to the one PostgreSQL of the tests.
    maxWorkers: Math.min(4, availableParallelism() + 1),
    // No test is about how fast the machine is: one that hangs is found as well after a while.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
