import { triedForDays } from '../domain/retries.js';
import type { Sid } from '../domain/sid.js';
import type { WebhookState } from '../domain/webhook.js';
import type { AuditedTransactions } from './audited-transaction.js';
import { gatewayAuthor } from './audited-transaction.js';

/** An endpoint as it was tried. */
export interface TriedWebhook {
  webhookSid: Sid;
  webhookVersion: number;
}

/** Stops endpoints by the gateway's own decision, as the history tells (SPEC §7). */
export class WebhookPausing {
  constructor(private readonly transactions: AuditedTransactions) {}

  /**
   * Pauses an endpoint to which an event could not be delivered for days. Its account's other endpoints are told. One that has changed since
   * it was tried, in its URL perhaps, is left as it is.
   */
  pause(webhook: TriedWebhook, eventId: string): Promise<void> {
    return this.#stop(webhook, 'paused', `Event ${eventId} could not be delivered for ${triedForDays} days.`);
  }

  /** Disables an endpoint that says it is gone, unless it has changed since it was tried. */
  switchOff(webhook: TriedWebhook): Promise<void> {
    return this.#stop(webhook, 'disabled', 'The receiver answered with status 410 (Gone).');
  }

  async #stop(
    { webhookSid: sid, webhookVersion }: TriedWebhook,
    state: Exclude<WebhookState, 'enabled'>,
    stateReason: string,
  ): Promise<void> {
    await this.transactions.writeUnauthenticated(
      gatewayAuthor,
      { alsoRead: ({ webhooks }) => webhooks.lock(sid) },
      async ({ webhooks, deliveries }, { read: webhook, record }) => {
        // It may be gone by now, or be stopped already because of another tree.
        if (webhook?.state !== 'enabled' || webhook.version !== webhookVersion) return;
        await webhooks.update(sid, { state, stateReason, stateChangedAt: () => 'now()' });
        deliveries.stop(sid);
        record(webhook.treeSid, {
          operation: state === 'paused' ? 'pauseWebhook' : 'updateWebhook',
          subjectSid: webhook.accountSid,
          before: { webhookSid: sid, state: webhook.state },
          after: { webhookSid: sid, state, reason: stateReason },
        });
      },
    );
  }
}
