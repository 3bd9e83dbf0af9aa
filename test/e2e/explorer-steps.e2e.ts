import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestBrowser, startBrowser } from '../support/browser.js';
import { openExplorer, ready } from '../support/explorer-page.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { postGraphql } from '../support/graphql-client.js';
import { patience } from '../support/patience.js';

let gateway: GatewayProcess;
let browser: TestBrowser;

beforeAll(async () => {
  gateway = await startGateway();
  browser = await startBrowser('explorer-steps');
});

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
});

describe('the tabs that GraphiQL opens with', () => {
  it('do what the README does, run in order with nothing filled in: on a new gateway, once more, and after a reload', async () => {
    const explorer = await openExplorer(browser, gateway);
    await explorer.signIn();
    await explorer.expectText('status', 'Super Admin');
    const domains = new Set<string>();
    for (const round of ['new', 'once more', 'reloaded']) {
      if (round === 'reloaded') {
        await explorer.page.reload();
        await ready(explorer.page);
        await explorer.signIn();
        await explorer.expectText('status', 'Super Admin');
      }
      const run = async (tab: string) => {
        await explorer.show(tab);
        const { data, errors } = await explorer.run();
        await explorer.screenshot(`${round}-${tab}`);
        expect({ round, tab, errors }).toEqual({ round, tab, errors: undefined });
        return data;
      };
      expect((await run('Tree')).viewer.emailAddress).toBe(gateway.adminEmail);
      const { domainName } = (await run('CreateOrganization')).createOrganization.organization;
      domains.add(domainName);
      const { emailAddress } = (await run('CreateAccount')).createAccount.account;
      expect(emailAddress).toBe(`jane@${domainName}`);
      expect((await run('Suspend')).setAccountStatus).toEqual({ reachedCount: 1, account: { emailAddress, status: 'SUSPENDED' } });
      expect((await run('WhoIsOff')).viewer.descendants.nodes).toContainEqual(expect.objectContaining({ emailAddress }));
      expect((await run('DryRun')).migrateAccount).toEqual({
        dryRun: true,
        reachedCount: 1,
        account: { organization: { domainName: 'company.com' } },
      });
      expect((await run('Migrate')).migrateAccount).toEqual({ reachedCount: 1, account: { organization: { domainName } } });
      expect((await run('History')).account.history.nodes.map(({ operation }: { operation: string }) => operation)).toEqual([
        'CREATE_ACCOUNT',
        'SET_ACCOUNT_STATUS',
        'MIGRATE_ACCOUNT',
      ]);
    }
    expect(domains.size).toBe(3);
    explorer.expectPeace();
    await explorer.page.close();
  });

  it('go on after a reload where they were, and create another account when that is run twice', async () => {
    const explorer = await openExplorer(browser, gateway);
    await explorer.signIn();
    await explorer.expectText('status', 'Super Admin');
    await explorer.show('CreateOrganization');
    const { domainName } = (await explorer.run()).data.createOrganization.organization;
    await explorer.page.reload();
    await ready(explorer.page);
    await explorer.signIn();
    await explorer.expectText('status', 'Super Admin');
    const emails = [];
    for (let count = 0; count < 2; count++) {
      await explorer.show('CreateAccount');
      const { account } = (await explorer.run()).data.createAccount;
      emails.push(account.emailAddress);
      await explorer.show('Migrate');
      expect(JSON.parse(await explorer.read('variables'))).toEqual({
        input: { sid: account.sid, organization: { domainName }, dryRun: false },
      });
    }
    expect(emails).toEqual([`jane@${domainName}`, `jane+2@${domainName}`]);
    await explorer.page.close();
  });

  it('keep what their reader wrote into the variables', async () => {
    const explorer = await openExplorer(browser, gateway);
    await explorer.signIn();
    await explorer.expectText('status', 'Super Admin');
    await explorer.show('Suspend');
    const mine = JSON.stringify({ input: { sid: `AC${'0'.repeat(32)}`, status: 'ACTIVE' } });
    await explorer.write('variables', mine);
    await explorer.page.waitForTimeout(500); // GraphiQL notes a tab's change a tenth of a second later
    await explorer.show('CreateOrganization');
    await explorer.run();
    await explorer.show('Suspend');
    expect(await explorer.read('variables')).toBe(mine);
    expect((await explorer.run()).errors[0].extensions.code).toBe('ACCOUNT_NOT_FOUND');
    await explorer.page.close();
  });
});

describe('what GraphiQL calls who has signed in', () => {
  it.each([
    ['Super Admin', undefined],
    ['administrator', 'ADMINISTRATOR'],
    ['developer', 'DEVELOPER'],
  ])('is %s', async (words, role) => {
    const emailAddress = role ? `a-${role.toLowerCase()}@company.com` : gateway.adminEmail;
    if (role) {
      const superAdmin = { login: gateway.adminEmail, secret: gateway.adminPassword };
      const input = `{ emailAddress: "${emailAddress}", password: "${gateway.adminPassword}", role: ${role} }`;
      expect(
        await postGraphql(gateway.url, superAdmin, `mutation { createAccount(input: ${input}) { account { sid } } }`),
      ).not.toHaveProperty('errors');
    }
    const explorer = await openExplorer(browser, gateway);
    await explorer.signIn(gateway.adminPassword, emailAddress);
    await expect.poll(() => explorer.page.locator('#role').textContent(), { timeout: patience }).toBe(words);
    await explorer.page.close();
  });
});
