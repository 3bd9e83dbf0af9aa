import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groups } from '../../src/api/docs/pages.js';
import { type TestBrowser, type WatchedPage, startBrowser } from '../support/browser.js';
import { documentedCode } from '../support/documented-code.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';

/** A page of somebody else, such as a portal, which the operator trusts. */
const portal = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<title>Portal</title>'));
let portalUrl: string;
let gateway: GatewayProcess;
let browser: TestBrowser;

beforeAll(async () => {
  await new Promise<void>((resolve) => portal.listen(0, '127.0.0.1', resolve));
  portalUrl = `http://127.0.0.1:${(portal.address() as AddressInfo).port}`;
  gateway = await startGateway({ environment: { CORS_ORIGINS: portalUrl } });
  browser = await startBrowser('docs');
});

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
  portal.close();
});

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const paths = [
  '/',
  '/docs',
  ...groups.flatMap((group) => group.pages).map(({ path }) => `/docs/${path}`),
  '/docs/adr/0005-use-few-libraries-each-for-a-reason',
];

/** What axe finds wrong, as texts: the rule and the elements. */
async function faultsOf({ page }: WatchedPage): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

describe.each([360, 1280])('at a width of %i', (width) => {
  it.each(['light', 'dark'] as const)('every page is readable and without a fault that axe knows, in %s colours', async (colorScheme) => {
    const faults: Record<string, string[]> = {};
    for (const path of paths) {
      const watched = await browser.open(gateway.url + path);
      const { page } = watched;
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      const found = await faultsOf(watched);
      const across = await page.evaluate('document.documentElement.scrollWidth');
      if (across !== width) found.push(`${across as number} wide`);
      if (found.length > 0) faults[path] = found;
      await watched.screenshot(`${path.replaceAll('/', '_')}-${width}-${colorScheme}`);
      watched.expectPeace();
      await page.close();
    }
    expect(faults).toEqual({});
  });
});

describe('a page of the documentation', () => {
  it('is reached by the address of an error, at its place below the bar', async () => {
    const watched = await browser.open(`${gateway.url}/docs/errors#VERSION_CONFLICT`);
    const heading = watched.page.getByRole('heading', { name: 'VERSION_CONFLICT' });
    const bar = (await watched.page.locator('header').boundingBox())!;
    const { y } = (await heading.boundingBox())!;
    expect(y).toBeGreaterThanOrEqual(bar.height);
    expect(y).toBeLessThan(200);
    await watched.screenshot('error');
    watched.expectPeace();
    await watched.page.close();
  });

  it('has its navigation behind a button on a narrow screen, by the keyboard too', async () => {
    const watched = await browser.open(`${gateway.url}/docs/events`);
    const { page } = watched;
    await page.setViewportSize({ width: 360, height: 640 });
    const navigation = page.getByRole('navigation', { name: 'Documentation' });
    expect(await navigation.isVisible()).toBe(false);
    const button = page.getByRole('button', { name: 'Pages' });
    await button.focus();
    await page.keyboard.press('Enter');
    expect(await navigation.isVisible()).toBe(true);
    await watched.screenshot('navigation-360');
    expect(await faultsOf(watched)).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await navigation.isVisible()).toBe(false);
    await button.click();
    await navigation.getByRole('link', { name: 'Pagination' }).click();
    await page.getByRole('heading', { name: 'Pagination', level: 1 }).waitFor();
    watched.expectPeace();
    await page.close();
  });

  it('begins with a link to its text, for those who come by the keyboard', async () => {
    const watched = await browser.open(`${gateway.url}/docs/events`);
    const { page } = watched;
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the text');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.close();
  });

  it('works behind a path prefix', async () => {
    const proxy = createServer(async ({ url }, response) => {
      if (!url!.startsWith('/base/')) return void response.writeHead(404).end();
      const answer = await fetch(gateway.url + url!.slice('/base'.length), { headers: { accept: 'text/html' } });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type')! }).end(await answer.text());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const watched = await browser.open(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}/base/`);
    const { page } = watched;
    await page.getByRole('link', { name: 'Documentation' }).click();
    await page.getByRole('main').getByRole('link', { name: 'Errors' }).click();
    await page.getByRole('heading', { name: 'Errors', level: 1 }).waitFor();
    await page.getByRole('link', { name: 'Account gateway' }).click();
    await page.getByRole('heading', { name: 'Account gateway', level: 1 }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/base/');
    watched.expectPeace();
    await page.close();
    proxy.close();
  });
});

describe('the code of the guide to browsers, in a page of another origin', () => {
  const guide = readFileSync(new URL('../../docs/browsers.md', import.meta.url), 'utf8');
  const [, following] = guide
    .split('```js\n')
    .slice(1)
    .map((block) => block.split('\n```')[0]!);

  it('signs in, follows what happens, and is told what is wrong', async () => {
    const { page } = await browser.open(portalUrl);
    const script = `(async () => {
      ${documentedCode('browsers.md', 'js')}
      ${following!}
      const url = ${JSON.stringify(gateway.url)};
      const authorization = authorizationOf(${JSON.stringify(gateway.adminEmail)}, ${JSON.stringify(gateway.adminPassword)});
      const { viewer } = await ask(url, authorization, '{ viewer { sid isSuperAdmin } }');
      const first = new Promise((resolve) => {
        void follow(url, authorization, \`subscription { accountEvents(accountSid: "\${viewer.sid}", types: [ACCOUNT_UPDATED], after: "\${viewer.sid}:1") { type } }\`, resolve);
      });
      await ask(url, authorization, 'mutation ($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Zoë" }) { account { sid } } }', viewer);
      const wrong = await ask(url, authorizationOf('zoë@company.com', 'пароль'), '{ viewer { sid } }').catch(({ code }) => code);
      return { viewer, first: await first, wrong };
    })()`;
    expect(await page.evaluate(script)).toEqual({
      viewer: { sid: expect.stringMatching(/^AC/), isSuperAdmin: true },
      first: { data: { accountEvents: { type: 'ACCOUNT_UPDATED' } } },
      wrong: 'UNAUTHENTICATED',
    });
    await page.close();
  });

  it('may neither read nor write where its origin is not listed', async () => {
    const { page } = await browser.open(portalUrl.replace('127.0.0.1', 'localhost'));
    const url = JSON.stringify(`${gateway.url}/graphql`);
    expect(await page.evaluate(`fetch(${url}, { headers: { authorization: 'Basic x' } }).catch(({ name }) => name)`)).toBe('TypeError');
    // What a browser sends without asking first. The page cannot tell what became of it; the log can.
    expect(await page.evaluate(`fetch(${url}, { method: 'POST', mode: 'no-cors', body: '{}' }).catch(({ name }) => name)`)).toBe(
      'TypeError',
    );
    await expect.poll(gateway.output).toMatch(/"method":"POST","route":"\/graphql","status":403/);
    await page.close();
  });
});
