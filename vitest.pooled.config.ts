import { defineConfig, mergeConfig } from 'vitest/config';
import main from './vitest.config.js';

/**
 * The tests of what reaches PostgreSQL, once more behind PgBouncer in transaction mode. Left out: those that have a
 * PostgreSQL of their own (process, crash, embedded-postgres, replica), and those that are about other things than the
 * database (unit tests, the wire, the explorer, the documented programs) or ask it the same as these do, for longer.
 */
const pooled = defineConfig({
  test: {
    globalSetup: ['test/pooled/pgbouncer-setup.ts'],
    env: { RACE_ROUNDS: '10' },
  },
});
const config = mergeConfig(main, pooled);
// To merge would add these to the main list.
config.test.include = [
  'test/pooled/*.pooled.ts',
  'test/conformance/*.test.ts',
  'test/security/tenant-matrix/*.test.ts',
  'test/security/{locks,revocation,sign-in-limits}.test.ts',
  'test/{surface,database,resilience}/{broken-connections,credentials,graphql,races-*,schema,starts-at-once,statements,tree-locks}.test.ts',
];
export default config;
