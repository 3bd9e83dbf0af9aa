import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startBrowser } from '../support/browser.js';
import { change, kept, newAccount, openConsole, partsOf, signIn, superAdminOf, useConsole } from '../support/console.js';
import { eventually, patience } from '../support/patience.js';

const stage = useConsole('console');
let page: Page;
beforeEach(() => {
  ({ page } = stage);
});

const { dialog, heading, treeRow, shown, go } = partsOf(() => page);

describe('signing in', () => {
  it('says so when the credentials are wrong, and lets one try again', async () => {
    await page.getByLabel('SID or e-mail address').fill(stage.gateway.adminEmail);
    await page.getByLabel('Password or AuthToken').fill('not-the-password');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Wrong credentials. Please check both fields.' }).waitFor();
    expect(stage.watched.complaints.splice(0)).toEqual([expect.stringContaining('status of 401')]);
    await page.keyboard.type(stage.gateway.adminPassword); // the wrong one is selected
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    expect(await kept(page)).toEqual({ local: 0, session: 0, cookies: '', search: '' });
    stage.watched.expectPeace();
  });

  it('runs on a page that makes no markup of text', async () => {
    await expect(page.evaluate(`document.body.innerHTML = '<b>injected</b>'`)).rejects.toThrow('TrustedHTML');
    await expect(page.evaluate(`document.createElement('script').textContent = 'injected()'`)).rejects.toThrow('TrustedScript');
    expect(stage.watched.complaints.join('\n')).toMatch(/TrustedHTML[^]*TrustedScript/);
  });

  it('leads to the account that the address names, and back', async () => {
    const { sid } = await newAccount(stage.gateway, { name: 'Linked to' });
    await page.goto('about:blank');
    await page.goto(`${stage.gateway.url}/console#/accounts/${sid}`);
    await signIn(page, superAdminOf(stage.gateway));
    await heading('Linked to').waitFor();
    await page.getByRole('link', { name: 'Account gateway, first page' }).click();
    await heading(/suspended/).waitFor();
    await page.goBack();
    await heading('Linked to').waitFor();
    expect(new URL(page.url()).hash).toBe(`#/accounts/${sid}`);
    stage.watched.expectPeace();
  });

  it('leaves nothing behind on signing out', async () => {
    await signIn(page, superAdminOf(stage.gateway));
    await treeRow(stage.gateway.adminEmail).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Password or AuthToken').waitFor();
    expect(await page.content()).not.toContain(stage.gateway.adminEmail);
    expect(await page.getByLabel('Password or AuthToken').inputValue()).toBe('');
    stage.watched.expectPeace();
  });

  it('ends when the account is switched off meanwhile', async () => {
    const account = await newAccount(stage.gateway, { name: 'Switched off while signed in' });
    await signIn(page, account);
    await heading('Nobody is suspended').waitFor();
    await change(stage.gateway, `setAccountStatus(input: { sid: "${account.sid}", status: SUSPENDED }) { reachedCount }`);
    await page.getByRole('alert').filter({ hasText: 'You were signed out' }).waitFor();
  });
});

describe('without use', () => {
  it('one is warned, may stay, and is signed out after five minutes', async () => {
    // A clock that is faked is so for the whole browser.
    const timed = await startBrowser('console-idle');
    onTestFinished(() => timed.close());
    ({ page } = await openConsole(timed, stage.gateway));
    await page.clock.install();
    await page.reload();
    await signIn(page, superAdminOf(stage.gateway));
    await page.clock.runFor('04:20');
    expect(await dialog().count()).toBe(0);
    await page.clock.runFor('00:20');
    await dialog().filter({ hasText: 'You will be signed out in' }).waitFor();
    await page.getByRole('button', { name: 'Stay signed in' }).click();
    await dialog().waitFor({ state: 'detached' });
    await page.clock.runFor('04:20');
    expect(await page.getByRole('button', { name: 'Sign out' }).isVisible()).toBe(true);
    await page.clock.runFor('00:45');
    await page.getByRole('alert').filter({ hasText: 'nobody used the console for five minutes' }).waitFor();
    expect(await page.getByRole('button', { name: 'Sign out' }).count()).toBe(0);
    expect(await page.content()).not.toContain(stage.gateway.adminEmail);
  });
});

