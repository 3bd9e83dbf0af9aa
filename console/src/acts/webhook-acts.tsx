import { useSession } from '../context.js';
import { enableWebhookMutation, replayWebhookMutation, skipEventMutation, testWebhookMutation } from '../mutations.js';
import type { Attempt, WebhookDetail } from '../webhook-operations.js';
import { typeName, waitingInWords } from '../webhook-parts.js';
import { number } from '../words.js';
import { ActDialog, type Plan } from './act-dialog.js';

/** What can be done to a webhook, and to which event of it. */
export type WebhookAct = { kind: 'enable' } | { kind: 'disable' } | { kind: 'test' } | { kind: 'replay' | 'skip'; attempt: Attempt };

/** Asks before it does something to a webhook, as every act of the console does. */
export function WebhookActDialog({
  act,
  webhook,
  close,
  reload,
}: {
  act: WebhookAct;
  webhook: WebhookDetail;
  close: () => void;
  reload: () => void;
}) {
  const { api } = useSession();
  const { sid, url } = webhook;
  const enable = (enabled: boolean) => async (): Promise<void> => {
    await api.request(enableWebhookMutation, { input: { sid, enabled } });
    reload();
  };
  const plan = (): Plan => {
    if (act.kind === 'enable') {
      return {
        sentence: `This will deliver to ${url} again, from where it stopped.`,
        details: [`Of the history, ${waitingInWords(webhook)}.`],
        label: 'Switch on',
        perform: enable(true),
        done: 'The webhook delivers again.',
      };
    }
    if (act.kind === 'disable') {
      return {
        sentence: `This will deliver nothing to ${url} until it is switched on again.`,
        details: ['Nothing is lost: it goes on where it stopped.'],
        label: 'Switch off',
        perform: enable(false),
        done: 'The webhook is switched off.',
      };
    }
    if (act.kind === 'test') {
      return {
        sentence: `This will send 1 event of the type webhook.test to ${url}.`,
        details: ['Once, and at once.'],
        label: 'Send it',
        async perform() {
          const { attempt } = (await api.request(testWebhookMutation, { input: { sid } })).testWebhook;
          reload();
          return (
            <p class="plan-sentence" role="status">
              {attempt.failure === null ? `Accepted with status ${attempt.status}` : `Not accepted: ${attempt.failure}`}, after{' '}
              {number(attempt.milliseconds)} ms.
            </p>
          );
        },
        done: 'A test was sent.',
      };
    }
    const { eventId, eventType } = act.attempt;
    if (act.kind === 'replay') {
      return {
        sentence: `This will deliver ${typeName(eventType)} and what followed it in its tree again.`,
        details: [`From ${eventId} on, in order. The endpoint sees them a second time.`],
        label: 'Deliver again',
        async perform() {
          await api.request(replayWebhookMutation, { input: { sid, from: { eventId } } });
          reload();
        },
        done: 'The events are delivered again.',
      };
    }
    return {
      sentence: `This will leave out 1 event: ${typeName(eventType)}.`,
      details: [`The endpoint is never told of ${eventId}. What waits behind it is delivered.`],
      label: 'Leave it out',
      isDangerous: true,
      async perform() {
        await api.request(skipEventMutation, { input: { sid, eventId } });
        reload();
      },
      done: 'The event is left out.',
    };
  };
  return <ActDialog title={titles[act.kind]} plan={plan} close={close} />;
}

const titles: Record<WebhookAct['kind'], string> = {
  enable: 'Switch the webhook on',
  disable: 'Switch the webhook off',
  test: 'Test the webhook',
  replay: 'Replay events',
  skip: 'Skip an event',
};
