import { AppError } from '../errors.js';
import { type Account, AccountStatus } from './account.js';
import { EventType } from './event.js';
import { assertPrintable, assertWithin, lengthOf } from './input.js';
import type { Sid } from './sid.js';

/** What an endpoint does, as its owner is told (SPEC §7, "Webhooks"). */
export const WebhookStatus = {
  ACTIVE: 'active',
  DISABLED: 'disabled',
  PAUSED: 'paused',
  OWNER_NOT_ACTIVE: 'owner not active',
  ENDED: 'ended',
} as const;
export type WebhookStatus = (typeof WebhookStatus)[keyof typeof WebhookStatus];

/** What was decided about an endpoint, whatever its account is: to deliver, not to, or not to because it failed for too long. */
export type WebhookState = 'enabled' | 'disabled' | 'paused';

/** An endpoint that is told of what happens to an account and everything below it. */
export interface Webhook {
  sid: Sid;
  /** The account that it belongs to, and by whose present role and place it sees what it sees. */
  accountSid: Sid;
  /** The tree of that account: its top-level account, or the root. */
  treeSid: Sid;
  url: string;
  description: string;
  /** The types of event that it is told of; null for all. */
  types: readonly EventType[] | null;
  state: WebhookState;
  /** Why it is in its state, in a sentence; null where its owner decided so. */
  stateReason: string | null;
  stateChangedAt: Date;
  dateCreated: Date;
  dateUpdated: Date;
  /** Grows by one with each change. */
  version: number;
}

/** How many endpoints an account has at most. */
export const webhooksAtMost = 20;

/** For how long two secrets may be valid, in seconds: a week at most. */
export const secretOverlapSeconds = { min: 0, max: 604_800, default: 86_400 };

/** What the endpoint does at present, with its account in the status. */
export function statusOfWebhook({ state }: Pick<Webhook, 'state'>, account: Pick<Account, 'status'>): WebhookStatus {
  if (account.status === AccountStatus.CLOSED) return WebhookStatus.ENDED;
  if (state === 'disabled') return WebhookStatus.DISABLED;
  if (state === 'paused') return WebhookStatus.PAUSED;
  return account.status === AccountStatus.ACTIVE ? WebhookStatus.ACTIVE : WebhookStatus.OWNER_NOT_ACTIVE;
}

/** The description of an endpoint, for people. @throws AppError BAD_USER_INPUT */
export function parseDescription(text: string): string {
  assertPrintable(text, 'description');
  if (lengthOf(text) <= 255) return text;
  throw new AppError('BAD_USER_INPUT', `description must have at most 255 characters; it has ${lengthOf(text)}.`, {
    field: 'description',
  });
}

/** The chosen types, each once; null for all, as an empty list stands for too. */
export function chosenTypes(types: readonly EventType[] | undefined): EventType[] | null {
  return types === undefined || types.length === 0 ? null : [...new Set(types)];
}

/** @throws AppError BAD_USER_INPUT */
export function assertOverlap(seconds: number): void {
  assertWithin(seconds, secretOverlapSeconds, 'overlapSeconds');
}

/** Tells the caller that there is no such endpoint, or none that it may see. */
export function webhookNotFound(): AppError {
  return new AppError('WEBHOOK_NOT_FOUND', 'There is no such webhook, or you may not see it. Check its SID.', { field: 'sid' });
}

/** What came of one try to deliver an event. */
export interface DeliveryAttempt {
  eventId: string;
  eventType: EventType;
  date: Date;
  /** The HTTP status of the answer; null if there was none. */
  status: number | null;
  /** How long it took. */
  milliseconds: number;
  /** The first 1,000 characters of the answer. */
  answer: string;
  /** Why it failed, in a sentence; null if the event was accepted. */
  failure: string | null;
}

/** How far one tree's events have been delivered to an endpoint. */
export interface DeliveryProgress {
  treeSid: Sid;
  position: number;
  part: number;
  /** The last position of the tree. */
  latestPosition: number;
  /** How often the next event has failed, since when, and when it is tried again. */
  failures: number;
  failingSince: Date | null;
  nextAttemptAt: Date | null;
}
