import type { Webhook } from './webhook-operations.js';
import { number } from './words.js';

const stateNames: Record<Webhook['status'], string> = {
  ACTIVE: 'Delivering',
  DISABLED: 'Switched off',
  PAUSED: 'Paused',
  OWNER_NOT_ACTIVE: 'Held: its account is not active',
  ENDED: 'Ended: its account is closed',
};

export function WebhookState({ webhook: { status } }: { webhook: Pick<Webhook, 'status'> }) {
  return <span class={`tag ${status === 'ACTIVE' ? 'on' : status === 'PAUSED' ? 'bad' : ''}`}>{stateNames[status]}</span>;
}

/** "3 entries of the history wait". */
export function waitingInWords({ waitingCount }: Pick<Webhook, 'waitingCount'>): string {
  if (waitingCount === 0) return 'nothing waits';
  return `${number(waitingCount)} ${waitingCount === 1 ? 'entry waits' : 'entries wait'}`;
}

/** `ACCOUNT_PASSWORD_CHANGED` as the webhook has it: `account.password_changed`. */
export function typeName(type: string): string {
  return type.toLowerCase().replace('_', '.');
}

/** An event's ID is its tree, its position and, of several parts, the part. */
export function treeOf(eventId: string): string {
  return eventId.split(':')[0]!;
}

export function positionOf(eventId: string): string {
  return number(Number(eventId.split(':')[1]));
}

/** The end of a tree's SID, which tells trees apart, and the rest of the event's ID. */
export function shortened(eventId: string): string {
  const hidden = treeOf(eventId).length - 6;
  return hidden > 0 ? `…${eventId.slice(hidden)}` : eventId;
}
