import { defineConfig } from 'vitest/config';
import { common, run, together } from './vitest.config.js';

/**
 * The tests of what reaches PostgreSQL, once more behind PgBouncer in transaction mode. Left out: those that have a
 * PostgreSQL of their own (process, crash, embedded-postgres, replica), and those that are about other things than the
 * database (unit tests, the wire, the explorer, the documented programs) or ask it the same as these do, for longer.
 */
export default defineConfig({
  ...common,
  test: {
    ...common.test,
    ...run,
    ...together,
    globalSetup: [...run.globalSetup, 'test/pooled/pgbouncer-setup.ts'],
    env: { RACE_ROUNDS: '10' },
    include: [
      'test/pooled/*.pooled.ts',
      'test/conformance/*.test.ts',
      'test/security/tenant-matrix/*.test.ts',
      'test/events/{delivery-races,events,webhooks}.test.ts',
      'test/resilience/deliveries.test.ts',
      'test/security/{locks,revocation,sign-in-limits}.test.ts',
      'test/{surface,database,resilience}/{broken-connections,credentials,graphql,races-*,schema,starts-at-once,statements,tree-locks}.test.ts',
    ],
  },
});