describe('the first page', () => {
  it('leads whoever has no account below to where the first one is made', async () => {
    await signIn(page, await newAccount(stage.gateway, { name: 'Alone so far' }));
    await shown('No account is below you yet');
    await page.getByRole('link', { name: 'your own account' }).click();
    await heading('Alone so far').waitFor();
    await page.getByRole('button', { name: 'New account below' }).waitFor();
    stage.watched.expectPeace();
  });

  it('tells who is switched off, since when and by whom, and shows the tree', async () => {
    const shop = await newAccount(stage.gateway, { name: "Anna's shop" });
    const sales = await newAccount(stage.gateway, { name: "Anna's sales", below: shop.sid });
    await newAccount(stage.gateway, { name: "Anna's night shift", below: sales.sid });
    await change(stage.gateway, `setAccountStatus(input: { sid: "${sales.sid}", status: SUSPENDED }) { reachedCount }`, shop);
    await signIn(page, shop);

    await heading('2 accounts are suspended').waitFor();
    const off = page.getByRole('region', { name: 'Switched off right now' });
    await off.getByRole('link', { name: "Anna's sales" }).waitFor();
    expect((await off.innerText()).replaceAll(/\s+/g, ' ')).toBe(
      `Switched off right now Anna's sales below Anna's shop · with 1 below it just now by ${shop.login}`,
    );
    expect(await off.locator('time').getAttribute('title')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    // Who suspended it is told at its line, too, and an account that is below shows itself on demand.
    await treeRow("Anna's sales").waitFor();
    expect(await treeRow("Anna's sales").innerText()).toContain(`just now by ${shop.login}`);
    expect(await treeRow("Anna's night shift").count()).toBe(0);
    await page.getByRole('button', { name: "Expand Anna's sales" }).click();
    await treeRow("Anna's night shift").waitFor();
    await page.getByRole('button', { name: /^Closed/ }).click();
    await shown('No account was closed.');
    await stage.watched.screenshot('first-page');
    stage.watched.expectPeace();
  });
});

describe('search', () => {
  it('answers as one types, from three characters on, and by SID', async () => {
    const shop = await newAccount(stage.gateway, { name: 'Needle in a haystack' });
    await newAccount(stage.gateway, { name: 'Needless', below: shop.sid });
    await signIn(page, superAdminOf(stage.gateway));
    const input = page.getByRole('combobox', { name: 'Find an account' });
    await input.pressSequentially('ne');
    await shown('Type at least 3 characters.');
    await input.pressSequentially('edle');
    await shown('2 accounts found.');
    expect(await page.getByRole('option').count()).toBe(2);
    await input.pressSequentially(' in');
    await shown('1 account found.');
    await input.press('ArrowDown');
    await input.press('Enter');
    await heading('Needle in a haystack').waitFor();
    await input.fill(shop.sid);
    await shown('1 account found.');
    await input.press('Enter');
    await expect.poll(() => input.inputValue(), { timeout: patience }).toBe('');
    await input.fill('nobody is called this');
    await shown('No account below yours has “nobody is called this” in its name or e-mail address.');
    stage.watched.expectPeace();
  });

  it('drops the answer to what is no longer asked for', async () => {
    await newAccount(stage.gateway, { name: 'Slow to be found' });
    await newAccount(stage.gateway, { name: 'Quick to be found' });
    await signIn(page, superAdminOf(stage.gateway));
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()!.includes('"slow to"')) await held;
      await route.continue().catch(() => {}); // its page no longer waits for it
    });
    const input = page.getByRole('combobox', { name: 'Find an account' });
    const asked = page.waitForRequest((request) => request.postData()?.includes('"slow to"') === true);
    await input.fill('slow to');
    await asked;
    await input.fill('quick to');
    await page.getByRole('option', { name: /Quick to be found/ }).waitFor();
    release();
    await page.waitForTimeout(300);
    expect(await page.getByRole('option').allInnerTexts()).toEqual([expect.stringContaining('Quick to be found')]);
  });
});

