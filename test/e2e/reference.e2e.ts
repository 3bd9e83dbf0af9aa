import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { violationsOf } from '../support/axe.js';
import { type TestBrowser, type WatchedPage, startBrowser } from '../support/browser.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { describedOperations } from '../support/openapi.js';

let gateway: GatewayProcess;
let browser: TestBrowser;
let watched: WatchedPage;

beforeAll(async () => {
  gateway = await startGateway();
  browser = await startBrowser('reference');
});

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
});

beforeEach(async () => {
  watched = await browser.open(`${gateway.url}/restcomm/2012-04-24/`);
  await watched.page.getByRole('heading', { name: /^Accounts, organizations and profiles/ }).waitFor();
  return () => watched.page.close();
});

describe('the page of the REST API', () => {
  it('lists every operation that OpenAPI has a place for', async () => {
    const { page } = watched;
    const listed = await page.locator('.opblock-summary').evaluateAll((summaries: { textContent: string }[]) =>
      // Swagger UI lets a long path break after each of its slashes.
      summaries.map(({ textContent }) => textContent.replaceAll('\u200b', '')),
    );
    const expected = describedOperations.filter(({ pointer }) => !pointer.includes('x-additional-operations'));
    expect(listed).toHaveLength(expected.length);
    for (const { method, path } of expected) {
      expect(listed.filter((text) => text.startsWith(`${method}${path}`) && text[`${method}${path}`.length] !== '/')).toHaveLength(1);
    }
    await watched.screenshot('list');
    watched.expectPeace();
  });

  it('shows what an operation does, takes and answers, in both forms', async () => {
    const operation = await expand('Accounts', 'readAccount');
    await expect.poll(() => operation.innerText()).toContain('Every account can read itself');
    const text = await operation.innerText();
    for (const part of ['SidOrEmail', 'owner_account_sid', 'The profile that is in effect', 'ACCOUNT_NOT_FOUND', 'ACCOUNT_NOT_ACTIVE']) {
      expect(text).toContain(part);
    }
    await watched.screenshot('operation');

    await operation.locator('.response .content-type').first().selectOption('application/xml');
    await expect.poll(() => operation.innerText()).toContain('<OwnerAccountSid>');
    await watched.screenshot('operation-in-xml');
    watched.expectPeace();
  });

  it.each([
    ['application/json', '"email_address": "administrator@company.com"'],
    ['application/xml', '<EmailAddress>administrator@company.com</EmailAddress>'],
  ])('tries an operation out with the credentials of its dialog, as %s', async (mediaType, expected) => {
    const { page } = watched;
    await authorize();
    const operation = await expand('Accounts', 'readAccount');
    await operation.locator('.response .content-type').first().selectOption(mediaType);
    await operation.locator('[data-param-name="SidOrEmail"] input').fill(gateway.adminEmail);
    await operation.getByRole('button', { name: 'Execute' }).click();
    await operation.locator('.live-responses-table').waitFor();
    expect((await operation.locator('.live-responses-table .response-col_status').nth(1).innerText()).trim()).toMatch(/^200/);
    expect(await operation.locator('.live-responses-table').innerText()).toContain(expected);
    await watched.screenshot(`tried-out-${mediaType.split('/')[1]!}`);
    expect(await page.evaluate('({ local: localStorage.length, session: sessionStorage.length, cookies: document.cookie })')).toEqual({
      local: 0,
      session: 0,
      cookies: '',
    });
    watched.expectPeace();
  });

  it('sends nothing that its reader did not fill in', async () => {
    const { page } = watched;
    await authorize();
    const operation = await expand('Accounts', 'createAccount');
    await operation.locator('[data-property-name="EmailAddress"] input[type="text"]').fill('reader@company.com');
    await operation.locator('[data-property-name="Password"] input').first().fill('a decent password');
    const [created] = await Promise.all([
      page.waitForRequest((request) => request.method() === 'POST'),
      operation.getByRole('button', { name: 'Execute' }).click(),
    ]);
    expect(Object.fromEntries(new URLSearchParams(created.postData()!))).toEqual({
      EmailAddress: 'reader@company.com',
      Password: 'a decent password',
    });
    expect(created.headers()).toMatchObject({ accept: 'application/json' });
    for (const name of ['idempotency-key', 'if-match', 'if-none-match']) expect(created.headers()).not.toHaveProperty(name);
    await operation.locator('.live-responses-table').waitFor();
    expect(await operation.locator('.live-responses-table').innerText()).toContain('"email_address": "reader@company.com"');

    const update = await expand('Accounts', 'updateAccount');
    await update.locator('[data-param-name="SidOrEmail"] input').fill('reader@company.com');
    await update.locator('[data-property-name="FriendlyName"] input[type="text"]').fill('Reader');
    const [updated] = await Promise.all([
      page.waitForRequest((request) => request.method() === 'PUT'),
      update.getByRole('button', { name: 'Execute' }).click(),
    ]);
    expect(Object.fromEntries(new URLSearchParams(updated.postData()!))).toEqual({ FriendlyName: 'Reader' });
    for (const name of ['idempotency-key', 'if-match', 'if-none-match']) expect(updated.headers()).not.toHaveProperty(name);
    await update.locator('.live-responses-table').waitFor();
    watched.expectPeace();
  });

  it('has a navigation that lists every operation, whose search finds and opens one, and whose links can be passed on', async () => {
    const { page } = watched;
    const expected = describedOperations.filter(({ pointer }) => !pointer.includes('x-additional-operations'));
    const links = page.getByRole('navigation', { name: 'Operations' }).getByRole('link');
    expect(await links.count()).toBe(expected.length);

    await page.keyboard.press('/');
    await page.keyboard.type('organization move');
    await expect.poll(() => page.locator('#found').innerText()).toBe(`1 of ${expected.length} operations`);
    await watched.screenshot('search');
    await page.keyboard.press('Enter');
    await page.locator('#operations-Accounts-migrateAccount .samples').waitFor();
    const heightOfOpened = async (): Promise<number> => (await page.locator('#operations-Accounts-migrateAccount').boundingBox())!.y;
    const height = page.viewportSize()!.height;
    expect(await heightOfOpened()).toBeGreaterThan(-1);
    expect(await heightOfOpened()).toBeLessThan(height / 2);
    expect(await links.filter({ visible: true }).allTextContents()).toEqual(['POST Move an account to another organization']);
    await page.keyboard.press('Control+A');
    await page.keyboard.type('no such thing');
    await expect.poll(() => page.locator('#found').innerText()).toBe(`0 of ${expected.length} operations`);

    expect(page.url()).toMatch(/#\/Accounts\/migrateAccount$/);
    expect(await page.locator('#operations [aria-current=location]').allTextContents()).toEqual([
      'POST Move an account to another organization',
    ]);
    await page.reload();
    const operation = page.locator('#operations-Accounts-migrateAccount');
    await operation.locator('[data-param-name="SidOrEmail"] input').waitFor(); // a parameter of its path
    expect(await heightOfOpened()).toBeLessThan(height / 2);
    watched.expectPeace();
  });

  it('is dark when the system is, and follows it', async () => {
    const { page } = watched;
    const brightness = (selector: string): Promise<number> =>
      page
        .locator(selector)
        .first()
        .evaluate((element: any) => {
          const [red, green, blue] = (globalThis as any)
            .getComputedStyle(element)
            .color.match(/[\d.]+/g)
            .map(Number);
          return red + green + blue;
        });
    const texts = ['#operations a', '.swagger-ui .info .title', '.swagger-ui .opblock-summary-description'];
    for (const colorScheme of ['dark', 'light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const text of texts) {
        const isLight = async (): Promise<boolean> => (await brightness(text)) > 384;
        await expect.poll(isLight, { message: `${text}, ${colorScheme}` }).toBe(colorScheme === 'dark');
      }
    }
    await expand('Accounts', 'createAccount');
    await watched.screenshot('dark');
    watched.expectPeace();
  });

  it.each(['light', 'dark'] as const)('has nothing of ours that axe finds a fault in, %s', async (colorScheme) => {
    const { page } = watched;
    await page.emulateMedia({ colorScheme });
    await expand('Accounts', 'createAccount');
    await page.locator('.samples').waitFor();
    const { ours, theirs } = await violationsOf(page, '#reference', '.samples');
    expect(ours).toEqual([]);
    // Swagger UI's own faults, listed so that a new one is noticed.
    expect(['color-contrast', 'nested-interactive', 'region', 'select-name']).toEqual(expect.arrayContaining(theirs));
  });

  it.each([1280, 360])('fits a width of %d, closed and open', async (width) => {
    const { page } = watched;
    await page.setViewportSize({ width, height: 800 });
    await watched.screenshot(`${width}-closed`);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    for (const [tag, name] of [
      ['Accounts', 'listAccounts'],
      ['Accounts', 'createAccount'],
      ['Subresources', 'readSubresource'],
      ['Profiles', 'updateProfile'],
    ] as const) {
      const operation = await expand(tag, name);
      expect(await operation.locator('.samples pre').isVisible()).toBe(true);
      expect({ name, width: await page.evaluate('document.documentElement.scrollWidth') }).toEqual({ name, width });
      await operation.scrollIntoViewIfNeeded();
      await watched.screenshot(`${width}-${name}`);
      await operation.locator('.samples').scrollIntoViewIfNeeded();
      await watched.screenshot(`${width}-${name}-samples`);
    }
    await page.locator('.scheme-container .authorize').click();
    await page.locator('#auth-basic-username').waitFor();
    await watched.screenshot(`${width}-authorize`);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    watched.expectPeace();
  });
});

/** Opens an operation, and returns all of it. */
async function expand(tag: string, name: string) {
  const operation = watched.page.locator(`#operations-${tag}-${name}`);
  await operation.locator('.opblock-summary-control').click();
  await operation.locator('.responses-table').first().waitFor();
  return operation;
}

/** Enters the Super Admin's credentials in the dialog that the page has for them. */
async function authorize(): Promise<void> {
  const { page } = watched;
  await page.locator('.scheme-container .authorize').click();
  await page.locator('#auth-basic-username').fill(gateway.adminEmail);
  await page.locator('#auth-basic-password').fill(gateway.adminPassword);
  await page.getByRole('button', { name: 'Apply credentials' }).click();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
}
