import type { Event } from '../domain/event.js';
import type { Sid } from '../domain/sid.js';
import type { DeliveryAttempt } from '../domain/webhook.js';
import type { WebhookSender } from '../events/webhook-sender.js';
import { tracer } from '../tracing/tracer.js';
import type { Secrets } from './secrets.js';

/** Where to send, and what to sign with. */
export interface Endpoint {
  sid: Sid;
  url: string;
  /** Encrypted; the second one as long as it is valid. */
  secret: Buffer;
  previousSecret: Buffer | null;
}

/** What came of sending an event; with how long the receiver asked to wait, in seconds. */
export type SendResult = Omit<DeliveryAttempt, 'date'> & { retryAfterSeconds: number | null };

/** Sends events to endpoints, each with its secrets. */
export class Sending {
  constructor(
    private readonly sender: WebhookSender,
    private readonly secrets: Secrets,
  ) {}

  async send({ sid, url, secret, previousSecret }: Endpoint, event: Event): Promise<SendResult> {
    const sealed = previousSecret === null ? [secret] : [secret, previousSecret];
    const secrets = sealed.map((one) => this.secrets.unseal(sid, one));
    const span = tracer?.told(event.data.requestId, 'POST webhook', { 'webhook.sid': sid, 'event.type': event.type, 'event.id': event.id });
    const { status, milliseconds, answer, failure, retryAfterSeconds } = await this.sender.send({
      url,
      secrets,
      id: event.id,
      body: JSON.stringify(event),
      traceparent: span?.headers().traceparent,
    });
    span?.set({ 'http.response.status_code': status ?? undefined });
    span?.end(failure === null ? undefined : (status ?? 'no answer'));
    return {
      eventId: event.id,
      eventType: event.type,
      status,
      milliseconds: Math.round(milliseconds),
      answer,
      failure,
      retryAfterSeconds,
    };
  }
}
