import { type Page, type Status, operation } from './operations.js';

/* What is read of webhooks. */

export interface Webhook {
  sid: string;
  url: string;
  description: string;
  types: string[] | null;
  status: 'ACTIVE' | 'DISABLED' | 'PAUSED' | 'OWNER_NOT_ACTIVE' | 'ENDED';
  stateReason: string | null;
  stateChangedAt: string;
  waitingCount: number;
}

const webhookFragment = `
  fragment Webhook on Webhook { sid url description types status stateReason stateChangedAt waitingCount }`;

export const webhooksQuery = operation<{ account: { webhooks: { nodes: Webhook[] } } | null }, { sid: string }>(
  'query Webhooks($sid: ID!) { account(by: { sid: $sid }) { webhooks { nodes { ...Webhook } } } }',
  webhookFragment,
);

export interface Attempt {
  eventId: string;
  eventType: string;
  date: string;
  status: number | null;
  milliseconds: number;
  answer: string;
  failure: string | null;
}

export interface Progress {
  tree: string;
  deliveredId: string | null;
  latestPosition: number;
  failures: number;
  failingSince: string | null;
  nextAttemptAt: string | null;
}

export interface WebhookDetail extends Webhook {
  account: { sid: string; friendlyName: string; status: Status };
  waiting: { nodes: Progress[] };
  attempts: Page<Attempt>;
}

export const webhookQuery = operation<{ webhook: WebhookDetail | null }, { sid: string; after: string | null }>(
  `query Webhook($sid: ID!, $after: String) {
    webhook(sid: $sid) {
      ...Webhook
      account { sid friendlyName status }
      waiting(first: 50) { nodes { tree deliveredId latestPosition failures failingSince nextAttemptAt } }
      attempts(first: 50, after: $after) {
        nodes { eventId eventType date status milliseconds answer failure }
        pageInfo { hasNextPage endCursor }
      }
    }
  }`,
  webhookFragment,
);
