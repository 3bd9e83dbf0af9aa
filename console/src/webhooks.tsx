import { useRef, useState } from 'preact/hooks';
import { ActDialog, assertFilled } from './acts/act-dialog.js';
import { newKey } from './api.js';
import { useRead, useSession } from './context.js';
import { TextField, failureAt } from './dialog.js';
import { createWebhookMutation } from './mutations.js';
import type { Account } from './operations.js';
import { webhooksQuery } from './webhook-operations.js';
import { Alert, Card, Empty, Reading } from './parts.js';
import { addressOf } from './route.js';
import { WebhookState, waitingInWords } from './webhook-parts.js';

/** The webhooks of an account. */
export function WebhooksCard({ account }: { account: Account }) {
  const { data, failure, reload } = useRead(webhooksQuery, { sid: account.sid });
  const [isOpen, setOpen] = useState(false);
  const webhooks = data?.account?.webhooks.nodes;
  return (
    <Card
      title="Webhooks"
      actions={
        account.status !== 'CLOSED' && (
          <button type="button" onClick={() => setOpen(true)}>
            New webhook
          </button>
        )
      }
    >
      {failure !== undefined && <Alert failure={failure} retry={reload} />}
      {webhooks === undefined && failure === undefined && <Reading what="webhooks" />}
      {webhooks?.length === 0 && <Empty>No endpoint is told of what happens here.</Empty>}
      {webhooks !== undefined && webhooks.length > 0 && (
        <ul class="rows">
          {webhooks.map((webhook) => (
            <li key={webhook.sid}>
              <span class="two-lines">
                <a href={addressOf.webhook(webhook.sid)}>{webhook.description === '' ? webhook.url : webhook.description}</a>
                <small>
                  {webhook.description !== '' && `${webhook.url} · `}
                  {waitingInWords(webhook)}
                </small>
              </span>
              <WebhookState webhook={webhook} />
            </li>
          ))}
        </ul>
      )}
      {isOpen && <CreateWebhookDialog account={account} close={() => setOpen(false)} />}
    </Card>
  );
}

function CreateWebhookDialog({ account, close }: { account: Account; close: () => void }) {
  const { api } = useSession();
  const [values, setValues] = useState({ url: '', description: '' });
  const key = useRef(newKey());
  const url = values.url.trim();
  return (
    <ActDialog
      title={`New webhook of ${account.friendlyName}`}
      fields={['url', 'description']}
      close={close}
      plan={() => {
        assertFilled(url, 'url', 'Where events are to be sent is needed.');
        return {
          sentence: `This will send what happens to ${account.friendlyName} and below it to ${url}.`,
          details: ['From now on, every type of event.', 'Its secret is shown once, next.'],
          label: 'Create the webhook',
          async perform() {
            const description = values.description.trim();
            const input = { accountSid: account.sid, url, ...(description !== '' && { description }), idempotencyKey: key.current };
            const { secret } = (await api.request(createWebhookMutation, { input })).createWebhook;
            return (
              <div class="plan" role="status">
                <p class="plan-sentence">The secret that deliveries are signed with. It is shown this once.</p>
                <p>
                  <code class="secret">{secret}</code>
                </p>
              </div>
            );
          },
          done: `Created a webhook to ${url}.`,
        };
      }}
      form={(failure) => (
        <>
          <TextField
            label="URL"
            help="https, at a public address."
            failure={failureAt(failure, 'url')}
            type="url"
            required
            value={values.url}
            set={(url) => setValues({ ...values, url })}
          />
          <TextField
            label="Description"
            help="For people: at most 255 characters."
            failure={failureAt(failure, 'description')}
            value={values.description}
            set={(description) => setValues({ ...values, description })}
          />
        </>
      )}
    />
  );
}
