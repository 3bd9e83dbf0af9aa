import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { EventType } from '../../../domain/event.js';
import { type PageOf, cursorOf } from '../../../domain/page.js';
import { type DeliveryAttempt, type Webhook, type WebhookState, WebhookStatus } from '../../../domain/webhook.js';
import {
  type ListedAttempt,
  type VisibleProgress,
  attemptOrder,
  progressOrder,
  webhookOrder,
  webhookPosition,
} from '../../../service/webhook-queries.js';
import { connectionOf } from './connection.js';
import { NodeType } from './node-type.js';
import { DateTime } from './scalars.js';

registerEnumType(WebhookStatus, {
  name: 'WebhookStatus',
  description: 'What a webhook does.',
  valuesConfig: {
    ACTIVE: { description: 'It delivers.' },
    DISABLED: { description: 'It was switched off by `updateWebhook`, or because the endpoint answered 410 Gone. `stateReason` tells.' },
    PAUSED: { description: 'An event could not be delivered for three days. `updateWebhook(enabled: true)` goes on where it stopped.' },
    OWNER_NOT_ACTIVE: { description: 'Its account is not active. It goes on when the account is active again.' },
    ENDED: { description: 'Its account is closed.' },
  },
});

@ObjectType('Webhook', {
  implements: NodeType,
  description: 'An endpoint that is told of what happens to an account and everything below it.',
  simpleResolvers: true,
})
export class WebhookType extends NodeType implements Webhook {
  @Field(() => ID, { description: 'The SID: `WH` and 32 hexadecimal digits.' })
  sid: string;

  @Field(() => ID, { description: 'The SID of the account that it belongs to.' })
  accountSid: string;

  @Field({ description: 'Where events are sent.' })
  url: string;

  @Field({ description: 'What its owner says of it.' })
  description: string;

  @Field(() => [EventType], { nullable: true, description: 'The types of event that it is told of. Null for all.' })
  types: readonly EventType[] | null;

  @Field(() => String, { nullable: true, description: 'Why it is disabled or paused. Null if that was asked for, and while it delivers.' })
  stateReason: string | null;

  @Field(() => DateTime, { description: 'When it was last enabled, disabled or paused; at first, when it was created.' })
  stateChangedAt: Date;

  @Field(() => DateTime, { description: 'When it was created.' })
  dateCreated: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  dateUpdated: Date;

  @Field(() => Int, { description: 'Grows by one with each change. For `updateWebhook`.' })
  version: number;

  // Not in the schema: `status` says it, together with what the account is.
  state: WebhookState;
  treeSid: string;
}

@ObjectType('WebhookAttempt', { description: 'One try to deliver an event.', simpleResolvers: true })
export class WebhookAttemptType implements DeliveryAttempt {
  @Field(() => ID, { description: 'The ID of the event, which is the `webhook-id` of each try.' })
  eventId: string;

  @Field(() => EventType, { description: 'What the event was.' })
  eventType: EventType;

  @Field(() => DateTime, { description: 'When it was sent.' })
  date: Date;

  @Field(() => Int, { nullable: true, description: 'The HTTP status of the answer. Null if there was none.' })
  status: number | null;

  @Field(() => Int, { description: 'How long it took, in milliseconds.' })
  milliseconds: number;

  @Field({ description: 'The first 1,000 characters of the answer.' })
  answer: string;

  @Field(() => String, { nullable: true, description: 'Why it failed. Null if the event was accepted.' })
  failure: string | null;
}

@ObjectType('WebhookProgress', { description: 'A tree of which something waits to be delivered.', simpleResolvers: true })
class WebhookProgressType implements Omit<VisibleProgress, 'treeSid' | 'position' | 'part'> {
  @Field(() => ID, { description: 'The tree, as in the IDs of its events.' })
  tree: string;

  @Field(() => ID, {
    nullable: true,
    description: 'The ID of the last event of the tree that was delivered or left out. Null if there was none.',
  })
  deliveredId: string | null;

  @Field(() => Int, { description: 'The last position of the tree.' })
  latestPosition: number;

  @Field(() => Int, { description: 'How often the next event has failed.' })
  failures: number;

  @Field(() => DateTime, { nullable: true, description: 'Since when the next event fails. After three days the webhook is paused.' })
  failingSince: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When the next event is tried again. Null if it did not fail, or is being sent.' })
  nextAttemptAt: Date | null;
}

const WebhookConnection = connectionOf<Webhook>('Webhook', () => WebhookType, {
  edge: 'A webhook in a list.',
  node: 'The webhook.',
  nodes: 'The webhooks of the page.',
});

@ObjectType('WebhookConnection', { description: 'A page of the webhooks of an account, the oldest first.' })
export class WebhookConnectionType extends WebhookConnection {
  constructor(page: PageOf<Webhook>, total: number) {
    super({ page, cursorOf: (webhook) => cursorOf(webhookPosition(webhook), webhookOrder), count: async () => total });
  }
}

const WebhookAttemptConnection = connectionOf<ListedAttempt>('WebhookAttempt', () => WebhookAttemptType, {
  edge: 'An attempt in a list.',
  node: 'The attempt.',
  nodes: 'The attempts of the page.',
});

@ObjectType('WebhookAttemptConnection', { description: 'A page of the attempts to deliver to a webhook, the newest first.' })
export class WebhookAttemptConnectionType extends WebhookAttemptConnection {
  constructor(page: PageOf<ListedAttempt>, webhook: Webhook) {
    super({
      page,
      cursorOf: ({ id }) => cursorOf({ key: id, sid: webhook.sid }, attemptOrder),
      count: ({ actor, webhookQueries }) => webhookQueries.countAttempts(actor, webhook),
    });
  }
}

const WebhookProgressConnection = connectionOf<VisibleProgress>('WebhookProgress', () => WebhookProgressType, {
  edge: 'A tree in a list.',
  node: 'The tree.',
  nodes: 'The trees of the page.',
});

@ObjectType('WebhookProgressConnection', { description: 'A page of the trees of which something waits to be delivered.' })
export class WebhookProgressConnectionType extends WebhookProgressConnection {
  constructor(page: PageOf<VisibleProgress>, { sid }: Webhook) {
    super({
      page,
      cursorOf: ({ treeSid }) => cursorOf({ key: treeSid, sid: treeSid }, progressOrder),
      count: async ({ loaders }) => (await loaders.webhookWaiting.load(sid)).trees,
    });
  }
}
