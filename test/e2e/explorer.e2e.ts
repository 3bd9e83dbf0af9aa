import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestBrowser, type WatchedPage, startBrowser } from '../support/browser.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { patience } from '../support/patience.js';

let gateway: GatewayProcess;
let browser: TestBrowser;
let watched: WatchedPage;
let page: Page;

beforeAll(async () => {
  gateway = await startGateway();
  browser = await startBrowser('explorer');
});

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
});

beforeEach(async () => {
  watched = await browser.open(`${gateway.url}/graphiql`);
  ({ page } = watched);
  await page.getByRole('tab', { name: 'Tree' }).waitFor();
  return () => page.close();
});

describe('GraphiQL', () => {
  it('shows the tree to who has signed in, and keeps nothing', async () => {
    await signIn(gateway.adminPassword);
    await expectText('status', gateway.adminEmail);
    await page.keyboard.press('Control+Enter'); // the query editor has the focus
    await expect.poll(answer, { timeout: patience }).toContain(`"emailAddress": "${gateway.adminEmail}"`);
    expect(await answer()).not.toContain('"errors"');
    await watched.screenshot('tree');

    await page.waitForTimeout(1000); // GraphiQL saves tabs half a second after an edit
    expect(await kept()).toEqual({ local: 0, session: 0, cookies: '', address: `${gateway.url}/graphiql` });
    watched.expectPeace();
  });

  it('has examples that fit the schema', async () => {
    await signIn(gateway.adminPassword);
    for (const name of ['Tree', 'CreateAccount', 'CloseAccount', 'MigrateAccount']) {
      await page.getByRole('tab', { name }).click();
      await page.waitForTimeout(1000); // the linter waits before it marks
      await watched.screenshot(name);
      expect({ name, marked: await page.locator('.CodeMirror-lint-mark-error').allTextContents() }).toEqual({ name, marked: [] });
    }
    watched.expectPeace();
  });

  it('opens its dialogs, documentation and history under the policy', async () => {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.getByText('Docs', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Show History' }).click();
    for (const dialog of ['short keys', 'settings']) {
      await page.getByRole('button', { name: `Open ${dialog} dialog` }).click();
      await page.getByRole('dialog').waitFor();
      await watched.screenshot(dialog);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
    watched.expectPeace();
  });

  it('says so when the credentials are wrong, and lets one try again', async () => {
    await signIn('not-the-password');
    await expectText('alert', 'Wrong credentials');
    await watched.screenshot('wrong-credentials');
    expect(await page.getByRole('button', { name: 'Sign out' }).isVisible()).toBe(false);
    expect(watched.complaints.splice(0)).toEqual([expect.stringContaining('status of 401')]);

    await page.keyboard.type(gateway.adminPassword); // the wrong one is selected
    await page.keyboard.press('Enter');
    await expectText('status', gateway.adminEmail);
    expect(await page.getByRole('alert').textContent()).toBe('');
    watched.expectPeace();
  });

  it('forgets credentials and answers on signing out, but not the questions', async () => {
    await signIn(gateway.adminPassword);
    await expectText('status', gateway.adminEmail);
    await page.getByRole('button', { name: 'Add tab' }).click();
    await page.locator('.graphiql-query-editor .CodeMirror').click();
    await page.keyboard.insertText('query Mine { viewer { emailAddress } }');
    await page.getByRole('tab', { name: 'Mine' }).waitFor(); // GraphiQL has seen what the operation is called
    await page.keyboard.press('Control+Enter');
    await expect.poll(answer, { timeout: patience }).toContain(gateway.adminEmail);

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect(await page.content()).not.toContain(gateway.adminEmail);
    await page.getByRole('tab', { name: 'Mine' }).click();
    const [sent] = await Promise.all([page.waitForRequest('**/graphql'), page.getByRole('button', { name: /^Execute/ }).click()]);
    expect(await sent.allHeaders()).not.toHaveProperty('authorization');
    await watched.screenshot('signed-out');
  });

  it.each(['light', 'dark'] as const)('fits a telephone, %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 360, height: 740 });
    await watched.screenshot(`telephone-${colorScheme}`);
    await signIn(gateway.adminPassword);
    await expectText('status', gateway.adminEmail);
    await watched.screenshot(`telephone-${colorScheme}-signed-in`);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    watched.expectPeace();
  });
});

async function signIn(secret: string): Promise<void> {
  await page.getByLabel('SID or e-mail address').pressSequentially(gateway.adminEmail);
  await page.getByLabel('Password or AuthToken').pressSequentially(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

function answer(): Promise<string> {
  return page.locator('.result-window').innerText();
}

async function expectText(role: 'alert' | 'status', text: string): Promise<void> {
  await page.getByRole(role).filter({ hasText: text }).waitFor({ timeout: patience });
}

function kept(): Promise<unknown> {
  return page.evaluate(
    '({ local: localStorage.length, session: sessionStorage.length, cookies: document.cookie, address: location.href })',
  );
}
