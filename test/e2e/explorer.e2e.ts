import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestBrowser, type WatchedPage, startBrowser } from '../support/browser.js';
import { dialogWarning } from '../support/explorer-page.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { metricsUrlOf } from '../support/gateway-folder.js';
import { postGraphql } from '../support/graphql-client.js';
import { eventually, patience } from '../support/patience.js';

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
  it('shows the tree to who has signed in, and keeps neither credentials nor answers', async () => {
    await signIn(gateway.adminPassword);
    await expectText('status', gateway.adminEmail);
    await page.keyboard.press('Control+Enter'); // the query editor has the focus
    await expect.poll(answer, { timeout: patience }).toContain(`"emailAddress": "${gateway.adminEmail}"`);
    expect(await answer()).not.toContain('"errors"');
    await watched.screenshot('tree');

    await page.waitForTimeout(1000); // GraphiQL saves tabs half a second after an edit
    const kept: string = await page.evaluate('JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])');
    for (const part of [gateway.adminPassword, gateway.adminEmail, 'Basic']) expect(kept).not.toContain(part);
    watched.expectPeace();
  });

  it('has examples that fit the schema', async () => {
    await signIn(gateway.adminPassword);
    for (const name of ['Tree', 'CreateOrganization', 'CreateAccount', 'Suspend', 'WhoIsOff', 'DryRun', 'Migrate', 'History', 'Events']) {
      await page
        .getByRole('tab')
        .filter({ hasText: new RegExp(`^${name}`) })
        .click();
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
    expect(watched.complaints.splice(0)).toEqual([dialogWarning, dialogWarning]);
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
    const variables = (): Promise<string> =>
      page
        .locator('.graphiql-editor-tool .CodeMirror')
        .first()
        .evaluate((editor: any) => editor.CodeMirror.getValue());
    await page.getByRole('tab', { name: 'CreateAccount' }).click();
    await expect.poll(variables, { timeout: patience }).toMatch(/"password": "(?!")/);
    const { password } = JSON.parse(await variables()).input;
    await page.getByRole('button', { name: 'New tab' }).click();
    await page.locator('.graphiql-query-editor .CodeMirror').click();
    await page.keyboard.insertText('query Mine { viewer { emailAddress } }');
    await page.getByRole('tab', { name: 'Mine' }).waitFor(); // GraphiQL has seen what the operation is called
    await page.keyboard.press('Control+Enter');
    await expect.poll(answer, { timeout: patience }).toContain(gateway.adminEmail);

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect(await page.content()).not.toContain(gateway.adminEmail);
    await page.getByRole('tab', { name: 'CreateAccount' }).click();
    await expect.poll(variables, { timeout: patience }).toMatch(/"password": "(?!")/);
    expect(await variables()).not.toContain(password);
    await page.getByRole('tab', { name: 'Mine' }).click();
    const [sent] = await Promise.all([page.waitForRequest('**/graphql'), page.getByRole('button', { name: /^Execute/ }).click()]);
    expect(await sent.allHeaders()).not.toHaveProperty('authorization');
    await watched.screenshot('signed-out');
  });

  it('keeps what a tab holds when another one is opened at the moment in which GraphiQL takes note of it', async () => {
    // GraphiQL takes note of a change a tenth of a second later.
    const openTabAfterNote = (note: number) =>
      page.evaluate(`new Promise((resolve) => {
        const later = setTimeout;
        let notes = 0;
        window.setTimeout = (work, milliseconds) => later(() => {
          work();
          if (milliseconds !== 100 || ++notes !== ${note}) return;
          window.setTimeout = later;
          document.querySelector('[aria-label="New tab"]').click();
          resolve();
        }, milliseconds);
        document.querySelector('[role=tab] [title=CreateAccount]').click();
      })`);
    const kept = async (): Promise<any[]> => JSON.parse(await page.evaluate('localStorage.getItem("graphiql:tabState")')).tabs;
    for (const note of [1, 2]) {
      await openTabAfterNote(note);
      await page.waitForTimeout(1000);
      for (const tab of (await kept()).filter(({ title }) => title !== '<untitled>')) {
        expect(tab.query).toContain(tab.title);
        if (tab.title === 'CreateAccount') expect(tab.variables).toContain('emailAddress');
      }
    }
    watched.expectPeace();
  });

  it('runs a subscription, shows what happens, and ends it on Stop, on signing out, and with its account', async () => {
    const superAdmin = { login: gateway.adminEmail, secret: gateway.adminPassword };
    const change = async (mutation: string): Promise<any> => {
      const { data, errors } = await postGraphql(gateway.url, superAdmin, `mutation { ${mutation} }`);
      expect(errors).toBeUndefined();
      return data;
    };
    const email = 'portal@company.com';
    const created = await change(
      `createAccount(input: { emailAddress: "${email}", password: "${gateway.adminPassword}", role: ADMINISTRATOR }) { account { sid } }`,
    );
    const { sid } = created.createAccount.account;
    const rename = (name: string) => change(`updateAccount(input: { sid: "${sid}", friendlyName: "${name}" }) { account { sid } }`);
    const openStreams = async (): Promise<string | undefined> =>
      /^gateway_streams_open (\d+)$/m.exec(await (await fetch(await metricsUrlOf(gateway))).text())?.[1];
    const expectOpen = (count: string) => eventually(async () => expect(await openStreams()).toBe(count));
    const execute = page.getByRole('button', { name: /^Execute/ });
    const stop = page.getByRole('button', { name: /^Stop/ });

    await signIn(gateway.adminPassword, email);
    await expectText('status', email);
    await page.getByRole('tab', { name: 'Events' }).click();
    await page.locator('.graphiql-editor-tool .CodeMirror').first().click();
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText(JSON.stringify({ accountSid: sid }));
    await execute.click();
    await expectOpen('1');
    await rename('Shown');
    await expect.poll(answer, { timeout: patience }).toContain('"friendlyName": "Shown"');
    await rename('Shown next');
    await expect.poll(answer, { timeout: patience }).toContain('"friendlyName": "Shown next"');
    expect(await answer()).toContain('"type": "ACCOUNT_UPDATED"');
    await watched.screenshot('subscription');

    await stop.click();
    await expectOpen('0');
    expect(await answer()).toContain('"friendlyName": "Shown next"');
    watched.expectPeace();

    await execute.click();
    await expectOpen('1');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await expectOpen('0');
    watched.expectPeace();

    await signIn(gateway.adminPassword, email);
    await expectText('status', email);
    await page.getByRole('tab', { name: 'Events' }).click();
    // The tab has its document and its operation a moment later.
    await page.locator('.graphiql-query-editor', { hasText: 'accountEvents' }).waitFor();
    await expect
      .poll(
        async () => {
          if ((await openStreams()) !== '1') await execute.click();
          return openStreams();
        },
        { timeout: patience, interval: 1000 },
      )
      .toBe('1');
    await change(`closeAccount(input: { sid: "${sid}" }) { reachedCount }`);
    await expect.poll(answer, { timeout: patience }).toContain('ACCOUNT_NOT_ACTIVE');
    await expectOpen('0');
    await execute.waitFor();
    await watched.screenshot('subscription-ended');
  });

  it.each(['light', 'dark'] as const)('fits a telephone, %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 360, height: 740 });
    await watched.screenshot(`telephone-${colorScheme}`);
    await signIn(gateway.adminPassword);
    await expectText('status', gateway.adminEmail);
    await watched.screenshot(`telephone-${colorScheme}-signed-in`);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    const [query, response] = await Promise.all(
      ['.graphiql-query-editor', '.graphiql-response'].map((part) => page.locator(part).boundingBox()),
    );
    expect(query!.width).toBeGreaterThan(300);
    expect(response!.y).toBeGreaterThanOrEqual(query!.y + query!.height);
    watched.expectPeace();
  });
});

async function signIn(secret: string, email = gateway.adminEmail): Promise<void> {
  await page.getByLabel('SID or e-mail address').pressSequentially(email);
  await page.getByLabel('Password or AuthToken').pressSequentially(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

function answer(): Promise<string> {
  return page.locator('.result-window').innerText();
}

async function expectText(role: 'alert' | 'status', text: string): Promise<void> {
  await page.getByRole(role).filter({ hasText: text }).waitFor({ timeout: patience });
}
