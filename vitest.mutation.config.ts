import { defineConfig } from 'vitest/config';
import base from './vitest.config.js';

/**
 * The tests that mutants are held against: those of rules, which need no database, no process of their own and no time. What is
 * left out takes seconds, and would be run for nearly every mutant.
 */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/unit/**/*.test.ts'],
    exclude: ['test/unit/{admission,config,config-values,database-check,documentation,driver,graphql-error,passwords}.test.ts'],
    globalSetup: [],
    isolate: false,
  },
});
