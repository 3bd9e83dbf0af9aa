import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { change, expectAccessible, newAccount, partsOf, signIn, superAdminOf, useConsole } from '../support/console.js';
import { postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { type TestReceiver, answers, startReceiver } from '../support/receiver.js';
import { ask, embeddedUrl } from '../support/processes.js';
import { type TestUpstream, startUpstream } from '../support/upstream.js';

let receiver: TestReceiver;
let upstream: TestUpstream;
/** How the service of recordings answers. */
let status = 500;

beforeAll(async () => {
  receiver = await startReceiver();
  upstream = await startUpstream((_request, response) => void response.writeHead(status).end());
});
afterAll(async () => {
  await receiver?.stop();
  await upstream?.stop();
});
beforeEach(() => {
  receiver.requests.length = 0;
  receiver.answerWith(answers.status(200));
});

const stage = useConsole('console-webhooks', () => ({
  WEBHOOK_ALLOW_PRIVATE: '127.0.0.1',
  SUBRESOURCE_UPSTREAMS: JSON.stringify({ Recordings: { url: upstream.url } }),
}));
let page: Page;
beforeEach(() => {
  ({ page } = stage);
});

const { dialog } = partsOf(() => page);
const attempts = () => page.getByRole('group', { name: 'Attempts' }).getByRole('row');
const delivered = () => receiver.requests.map(({ body }) => JSON.parse(body) as { type: string });

describe('a webhook', () => {
  it('is created with its secret shown once, delivers, and shows what it delivered', async () => {
    const shop = await newAccount(stage.gateway, { name: 'Shop with a webhook' });
    await signIn(page, shop);
    await page.evaluate(`location.hash = '#/accounts/${shop.sid}'`);
    await page.getByText('No endpoint is told of what happens here.').waitFor();
    await page.getByRole('button', { name: 'New webhook' }).click();
    const url = dialog().getByLabel('URL');
    await url.fill('ftp://127.0.0.1/');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Create the webhook' }).click();
    await eventually(async () => expect(await url.getAttribute('aria-invalid')).toBe('true'));
    await url.fill(receiver.url);
    await dialog().getByLabel('Description').fill('The portal');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Create the webhook' }).click();
    await dialog()
      .getByText(/^whsec_/)
      .waitFor();
    await stage.watched.screenshot('secret');
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('link', { name: 'The portal' }).click();
    await page.getByText('Nothing was sent yet.').waitFor();

    await page.getByRole('button', { name: 'Test' }).click();
    await page.getByRole('button', { name: 'Send it' }).click();
    await dialog()
      .getByText(/^Accepted with status 200/)
      .waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await change(stage.gateway, `updateAccount(input: { sid: "${shop.sid}", friendlyName: "Renamed" }) { account { sid } }`);
    await attempts().filter({ hasText: 'account.updated' }).filter({ hasText: 'accepted, 200' }).waitFor();
    await page.getByText('Of the history, nothing waits.').waitFor();
    expect(delivered().map(({ type }) => type)).toEqual(['webhook.test', 'account.updated']);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await expectAccessible(page, `a webhook, ${colorScheme}`);
      await stage.watched.screenshot(`webhook-${colorScheme}`);
    }
    stage.watched.expectPeace();
  });

  it('shows why an event is refused, leaves it out, delivers again, and is switched off and on', async () => {
    const shop = await newAccount(stage.gateway, { name: 'Shop with a broken endpoint' });
    const { createWebhook } = await change(
      stage.gateway,
      `createWebhook(input: { accountSid: "${shop.sid}", url: "${receiver.url}" }) { webhook { sid } }`,
      shop,
    );
    await signIn(page, shop);
    await page.evaluate(`location.hash = '#/webhooks/${createWebhook.webhook.sid}'`);
    await page.getByText('Nothing was sent yet.').waitFor();
    receiver.answerWith(answers.status(500, {}, 'The portal is being repaired'));
    const rename = (name: string) =>
      change(stage.gateway, `updateAccount(input: { sid: "${shop.sid}", friendlyName: "${name}" }) { account { sid } }`);
    await rename('Refused');
    const refused = attempts().filter({ hasText: 'The portal is being repaired' }).first();
    await refused.waitFor();
    await page.getByText(/failed \d+ times?, since/).waitFor();
    await stage.watched.screenshot('refused');

    await page.getByRole('button', { name: /^Skip / }).click();
    await dialog().getByText('This will leave out 1 event: account.updated.').waitFor();
    await page.getByRole('button', { name: 'Leave it out' }).click();
    await page.getByRole('status').filter({ hasText: 'The event is left out.' }).waitFor();
    receiver.answerWith(answers.status(200));
    await page.getByText('Of the history, nothing waits.').waitFor();
    await rename('Accepted');
    await attempts().filter({ hasText: 'accepted, 200' }).waitFor();

    receiver.requests.length = 0;
    await page.getByRole('button', { name: /^Replay from / }).click();
    await dialog().getByText('This will deliver account.updated and what followed it in its tree again.').waitFor();
    await page.getByRole('button', { name: 'Deliver again' }).click();
    await eventually(() => expect(delivered().map(({ type }) => type)).toEqual(['account.updated']));

    await page.getByRole('button', { name: 'Switch off' }).click();
    await dialog().getByRole('button', { name: 'Switch off' }).click();
    await page.getByText('Switched off', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Switch on' }).click();
    await dialog().getByRole('button', { name: 'Switch on' }).click();
    await page.getByText('Delivering', { exact: true }).waitFor();
    stage.watched.expectPeace();
  });
});

describe('the removal of what a closed account had', () => {
  it('is shown with why it failed, and asked for again once it was given up', async () => {
    const shop = await newAccount(stage.gateway, { name: 'Closed shop' });
    await change(stage.gateway, `closeAccount(input: { sid: "${shop.sid}" }) { reachedCount }`);
    const database = embeddedUrl(stage.gateway.dataDirectory);
    await signIn(page, superAdminOf(stage.gateway));
    await page.evaluate(`location.hash = '#/accounts/${shop.sid}'`);
    await page.getByRole('region', { name: 'Removal of its resources' }).getByText('Recordings').waitFor();
    // As if it had failed for three days.
    await eventually(async () => {
      await ask(
        database,
        `UPDATE resource_removal SET failing_since = now() - interval '3 days', due_at = now() WHERE failures > 0 AND due_at IS NOT NULL AND lease IS NULL`,
      );
      const { data } = await postGraphql(
        stage.gateway.url,
        superAdminOf(stage.gateway),
        `{ account(by: { sid: "${shop.sid}" }) { resourceRemoval { state } } }`,
      );
      expect(data!.account.resourceRemoval).toEqual([{ state: 'FAILED' }]);
    });
    await page.reload();
    await signIn(page, superAdminOf(stage.gateway));
    await page.getByText('Given up').waitFor();
    await page.getByText('The service answered with status 500.').waitFor();
    status = 204;
    await page.getByRole('button', { name: 'Try again' }).click();
    await dialog().getByText('This will ask for the removal of Recordings again.').waitFor();
    await dialog().getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('status').filter({ hasText: 'The removal is tried again.' }).waitFor();
    await page.getByText('Removed', { exact: true }).waitFor();
    stage.watched.expectPeace();
  });
});
