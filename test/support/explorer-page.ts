import type { Page, Response } from 'playwright-core';
import { expect } from 'vitest';
import type { TestBrowser, WatchedPage } from './browser.js';
import type { GatewayProcess } from './gateway-process.js';
import { patience } from './patience.js';

/** GraphiQL in a browser, as its user works with it. */
export interface ExplorerPage extends WatchedPage {
  signIn(secret?: string, email?: string): Promise<void>;
  /** Shows a tab, once its document is in the editor. */
  show(tab: string): Promise<void>;
  /** Replaces what the query editor or the variables' editor has. */
  write(editor: 'query' | 'variables', text: string): Promise<void>;
  /** What an editor has. */
  read(editor: 'query' | 'variables'): Promise<string>;
  /** Runs what is shown, and returns the answer to it. */
  run(): Promise<any>;
  /** The text of the answer that is shown. */
  answer(): Promise<string>;
  expectText(role: 'alert' | 'status', text: string): Promise<void>;
}

/** What GraphiQL's dialogs write to the console. It is a fault of GraphiQL's, and harmless. */
export const dialogWarning = 'Warning: Missing `Description` or `aria-describedby={undefined}` for {DialogContent}.';

const selectors = { query: '.graphiql-query-editor .CodeMirror', variables: '.graphiql-editor-tool .CodeMirror >> nth=0' };

/** Opens GraphiQL, at an address of its own if that is given. */
export async function openExplorer(browser: TestBrowser, gateway: GatewayProcess, search = ''): Promise<ExplorerPage> {
  const watched = await browser.open(`${gateway.url}/graphiql${search}`);
  await ready(watched.page);
  return explorerOn(watched, gateway);
}

/** Waits until GraphiQL has its editors. */
export async function ready(page: Page): Promise<void> {
  for (const selector of Object.values(selectors)) await page.locator(selector).waitFor({ timeout: patience });
}

function explorerOn(watched: WatchedPage, { adminEmail, adminPassword }: GatewayProcess): ExplorerPage {
  const { page } = watched;
  const read = (editor: 'query' | 'variables'): Promise<string> =>
    page.locator(selectors[editor]).evaluate((element: any) => element.CodeMirror.getValue());
  return {
    ...watched,
    read,
    async signIn(secret = adminPassword, email = adminEmail) {
      await page.getByLabel('SID or e-mail address').pressSequentially(email);
      await page.getByLabel('Password or AuthToken').pressSequentially(secret);
      await page.getByRole('button', { name: 'Sign in' }).click();
    },
    async show(tab) {
      await page
        .getByRole('tab')
        .filter({ hasText: new RegExp(`^${tab}\\b`) })
        .click();
      await expect.poll(() => read('query'), { timeout: patience }).toMatch(new RegExp(`(query|mutation|subscription) ${tab}\\b`));
    },
    async write(editor, text) {
      await page.locator(selectors[editor]).click();
      await page.keyboard.press('Control+A');
      await page.keyboard.press('Delete');
      await page.keyboard.insertText(text);
    },
    async run() {
      const isAnswer = (response: Response): boolean =>
        response.url().endsWith('/graphql') && !response.request().postData()!.includes('IntrospectionQuery');
      const [response] = await Promise.all([page.waitForResponse(isAnswer), page.getByRole('button', { name: /^Execute/ }).click()]);
      const answer = await response.json();
      await page.getByRole('button', { name: /^Execute/ }).waitFor();
      return answer;
    },
    answer: () => page.locator('.result-window').innerText(),
    expectText: (role, text) => page.getByRole(role).filter({ hasText: text }).waitFor({ timeout: patience }),
  };
}
