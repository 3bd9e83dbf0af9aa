import { defineConfig } from 'vitest/config';
import { common } from './vitest.config.js';

/**
 * The tests that mutants are held against: unit tests that need no database, no process of their own and no time. A mutant of what
 * is set up as a module loads costs all of them, so the rules, which need no library, are held against their own tests alone. Each
 * file loads its modules anew: without that, such mutants pass unseen.
 */
const ofRules = [
  'account',
  'account-list',
  'account-rules',
  'actor',
  'errors',
  'history',
  'input',
  'loading',
  'organization',
  'page',
  'page-arguments',
  'password-policy',
  'permissions',
  'permission-table',
  'profile',
  'sign-in-limit',
  'subresource',
  'tree',
];
const ofAdapters = ['client-address', 'cost-budget', 'document-limits', 'expected-cost', 'fair-queue', 'rest', 'weight'];
// oxlint-disable-next-line node/no-process-env
const names = process.env.MUTATED === 'adapters' ? ofAdapters : ofRules;

export default defineConfig({
  ...common,
  test: { ...common.test, include: names.map((name) => `test/unit/${name}.test.ts`) },
});
