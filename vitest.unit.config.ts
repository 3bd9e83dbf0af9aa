import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.js';

/** The tests that need neither a database nor a process of their own. Mutation testing runs them many times. */
export default defineConfig({
  ...mergeConfig(base, {}),
  test: { ...base.test, include: ['test/unit/**/*.test.ts'], globalSetup: [] },
});
