import { expect, it } from 'vitest';

/** Imported by a test, so that a module whose tables cannot be set up fails one: a test file that does not load has no test to fail. */
const modules = {
  account: () => import('../../src/domain/account.js'),
  'account-list': () => import('../../src/domain/account-list.js'),
  history: () => import('../../src/domain/history.js'),
  organization: () => import('../../src/domain/organization.js'),
  page: () => import('../../src/domain/page.js'),
  'password-policy': () => import('../../src/domain/password-policy.js'),
  permissions: () => import('../../src/domain/permissions.js'),
  profile: () => import('../../src/domain/profile.js'),
};

it.each(Object.entries(modules))('the rules of %s load', async (_name, load) => {
  expect(Object.keys(await load()).length).toBeGreaterThan(0);
});
