import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { type Event, type EventData, type EventReference, EventType } from '../../../domain/event.js';
import type { EventPage } from '../../../service/event-queries.js';
import { PageInfoType } from './connection.js';
import { JsonObject } from './json-object.js';
import { DateTime } from './scalars.js';

registerEnumType(EventType, {
  name: 'EventType',
  description: 'What happened. Webhooks spell it as in `account.created`.',
  valuesConfig: {
    ACCOUNT_CREATED: { description: '`account.created`: an account was created.' },
    ACCOUNT_UPDATED: { description: '`account.updated`: the name, type or role of an account was changed.' },
    ACCOUNT_PASSWORD_CHANGED: {
      description:
        '`account.password_changed`: the password of an account was set. If it was uninitialized, it is active now, as `after` says.',
    },
    ACCOUNT_EMAIL_CHANGED: { description: '`account.email_changed`: the e-mail address of an account was changed.' },
    ACCOUNT_SUSPENDED: { description: '`account.suspended`: the accounts in `reached` were suspended.' },
    ACCOUNT_ACTIVATED: { description: '`account.activated`: the accounts in `reached` were activated.' },
    ACCOUNT_CLOSED: { description: '`account.closed`: the accounts in `reached` were closed, for good.' },
    ACCOUNT_MIGRATED: { description: '`account.migrated`: the accounts in `reached` were moved to another organization.' },
    ACCOUNT_AUTH_TOKEN_ROTATED: { description: '`account.auth_token_rotated`: an account was given a new AuthToken.' },
    ORGANIZATION_CREATED: { description: '`organization.created`: an organization was created.' },
    ORGANIZATION_CLOSED: { description: '`organization.closed`: an organization was closed.' },
    PROFILE_CREATED: { description: '`profile.created`: a profile was created.' },
    PROFILE_UPDATED: { description: '`profile.updated`: the document of a profile was replaced.' },
    PROFILE_LINKED: { description: '`profile.linked`: a profile was linked to an account or organization.' },
    PROFILE_UNLINKED: { description: '`profile.unlinked`: the link of an account or organization to a profile was removed.' },
    PROFILE_DELETED: { description: '`profile.deleted`: a profile was deleted.' },
    WEBHOOK_PAUSED: { description: '`webhook.paused`: another webhook of the account was paused.' },
    WEBHOOK_TEST: { description: '`webhook.test`: sent by `testWebhook`.' },
  },
});

@ObjectType('EventReference', { description: 'What an event is about, or who caused it.', simpleResolvers: true })
class EventReferenceType implements EventReference {
  @Field(() => ID, { description: 'Its SID.' })
  sid: string;
}

@ObjectType('EventData', {
  description:
    'What an event says. A webhook gets the same as JSON, without the fields that are null here, but for `actor` and `requestId`.',
  simpleResolvers: true,
})
class EventDataType implements EventData {
  @Field(() => EventReferenceType, {
    nullable: true,
    description: 'The account that it was done to. If that is above the account of the stream, the latter.',
  })
  account?: EventReference;

  @Field(() => EventReferenceType, { nullable: true, description: 'The organization that it was done to.' })
  organization?: EventReference;

  @Field(() => EventReferenceType, { nullable: true, description: 'The profile that it was done to, or that was linked or unlinked.' })
  profile?: EventReference;

  @Field(() => EventReferenceType, { nullable: true, description: 'The webhook that was paused, or tested.' })
  webhook?: EventReference;

  @Field(() => JsonObject, { nullable: true, description: 'The changed fields as they were before.' })
  before?: Record<string, unknown>;

  @Field(() => JsonObject, { nullable: true, description: 'The changed fields as they were after. It contains no secrets.' })
  after?: Record<string, unknown>;

  @Field(() => [ID], {
    nullable: true,
    description:
      'The accounts that a change of a whole tree reached, in the order of the tree: at most 400 in one event. Null for all other events, and for the few changes that a version made which did not write it down.',
  })
  reached?: string[];

  @Field(() => Int, { nullable: true, description: 'The number of this event, from 1, among those that name the accounts of one change.' })
  part?: number;

  @Field(() => Int, { nullable: true, description: 'How many events name the accounts of the change.' })
  parts?: number;

  @Field(() => EventReferenceType, {
    nullable: true,
    description:
      'The account that did it. Null if the caller cannot see that account, if the gateway did it by itself, or if its operator did it at the command line.',
  })
  actor: EventReference | null;

  @Field(() => String, {
    nullable: true,
    description: 'The ID of the request, as in the header `X-Request-Id`. Null if the caller cannot see the account that did it.',
  })
  requestId: string | null;
}

@ObjectType('Event', { description: 'Something that happened: one change, as it was recorded in the history.', simpleResolvers: true })
export class EventObjectType implements Event {
  @Field(() => ID, {
    description:
      'The tree and the position in it; for an event in several parts, the number of the part too. Later events of a tree have greater positions. It is also the `webhook-id`.',
  })
  id: string;

  @Field(() => EventType, { description: 'What happened.' })
  type: EventType;

  @Field(() => DateTime, { description: 'When it happened.' })
  timestamp: Date;

  @Field(() => EventDataType, { description: 'What was done to what, and by whom.' })
  data: EventData;
}

@ObjectType('EventEdge', { description: 'An event in a list.', simpleResolvers: true })
class EventEdgeType {
  @Field({ description: "The place of the event, for `after`: the event's ID." })
  cursor: string;

  @Field(() => EventObjectType, { description: 'The event.' })
  node: Event;
}

@ObjectType('EventConnection', {
  description:
    'A page of events, the oldest first. It can have fewer events than asked for although more follow: go on from `endCursor` as long as `hasNextPage` says so.',
})
export class EventConnectionType {
  constructor(
    private readonly page: EventPage,
    private readonly after: string | undefined,
  ) {}

  @Field(() => [EventEdgeType], { description: 'The events of the page, with their cursors.' })
  edges(): EventEdgeType[] {
    return this.page.events.map((node) => ({ cursor: node.id, node }));
  }

  @Field(() => [EventObjectType], { description: 'The events of the page.' })
  nodes(): Event[] {
    return this.page.events;
  }

  @Field(() => PageInfoType, {
    description:
      'Whether more follow, and where to go on. `endCursor` moves on past what is of other types, so that nothing is read twice.',
  })
  pageInfo(): PageInfoType {
    const { events, endCursor, hasNextPage } = this.page;
    return { hasNextPage, hasPreviousPage: this.after !== undefined, startCursor: events[0]?.id ?? endCursor, endCursor };
  }
}