describe('the history', () => {
  it('shows what others do, as a sentence, without being loaded again', async () => {
    const shop = await newAccount(stage.gateway, { name: 'Watched shop' });
    const child = await newAccount(stage.gateway, { name: 'Watched child', below: shop.sid });
    await signIn(page, shop);
    await heading('Nobody is suspended').waitFor();
    await page.getByRole('region', { name: 'What happened' }).getByText('Watched child').waitFor();
    await change(stage.gateway, `setAccountStatus(input: { sid: "${child.sid}", status: SUSPENDED }) { reachedCount }`, shop);
    await heading('1 account is suspended').waitFor();
    const newest = page.getByRole('region', { name: 'What happened' }).getByRole('listitem').first();
    await expect
      .poll(() => newest.innerText(), { timeout: patience })
      .toBe(`Watched child was suspended by ${shop.login}, 1 account, just now`);
    await treeRow('Watched child').filter({ hasText: 'Suspended' }).waitFor();
    // By whom it was is not told where that account is out of sight; but that it was done.
    await change(stage.gateway, `updateAccount(input: { sid: "${child.sid}", friendlyName: "Renamed from above" }) { account { sid } }`);
    await expect
      .poll(() => newest.innerText(), { timeout: patience })
      .toBe('Renamed from above was renamed by an account above, from “Watched child” to “Renamed from above”, just now');
    await page.getByRole('status').filter({ hasText: 'was renamed by an account above' }).waitFor();
    stage.watched.expectPeace();
  });

  it('reaches the Super Admin on the page of an account in any tree, new accounts included', async () => {
    const shop = await newAccount(stage.gateway, { name: 'In some tree' });
    await signIn(page, superAdminOf(stage.gateway));
    await go(shop.sid);
    await heading('In some tree').waitFor();
    await shown(/was created by/);
    await newAccount(stage.gateway, { name: 'Made meanwhile', below: shop.sid });
    await page.getByRole('button', { name: 'Expand In some tree' }).click();
    await treeRow('Made meanwhile').waitFor();
    await change(stage.gateway, `updateAccount(input: { sid: "${shop.sid}", friendlyName: "Named anew" }) { account { sid } }`);
    await heading('Named anew').waitFor();
    stage.watched.expectPeace();
  });
});

