import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { change, newAccount, partsOf, password, signIn, superAdminOf, useConsole } from '../support/console.js';
import { patience } from '../support/patience.js';

const stage = useConsole('console-acts');
let page: Page;
beforeEach(() => {
  ({ page } = stage);
});

const { dialog, heading, treeRow, shown, go } = partsOf(() => page);

describe('an act', () => {
  it('suspends and activates what its plan told', async () => {
    const shop = await newAccount(stage.gateway, { name: "Jane's shop" });
    for (const name of ['One', 'Two', 'Three', 'Four']) await newAccount(stage.gateway, { name, below: shop.sid });
    await signIn(page, superAdminOf(stage.gateway));
    await go(shop.sid);
    await page.getByRole('button', { name: 'Suspend' }).click();
    await dialog().getByText("This will suspend 5 accounts: Jane's shop").waitFor();
    expect(await dialog().innerText()).toContain('and 2 more.');
    expect(await dialog().innerText()).toContain('Right now, 5 are active.');
    await stage.watched.screenshot('plan');
    await page.getByRole('button', { name: 'Suspend 5 accounts' }).click();
    await page.getByRole('status').filter({ hasText: 'Suspended 5 accounts.' }).waitFor();
    await page.getByRole('button', { name: 'Activate' }).waitFor();
    await treeRow("Jane's shop").filter({ hasText: 'Suspended' }).waitFor();
    await shown(/was suspended by/);

    await page.getByRole('button', { name: 'Activate' }).click();
    await page.getByRole('button', { name: 'Activate 5 accounts' }).click();
    await page.getByRole('button', { name: 'Suspend' }).waitFor();
    stage.watched.expectPeace();
  });

  it('changes nothing until it is confirmed, and nothing but what its plan told', async () => {
    const account = await newAccount(stage.gateway, { name: 'Looked at' });
    await signIn(page, superAdminOf(stage.gateway));
    await go(account.sid);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await dialog().getByText('This will close 1 account: Looked at.').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await dialog().waitFor({ state: 'detached' });
    expect(await page.locator('.headline .status').innerText()).toBe('Active');

    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await dialog().getByText('This will close 1 account').waitFor();
    await change(stage.gateway, `updateAccount(input: { sid: "${account.sid}", friendlyName: "Changed meanwhile" }) { account { sid } }`);
    await page.getByRole('button', { name: 'Close 1 account' }).click();
    await dialog()
      .getByRole('alert')
      .filter({ hasText: /changed/i })
      .waitFor();
    await page.getByRole('button', { name: 'Look again' }).click();
    await dialog().getByText('This will close 1 account: Changed meanwhile.').waitFor();
    await page.getByRole('button', { name: 'Close 1 account' }).click();
    await page.getByRole('status').filter({ hasText: 'Closed 1 account.' }).waitFor();
    await page.locator('.headline .status', { hasText: 'Closed' }).waitFor();
    expect(await page.locator('.headline').getByRole('button').count()).toBe(0);
  });

  it('looks again when an account was created below meanwhile, which its plan did not tell', async () => {
    const shop = await newAccount(stage.gateway, { name: 'Growing' });
    await newAccount(stage.gateway, { name: 'Known', below: shop.sid });
    await signIn(page, superAdminOf(stage.gateway));
    await go(shop.sid);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await dialog().getByText('This will close 2 accounts: Growing and Known.').waitFor();
    await newAccount(stage.gateway, { name: 'New', below: shop.sid });
    await page.getByRole('button', { name: 'Close 2 accounts' }).click();
    await dialog()
      .getByRole('alert')
      .filter({ hasText: /changed/i })
      .waitFor();
    await page.getByRole('button', { name: 'Look again' }).click();
    await dialog().getByText('This will close 3 accounts').waitFor();
    expect(await page.locator('.headline .status').innerText()).toBe('Active');
  });

  it('creates an account, and tells at the field what the gateway refused', async () => {
    const shop = await newAccount(stage.gateway, { name: 'Parent' });
    const other = await newAccount(stage.gateway, { name: 'Sibling', below: shop.sid });
    await signIn(page, superAdminOf(stage.gateway));
    await go(shop.sid);
    await page.getByRole('button', { name: 'New account below' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    const email = dialog().getByLabel('E-mail address');
    await dialog().getByText('An e-mail address is needed.').waitFor();
    await email.fill(other.login);
    await dialog().getByLabel('Name').fill('A new child');
    await dialog().getByLabel('Role').selectOption('Developer');
    await dialog().getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Continue' }).click();
    await dialog().getByText('This will create 1 account: “A new child”, below Parent.').waitFor();
    await page.getByRole('button', { name: 'Create the account' }).click();

    await expect.poll(() => email.getAttribute('aria-invalid'), { timeout: patience }).toBe('true');
    const note = page.locator(`[id="${await email.getAttribute('aria-describedby')}"]`);
    expect(await note.innerText()).toBe('Another open account has this e-mail address. Choose another address.');
    expect(await email.evaluate((input) => input === input.ownerDocument.activeElement)).toBe(true);
    await stage.watched.screenshot('refused-at-the-field');
    await email.fill('new-child@console.test');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByRole('status').filter({ hasText: 'Created A new child.' }).waitFor();
    await page.getByRole('button', { name: 'Expand Parent' }).click();
    await treeRow('A new child').waitFor();
    stage.watched.expectPeace();
  });

  it('renames an account, and refuses a name that is too long at its field', async () => {
    const account = await newAccount(stage.gateway, { name: 'Old name' });
    await signIn(page, superAdminOf(stage.gateway));
    await go(account.sid);
    await page.getByRole('button', { name: 'Edit' }).click();
    const name = dialog().getByLabel('Name');
    await name.fill('x'.repeat(65));
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Rename' }).click();
    await expect.poll(() => name.getAttribute('aria-invalid'), { timeout: patience }).toBe('true');
    await dialog().getByText(/64/).waitFor();
    await name.fill('New name');
    await page.getByRole('button', { name: 'Continue' }).click();
    await dialog().getByText('Its name was “Old name”, and will be “New name”.').waitFor();
    await page.getByRole('button', { name: 'Rename' }).click();
    await heading('New name').waitFor();
    await treeRow('New name').waitFor();
    await shown(/was renamed by/);
    stage.watched.expectPeace();
  });

  it('moves a top-level account to an organization that was made for it, and closes one', async () => {
    const account = await newAccount(stage.gateway, { name: 'Moves' });
    await signIn(page, superAdminOf(stage.gateway));
    await page.getByRole('link', { name: 'Organizations' }).click();
    await page.getByRole('button', { name: 'New organization' }).click();
    const domain = dialog().getByLabel('Domain name');
    await domain.fill('not a domain');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Create the organization' }).click();
    await expect.poll(() => domain.getAttribute('aria-invalid'), { timeout: patience }).toBe('true');
    await domain.fill('moved.example');
    await page.getByRole('button', { name: 'Continue' }).click();
    await dialog().getByText('This will create 1 organization: moved.example.').waitFor();
    await page.getByRole('button', { name: 'Create the organization' }).click();
    await page.getByRole('listitem').filter({ hasText: 'moved.example' }).waitFor();

    await go(account.sid);
    await page.getByRole('button', { name: 'Move' }).click();
    const organization = dialog().getByLabel('Organization');
    await organization.fill('unknown.example');
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect.poll(() => organization.getAttribute('aria-invalid'), { timeout: patience }).toBe('true');
    await organization.fill('moved.example');
    await page.getByRole('button', { name: 'Continue' }).click();
    await dialog().getByText('This will move 1 account: Moves.').waitFor();
    await page.getByRole('button', { name: 'Move 1 account' }).click();
    await page.getByRole('status').filter({ hasText: 'Moved 1 account to moved.example.' }).waitFor();
    await page.getByRole('definition').filter({ hasText: 'moved.example' }).waitFor();

    await page.getByRole('link', { name: 'Organizations' }).click();
    await page.getByRole('button', { name: 'Close moved.example' }).click();
    await dialog().getByText('1 account belongs to it.').waitFor();
    await page.getByRole('button', { name: 'Close moved.example' }).last().click();
    await dialog().getByRole('alert').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    stage.watched.expectPeace();
  });
});
