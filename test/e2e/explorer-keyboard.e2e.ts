import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { violationsOf } from '../support/axe.js';
import { type TestBrowser, startBrowser } from '../support/browser.js';
import { type ExplorerPage, openExplorer } from '../support/explorer-page.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { patience } from '../support/patience.js';

let gateway: GatewayProcess;
let browser: TestBrowser;
let explorer: ExplorerPage;

beforeAll(async () => {
  gateway = await startGateway();
  browser = await startBrowser('explorer-keyboard');
});

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
});

beforeEach(async () => {
  explorer = await openExplorer(browser, gateway);
  await explorer.signIn();
  await explorer.expectText('status', 'Super Admin');
  return () => explorer.page.close();
});

/** Where the focus is: the part of GraphiQL whose editor has it, or else what the element is called. */
function focus(): Promise<string> {
  return explorer.page.evaluate(() => {
    const element = (globalThis as any).document.activeElement;
    const part = element.closest('.CodeMirror')?.closest('.graphiql-query-editor, .graphiql-editor-tool, .result-window');
    return part?.className.split(' ')[0] ?? element.getAttribute('aria-label') ?? element.id ?? element.tagName;
  });
}

describe('the keyboard in GraphiQL', () => {
  it.each(['query', 'variables'] as const)(
    'leaves the editor of the %s by Esc and Tab, both ways, and indents by Tab alone',
    async (editor) => {
      const { page } = explorer;
      await explorer.write(editor, '{');
      const inside = await focus();
      await page.keyboard.press('Tab');
      expect(await focus()).toBe(inside);
      expect(await explorer.read(editor)).not.toBe('{');

      await page.keyboard.press('Escape');
      await page.keyboard.press('Tab');
      expect(await focus()).not.toBe(inside);
      await page.keyboard.press('Escape'); // what follows may be an editor too
      await page.keyboard.press('Shift+Tab');
      expect(await focus()).toBe(inside);
      await page.keyboard.press('Escape');
      await page.keyboard.press('Shift+Tab');
      expect(await focus()).not.toBe(inside);
      explorer.expectPeace();
    },
  );

  it('reaches everything by Tab alone after Ctrl-M, and says so', async () => {
    const { page } = explorer;
    await page.locator('.graphiql-query-editor .CodeMirror').click();
    await page.keyboard.press('Control+m');
    await explorer.expectText('status', 'Tab leaves the editors now.');
    const visited = new Set<string>();
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press('Tab');
      visited.add(await focus());
    }
    for (const place of ['graphiql-query-editor', 'graphiql-editor-tool', 'sign-out', 'Show History', 'Open settings dialog']) {
      expect([...visited]).toContain(place);
    }
    await page.locator('.graphiql-query-editor .CodeMirror').click();
    await page.keyboard.press('Control+m');
    await explorer.expectText('status', 'Tab indents in the editors again.');
    await page.keyboard.press('Tab');
    expect(await focus()).toBe('graphiql-query-editor');
  });

  it('searches the documentation by Ctrl-K, from an editor too, as the field of the search says', async () => {
    const { page } = explorer;
    await page.locator('.graphiql-query-editor .CodeMirror').click();
    const before = await explorer.read('query');
    await page.keyboard.press('Control+k');
    const field = page.locator('.graphiql-doc-explorer-search input');
    await field.waitFor({ timeout: patience });
    expect(await field.getAttribute('placeholder')).toBe('Ctrl K');
    expect(await page.locator('.CodeMirror-hints').count()).toBe(0);
    await expect.poll(() => field.evaluate((element: any) => element.ownerDocument.activeElement === element)).toBe(true);
    await page.keyboard.type('migrateAccount');
    await page
      .getByRole('option', { name: /migrateAccount/ })
      .first()
      .waitFor({ timeout: patience });
    expect(await explorer.read('query')).toBe(before);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Sign out' }).focus();
    await page.keyboard.press('Control+k');
    expect(await field.evaluate((element: any) => element.ownerDocument.activeElement === element)).toBe(true);
    await explorer.screenshot('documentation');
    explorer.expectPeace();
  });
});

it('the query builder writes a query, under the policy of the page', async () => {
  const { page } = explorer;
  await page.getByRole('button', { name: 'New tab' }).click();
  await page.getByRole('button', { name: 'Show GraphiQL Explorer' }).click();
  const builder = page.locator('.graphiql-explorer-root');
  await builder.getByText('viewer', { exact: true }).first().click({ timeout: patience });
  await builder.getByText('emailAddress', { exact: true }).first().click();
  await expect.poll(() => explorer.read('query'), { timeout: patience }).toMatch(/viewer \{\s+emailAddress/);
  expect((await explorer.run()).data).toEqual({ viewer: { emailAddress: gateway.adminEmail } });
  await explorer.screenshot('query-builder');
  explorer.expectPeace();
});

it.each(['light', 'dark'] as const)('axe finds nothing against what is ours of the page, %s', async (colorScheme) => {
  const { page } = explorer;
  await page.emulateMedia({ colorScheme });
  const builder = page.locator('.graphiql-explorer-root');
  const shown = page.getByRole('button', { name: 'Show GraphiQL Explorer' });
  if ((await shown.count()) > 0) await shown.click();
  await builder.getByText('viewer', { exact: true }).first().waitFor({ timeout: patience });
  const signedIn = await violationsOf(page, '.graphiql-container');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  const signedOut = await violationsOf(page, '.graphiql-container');
  expect([signedIn.ours, signedOut.ours]).toEqual([[], []]);
  // GraphiQL's own faults, listed so that a new one is noticed. Which of them are there depends on what it has loaded.
  const known = ['color-contrast', 'label', 'nested-interactive', 'scrollable-region-focusable', 'select-name'];
  expect(known).toEqual(expect.arrayContaining(signedIn.theirs));
});