describe('whoever may do less', () => {
  it('an Administrator is not shown what only the Super Admin may do', async () => {
    const shop = await newAccount(stage.gateway, { name: 'A top-level shop' });
    const child = await newAccount(stage.gateway, { name: 'Its child', below: shop.sid });
    await signIn(page, shop);
    expect(await page.getByRole('link', { name: 'Organizations' }).count()).toBe(0);
    await go(child.sid);
    await heading('Its child').waitFor();
    expect(await page.locator('.headline').getByRole('button').allInnerTexts()).toEqual(['New account below', 'Edit', 'Suspend', 'Close']);
    await go(shop.sid);
    await heading('A top-level shop').waitFor();
    expect(await page.locator('.headline').getByRole('button').allInnerTexts()).toEqual(['New account below', 'Edit', 'Close']);
    stage.watched.expectPeace();
  });

  it.each(['DEVELOPER', 'PROVISIONING_AGENT'])('a %s sees itself, and may rename itself', async (role) => {
    const shop = await newAccount(stage.gateway, { name: 'Employer' });
    const account = await newAccount(stage.gateway, { name: 'Employee', below: shop.sid, role });
    await signIn(page, account);
    await heading('Employee').waitFor();
    expect(await page.getByRole('treegrid').count()).toBe(0);
    expect(await page.getByRole('combobox', { name: 'Find an account' }).count()).toBe(0);
    expect(await page.locator('.headline').getByRole('button').allInnerTexts()).toEqual(['Edit']);
    expect(await page.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual([
      'Properties',
      'What it can do, and you to it',
      'Profile in effect',
      'Subresources',
    ]);
    await page.getByRole('button', { name: 'Edit' }).click();
    await dialog().getByLabel('Name').fill('Promoted');
    expect(await dialog().getByRole('textbox').count()).toBe(1);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Rename' }).click();
    await heading('Promoted').waitFor();
    await go(shop.sid);
    await heading('No such account').waitFor();
    stage.watched.expectPeace();
  });
});

it('behind a path prefix it works as without, live history included', async () => {
  const proxy = createServer((request, response) => {
    const target = new URL(request.url!.replace('/behind/a/proxy', ''), stage.gateway.url);
    const passed = forward(target, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    response.on('close', () => passed.destroy());
    request.pipe(passed.on('error', () => response.destroy()));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/behind/a/proxy`;
  const shop = await newAccount(stage.gateway, { name: 'Behind a proxy' });
  const watched = await openConsole(stage.browser, { ...stage.gateway, url }, '/');
  ({ page } = watched);
  onTestFinished(() => watched.page.close());
  await signIn(page, shop);
  expect(new URL(page.url()).pathname).toBe('/behind/a/proxy/console');
  await treeRow('Behind a proxy').waitFor();
  await change(stage.gateway, `updateAccount(input: { sid: "${shop.sid}", friendlyName: "Named by another" }) { account { sid } }`);
  await treeRow('Named by another').waitFor();
  watched.expectPeace();
});

describe('the keyboard', () => {
  it('suffices to sign in, find an account in the tree, suspend it, and come back', async () => {
    const shop = await newAccount(stage.gateway, { name: 'Keyboard shop' });
    await newAccount(stage.gateway, { name: 'Keyboard child', below: shop.sid });
    await newAccount(stage.gateway, { name: 'Keyboard sibling', below: shop.sid });
    // The page as a whole is not meant: it has the focus while a dialog goes.
    const focused = () =>
      page.evaluate('document.activeElement === document.body ? "" : document.activeElement.textContent') as Promise<string>;
    const press = (key: string) => page.keyboard.press(key);
    const expectFocus = (text: string) => eventually(async () => expect(await focused()).toContain(text));

    await page.keyboard.type(shop.login);
    await press('Tab');
    await page.keyboard.type(shop.secret);
    await press('Enter');
    await treeRow('Keyboard child').waitFor();
    // The page has the focus, and the tree before it is one stop of the Tab key.
    await press('Shift+Tab');
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('row');
    await expectFocus('Keyboard shop');
    await press('ArrowDown');
    await expectFocus('Keyboard child');
    await press('End');
    await expectFocus('Keyboard sibling');
    await press('ArrowLeft');
    await expectFocus('Keyboard shop');
    await press('ArrowRight');
    await expectFocus('Keyboard child');
    await press('Enter');
    await heading('Keyboard child').waitFor();
    for (let stops = 0; (await focused()) !== 'Suspend'; stops++) {
      expect(stops).toBeLessThan(12);
      await press('Tab');
    }
    await press('Enter');
    await dialog().getByText('This will suspend 1 account: Keyboard child.').waitFor();
    expect(await focused()).toBe('Cancel');
    await press('Escape');
    await expectFocus('Suspend');
    await press('Enter');
    await dialog().getByText('This will suspend 1 account').waitFor();
    await press('Tab');
    await expectFocus('Suspend 1 account');
    await press('Enter');
    await page.getByRole('status').filter({ hasText: 'Suspended 1 account.' }).waitFor();
    // The button is gone, so the heading has the focus.
    await expectFocus('Keyboard child');
    stage.watched.expectPeace();
  });
});
