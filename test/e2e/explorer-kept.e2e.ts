import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestBrowser, startBrowser } from '../support/browser.js';
import { dialogWarning, openExplorer, ready } from '../support/explorer-page.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { patience } from '../support/patience.js';

let gateway: GatewayProcess;
let browser: TestBrowser;

beforeAll(async () => {
  gateway = await startGateway();
});

afterAll(async () => {
  await gateway?.stop();
});

beforeEach(async () => {
  browser = await startBrowser('explorer-kept'); // each time with a profile of its own
  return () => browser.close();
});

/** Everything that a page can leave behind in a browser, as one text. */
function leftBehind(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const { localStorage, sessionStorage, indexedDB, history, location, document, caches } = globalThis as any;
    const databases = await indexedDB.databases();
    const entries = (storage: any) => Object.keys(storage).map((key) => [key, storage.getItem(key)]);
    return JSON.stringify([
      entries(localStorage),
      entries(sessionStorage),
      databases,
      await caches?.keys(),
      history.state,
      location.href,
      document.cookie,
    ]);
  });
}

const lasting = 1500; // GraphiQL stores tabs half a second after an edit

describe('GraphiQL keeps', () => {
  it('tabs, queries, variables, the history and the theme over a reload, and asks to sign in again', async () => {
    const explorer = await openExplorer(browser, gateway);
    const { page } = explorer;
    await explorer.signIn();
    await explorer.expectText('status', gateway.adminEmail);
    await page.getByRole('button', { name: 'New tab' }).click();
    await explorer.write('query', 'query Mine($sid: ID!) { account(by: { sid: $sid }) { friendlyName } }');
    await explorer.write('variables', '{"sid": "AC1"}');
    await page.getByRole('tab').filter({ hasText: /^Mine/ }).waitFor();
    await explorer.run();
    await page.getByRole('button', { name: 'Open settings dialog' }).click();
    await page.getByRole('button', { name: 'Dark', exact: true }).click();
    await page.keyboard.press('Escape');
    await page.waitForTimeout(lasting);

    await page.reload();
    await ready(page);
    expect(await page.getByRole('tab').count()).toBe(10);
    expect(await page.getByRole('tab', { selected: true }).innerText()).toContain('Mine');
    expect(await explorer.read('query')).toContain('query Mine');
    expect(JSON.parse(await explorer.read('variables'))).toEqual({ sid: 'AC1' });
    expect(await page.locator('body').getAttribute('class')).toContain('graphiql-dark');
    expect(await explorer.answer()).not.toContain('AC1');
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await page.getByRole('button', { name: 'Show History' }).click();
    await page.locator('.graphiql-history').getByText('Mine').waitFor();
    await explorer.screenshot('reloaded');
    expect(explorer.complaints.splice(0)).toEqual([dialogWarning]);
    explorer.expectPeace();
  });

  it('no secret: not of the sign-in form, nor of variables, documents, answers and links', async () => {
    const explorer = await openExplorer(
      browser,
      gateway,
      `?query=${encodeURIComponent('mutation L($p: String!) { resetPassword(input: { token: "in-a-link-1", password: $p }) { account { sid } } }')}` +
        `&variables=${encodeURIComponent('{"p": "in-a-link-2"}')}`,
    );
    const { page } = explorer;
    expect(await explorer.read('query')).toContain('in-a-link-1');
    expect(await explorer.read('variables')).toContain('in-a-link-2');
    await explorer.signIn('a wrong password');
    await explorer.expectText('alert', 'Wrong credentials');
    explorer.complaints.length = 0; // of the 401
    await page.keyboard.type(gateway.adminPassword);
    await page.keyboard.press('Enter');
    await explorer.expectText('status', gateway.adminEmail);
    expect((await page.getByRole('tab', { name: 'Headers' }).count()) + (await page.getByRole('button', { name: 'Headers' }).count())).toBe(
      0,
    );

    const passwords = ['in variables 1', 'in variables 2', 'in variables 3', 'in the document 1', 'in the document 2', 'unfinished'];
    const write = async (query: string, variables: string): Promise<void> => {
      await page.getByRole('button', { name: 'New tab' }).click();
      await explorer.write('query', query);
      await explorer.write('variables', variables);
      await page.waitForTimeout(lasting);
    };
    await write(
      'mutation Reset($input: ResetPasswordInput!) { resetPassword(input: $input) { account { sid } } }',
      '{"input": {"token": "in variables 1", "password": "in variables 2"}}',
    );
    await explorer.run();
    await write(
      'mutation Own($mine: String!) { createAccount(input: { emailAddress: "a@b.example", role: DEVELOPER, password: $mine }) { account { sid } } }',
      '{"mine": "in variables 3"}',
    );
    await explorer.run();
    await write(
      'mutation Written($d: String = "in the document 1") { updateAccount(input: { sid: "AC1", password: """in the document 2""" }) { account { sid } } resetPassword(input: { token: $d, password: $d }) { account { sid } } }',
      '{"input": {"password": "unfinished',
    );
    await write('{ viewer { sid } }', '');
    const { sid } = (await explorer.run()).data.viewer;
    await write(`query Token { authToken(sid: "${sid}") }`, '');
    const { authToken } = (await explorer.run()).data;
    expect(authToken).toMatch(/^[0-9a-f]{32}$/);
    await write(`query Pasted { account(by: { sid: "${authToken}" }) { sid } }`, `{"x": "Basic ${btoa(`a:${authToken}`)}"}`);
    await explorer.run();

    const expectNone = async (): Promise<void> => {
      const left = await leftBehind(page);
      expect(left).toContain('query Pasted');
      for (const secret of [
        gateway.adminPassword,
        'a wrong password',
        authToken,
        'Basic ',
        btoa(`a:${authToken}`),
        'in-a-link',
        ...passwords,
      ]) {
        expect(left).not.toContain(secret);
      }
    };
    await expectNone();
    expect(page.url()).toBe(`${gateway.url}/graphiql`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await page.waitForTimeout(lasting);
    await expectNone();
    await page.reload();
    await ready(page);
    await page.waitForTimeout(lasting);
    await expectNone();
    await explorer.show('Written');
    expect(await explorer.read('query')).toContain('password: ""');
    expect(await explorer.read('variables')).toBe('{"input": {"password": ""');
    const refused = 'Failed to load resource: the server responded with a status of 400 (Bad Request)'; // what was pasted is no SID
    expect(explorer.complaints.splice(0)).toEqual([refused]);
    explorer.expectPeace();
  });
});

describe('a link to GraphiQL', () => {
  it('opens its query in a tab of its own, and runs nothing', async () => {
    const query = 'query One { viewer { sid } }\n\nquery Two { viewer { emailAddress } }';
    const search = new URLSearchParams({ query, variables: '{"a": 1}', operationName: 'Two', headers: '{"authorization": "Basic x"}' });
    const sent: string[] = [];
    const first = await openExplorer(browser, gateway);
    await first.page.close();
    for (const visit of [1, 2]) {
      const explorer = await openExplorer(browser, gateway, '');
      explorer.page.on('request', (request) => sent.push(request.postData() ?? ''));
      await explorer.page.goto(`${gateway.url}/graphiql?${search}`);
      await ready(explorer.page);
      await explorer.expectText('status', 'A link opened this tab');
      expect({ visit, tabs: await explorer.page.getByRole('tab').count() }).toEqual({ visit, tabs: 10 });
      // A tab that was kept has the name of its first operation until GraphiQL has its editors.
      await expect.poll(() => explorer.page.getByRole('tab', { selected: true }).innerText(), { timeout: patience }).toContain('Two');
      expect(await explorer.read('query')).toBe(query);
      expect(await explorer.read('variables')).toBe('{"a": 1}');
      expect(explorer.page.url()).toBe(`${gateway.url}/graphiql`);
      await explorer.page.waitForTimeout(lasting);
      expect(sent.filter((body) => body.includes('query One'))).toEqual([]);
      await explorer.signIn();
      await explorer.expectText('status', gateway.adminEmail);
      await explorer.page.waitForTimeout(lasting);
      expect(sent.filter((body) => body.includes('query One'))).toEqual([]);
      await explorer.page.keyboard.press('Control+Enter');
      await expect.poll(() => explorer.answer(), { timeout: patience }).toContain(`"emailAddress": "${gateway.adminEmail}"`);
      expect(sent.filter((body) => body.includes('query One')).map((body) => JSON.parse(body))).toEqual([
        { query, variables: { a: 1 }, operationName: 'Two' },
      ]);
      sent.length = 0;
      explorer.expectPeace();
      await explorer.page.close();
    }
  });
});
