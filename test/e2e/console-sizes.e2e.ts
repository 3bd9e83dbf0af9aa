import type { Page } from 'playwright-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { change, expectAccessible, newAccount, signIn, superAdminOf, useConsole } from '../support/console.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { ask, embeddedUrl } from '../support/processes.js';

const stage = useConsole('console-sizes');
let page: Page;
beforeEach(() => {
  ({ page } = stage);
});

const widths = [360, 1280, 2560];
const schemes = ['light', 'dark'] as const;

describe('every screen', () => {
  const names = ['שלום עליכם — חברה לתקשורת', '🎉📞 Party line 👩‍👩‍👧', 'W'.repeat(64), 'شركة الاتصالات العربية'];
  let shop: { sid: string; login: string; secret: string };
  let deepest: { sid: string };

  beforeAll(async () => {
    shop = await newAccount(stage.gateway, { name: 'Northern Telephony Reseller & Partners International GmbH' });
    for (const name of names) await newAccount(stage.gateway, { name, below: shop.sid });
    deepest = shop;
    for (let level = 3; level <= 10; level++)
      deepest = await newAccount(stage.gateway, { name: `Team of level ${level}`, below: deepest.sid });
    const off = await newAccount(stage.gateway, { name: 'Switched off', below: shop.sid });
    await change(stage.gateway, `setAccountStatus(input: { sid: "${off.sid}", status: SUSPENDED }) { reachedCount }`, shop);
  });

  it.each(widths.flatMap((width) => schemes.map((scheme) => [width, scheme] as const)))(
    'fits and is accessible at %d pixels, %s',
    async (width, scheme) => {
      await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      const look = async (screen: string): Promise<void> => {
        const what = `${screen} at ${width}, ${scheme}`;
        expect({ what, width: await page.evaluate('document.documentElement.scrollWidth') }).toEqual({ what, width });
        await expectAccessible(page, what);
        await stage.watched.screenshot(`${width}-${scheme}-${screen}`);
      };
      const dialog = page.getByRole('dialog');
      await look('sign-in');
      await signIn(page, superAdminOf(stage.gateway));
      await page.getByRole('heading', { name: '1 account is suspended' }).waitFor();
      await page.getByText('was created by').first().waitFor();
      await page.getByRole('button', { name: /^Expand Northern/ }).click();
      for (let level = 3; level < 10; level++) {
        const expand = page.getByRole('button', { name: `Expand Team of level ${level}` });
        await expand.scrollIntoViewIfNeeded();
        await expand.click();
      }
      await page.getByRole('row', { name: 'Team of level 10' }).waitFor();
      await look('first-page');
      await page.getByRole('combobox', { name: 'Find an account' }).fill('team of');
      await page.getByRole('option').first().waitFor();
      await look('search');
      await page.keyboard.press('Escape');

      await page.evaluate(`location.hash = '#/accounts/${shop.sid}'`);
      await page.getByRole('button', { name: 'Suspend' }).waitFor();
      await page.locator('summary').click();
      await page.getByText('featureEnablement').waitFor();
      await page.getByText('was created by').first().waitFor();
      await look('account');
      await page.getByRole('button', { name: 'Suspend' }).click();
      await dialog.getByText('This will suspend 13 accounts').waitFor();
      await look('plan');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'New account below' }).click();
      await page.getByRole('button', { name: 'Continue' }).click();
      await dialog.getByText('An e-mail address is needed.').waitFor();
      await look('form');
      await page.keyboard.press('Escape');

      await page.evaluate(`location.hash = '#/accounts/${deepest.sid}'`);
      await page.getByRole('heading', { level: 1, name: 'Team of level 10' }).waitFor();
      await page.getByText('was created by').first().waitFor();
      await look('deep');
      await page.evaluate(`location.hash = '#/organizations'`);
      await page.getByText('company.com', { exact: true }).waitFor();
      await look('organizations');
      await page.evaluate(`location.hash = '#/nothing'`);
      await page.getByRole('heading', { name: 'No such page' }).waitFor();
      await look('no-such-page');
      stage.watched.expectPeace();
    },
  );
});

