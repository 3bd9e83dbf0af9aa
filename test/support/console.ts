import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { type TestBrowser, type WatchedPage, startBrowser } from './browser.js';
import { type GatewayProcess, startGateway } from './gateway-process.js';
import { type Login, postGraphql } from './graphql-client.js';
import { patience } from './patience.js';

/** The password of every account that these helpers make. */
export const password = 'correct horse battery';

/** A gateway, a browser, and for each test a page of it that shows the console, signed in as nobody. */
export interface Stage {
  gateway: GatewayProcess;
  browser: TestBrowser;
  watched: WatchedPage;
  page: Page;
}

/** Sets the stage for the file that calls this. @param environment what the gateway is started with, once all that it names is there */
export function useConsole(name: string, environment: () => Record<string, string> = () => ({})): Stage {
  const stage = {} as Stage;
  beforeAll(async () => {
    stage.gateway = await startGateway({ environment: environment() });
    stage.browser = await startBrowser(name);
  });
  afterAll(async () => {
    await stage.browser?.close();
    await stage.gateway?.stop();
  });
  beforeEach(async () => {
    stage.watched = await openConsole(stage.browser, stage.gateway);
    stage.page = stage.watched.page;
    return () => stage.page.close();
  });
  return stage;
}

/** What tests look for on a page. @param page the page of the moment */
export function partsOf(page: () => Page) {
  return {
    dialog: () => page().getByRole('dialog'),
    heading: (name: string | RegExp) => page().getByRole('heading', { level: 1, name }),
    treeRow: (name: string) => page().getByRole('row', { name }),
    shown: (text: string | RegExp) => page().getByText(text).first().waitFor(),
    go: (sid: string) => page().evaluate(`location.hash = '#/accounts/${sid}'`),
  };
}

export function superAdminOf({ adminEmail, adminPassword }: GatewayProcess): Login {
  return { login: adminEmail, secret: adminPassword };
}

/** Opens the console, and waits until it asks who is there. */
export async function openConsole(browser: TestBrowser, gateway: GatewayProcess, address = ''): Promise<WatchedPage> {
  const watched = await browser.open(`${gateway.url}/console${address}`);
  watched.page.setDefaultTimeout(patience);
  await watched.page.getByLabel('Password or AuthToken').waitFor();
  return watched;
}

/** Signs in, and waits until somebody is. */
export async function signIn(page: Page, { login, secret }: Login): Promise<void> {
  await page.getByLabel('SID or e-mail address').fill(login);
  await page.getByLabel('Password or AuthToken').fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** What somebody else does meanwhile, by the API. */
export async function change(gateway: GatewayProcess, mutation: string, login: Login = superAdminOf(gateway)): Promise<any> {
  const { data, errors } = await postGraphql(gateway.url, login, `mutation { ${mutation} }`);
  expect(errors).toBeUndefined();
  return data;
}

let made = 0;

/** Makes an account by the API, and returns it. */
export async function newAccount(
  gateway: GatewayProcess,
  { name, below, role = 'ADMINISTRATOR' }: { name: string; below?: string; role?: string },
): Promise<{ sid: string; login: string; secret: string }> {
  const login = `account${++made}@console.test`;
  const parent = below === undefined ? '' : `parentSid: "${below}", `;
  const { createAccount } = await change(
    gateway,
    `createAccount(input: { ${parent}emailAddress: "${login}", password: "${password}", friendlyName: ${JSON.stringify(name)}, role: ${role} }) { account { sid } }`,
  );
  return { sid: createAccount.account.sid, login, secret: password };
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Nothing of what axe knows about WCAG 2.2 AA, and of what it calls best practice, is violated on the page as it is. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(axe);
  const found = (await page.evaluate(`axe.run(document, { resultTypes: ['violations'] })`)) as {
    violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
  };
  const violations = found.violations.map(({ id, nodes }) => ({
    id,
    nodes: nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`),
  }));
  expect({ what, violations }).toEqual({ what, violations: [] });
}

/** What a page keeps beyond itself. */
export function kept(page: Page): Promise<unknown> {
  return page.evaluate(
    '({ local: localStorage.length, session: sessionStorage.length, cookies: document.cookie, search: location.search })',
  );
}