describe('100,000 accounts below one', () => {
  let crowd: { sid: string };
  beforeAll(async () => {
    crowd = await newAccount(stage.gateway, { name: 'A hundred thousand' });
    const url = embeddedUrl(stage.gateway.dataDirectory);
    await plant(
      { query: (sql, parameters) => ask(url, sql, parameters) },
      { below: crowd.sid, widths: [100_000], friendlyName: "'Planted ' || lpad(child.number::text, 6, '0')" },
    );
  });

  it('are scrolled through page by page, with no more than what is in sight in the page', async () => {
    await signIn(page, superAdminOf(stage.gateway));
    await page.getByRole('button', { name: 'Expand A hundred thousand' }).click();
    await page.getByRole('row', { name: 'Planted 000001' }).waitFor();
    const asked: number[] = [];
    page.on('request', (request) => {
      if (request.postData()?.includes('query Children') === true) asked.push(asked.length);
    });
    const rows = () => page.getByRole('row').count();
    let most = 0;
    const frames = (await page.evaluate(`(async () => {
      const tree = document.querySelector('.tree');
      const frames = [];
      let before;
      const goal = 2000 * 48;
      while (tree.scrollTop < goal) {
        await new Promise((resolve) => requestAnimationFrame((now) => {
          if (before !== undefined) frames.push(now - before);
          before = now;
          tree.scrollTop += 60;
          resolve();
        }));
      }
      return { frames, rows: document.querySelectorAll('[role="row"]').length };
    })()`)) as { frames: number[]; rows: number };
    most = Math.max(frames.rows, await rows());
    const sorted = frames.frames.toSorted((a, b) => a - b);
    const at = (share: number): string => sorted[Math.floor(sorted.length * share)]!.toFixed(1);
    console.log(`Frames while scrolling: ${sorted.length}, median ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(0.9999)} ms`);

    await eventually(async () => expect(await page.getByRole('row', { name: /^Planted 00(19|20)/ }).count()).toBeGreaterThan(0));
    expect(asked.length).toBeGreaterThanOrEqual(19);
    expect(asked.length).toBeLessThan(40);
    expect(most).toBeLessThan(60);
    // In the order of their names, without a gap.
    const names = await page.getByRole('row').filter({ hasText: 'Planted' }).locator('a').allInnerTexts();
    const numbers = names.map((name) => Number(name.slice('Planted '.length))).toSorted((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index));
    await stage.watched.screenshot('scrolled');
    stage.watched.expectPeace();
  });

  it('do not hide who else is suspended when all of them are', async () => {
    await change(stage.gateway, `setAccountStatus(input: { sid: "${crowd.sid}", status: SUSPENDED }) { reachedCount }`);
    await signIn(page, superAdminOf(stage.gateway));
    await page.getByRole('heading', { name: /^100,00\d accounts are suspended$/ }).waitFor();
    const off = page.getByRole('region', { name: 'Switched off right now' });
    await off.getByText('with 100,000 below it').waitFor();
    await eventually(async () => expect(await off.getByRole('listitem').count()).toBe(2));
    expect((await off.getByRole('listitem').locator('.two-lines a').allInnerTexts()).toSorted()).toEqual([
      'A hundred thousand',
      'Switched off',
    ]);
    await stage.watched.screenshot('all-suspended');
    stage.watched.expectPeace();
  });
});

it('the first paint is soon, and its files are small', async () => {
  const paint = await page.evaluate(`performance.getEntriesByName('first-contentful-paint')[0]?.startTime`);
  console.log(`First contentful paint: ${paint} ms`);
  const sizes = (await page.evaluate(`performance.getEntriesByType('resource').map(({ name }) => name)`)) as string[];
  expect(sizes.map((name) => new URL(name).pathname).toSorted()).toEqual(['/console/index.js', '/console/style.css']);
});
