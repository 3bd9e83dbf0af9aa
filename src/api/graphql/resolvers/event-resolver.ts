import { Args, ArgsType, Ctx, Field, ID, Int, Query, Resolver, Root, Subscription } from 'type-graphql';
import { type Event, EventType } from '../../../domain/event.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { EventConnectionType, EventObjectType } from '../types/event-type.js';

@ArgsType()
class EventsArgs {
  @Field(() => ID, {
    description:
      'The SID of an account: the events about it and everything below it. For the root, what was done to itself, to organizations and to profiles. Errors: BAD_USER_INPUT.',
  })
  accountSid: string;

  @Field(() => ID, {
    nullable: true,
    description: 'Only events after this one: the ID of an event, or the `endCursor` of a page. Errors: BAD_USER_INPUT.',
  })
  after?: string;

  @Field(() => [EventType], { nullable: true, description: 'Only events of these types. Default: all.' })
  types?: EventType[];

  @Field(() => Int, { nullable: true, description: 'How many events to take, 1 to 100. Default: 50. Errors: INVALID_PAGE.' })
  first?: number;
}

@ArgsType()
class AccountEventsArgs {
  @Field(() => ID, {
    description:
      'The SID of an account: the events about it and everything below it. For the root, what is done to itself, to organizations and to profiles. Errors: BAD_USER_INPUT, FORBIDDEN, ACCOUNT_NOT_FOUND.',
  })
  accountSid: string;

  @Field(() => [EventType], { nullable: true, description: 'Only events of these types. Default: all.' })
  types?: EventType[];

  @Field(() => ID, {
    nullable: true,
    description:
      'The ID of the last event that you have: the stream goes on behind it, however old it is. The header `Last-Event-ID` counts before this. Without both, the stream begins now. Errors: BAD_USER_INPUT.',
  })
  after?: string;
}

@Resolver()
export class EventResolver {
  @Guarded('readEvents')
  @Subscription(() => EventObjectType, {
    description: 'What happens to an account and everything below it, as it happens: streamed by Server-Sent Events at `/graphql/stream`.',
    subscribe: ({ args, context }: { args: AccountEventsArgs; context: Context }) => {
      const { actor, subscriptions, stream } = context;
      const { lastEventId, signal } = stream!;
      const asked = { ...givenOf(args), lastEventId };
      // A promise, which graphql waits for; TypeGraphQL does not declare that.
      return subscriptions.open(actor, asked, signal) as unknown as AsyncIterable<Event>;
    },
  })
  accountEvents(@Args() _asked: AccountEventsArgs, @Root() event: Event): Event {
    return event;
  }

  @Guarded('readEvents')
  @Query(() => EventConnectionType, {
    nullable: true,
    description:
      'What happened to an account and everything below it, the oldest first: the same events that webhooks are sent. Null if there is no such account, or if the caller may not see it.',
  })
  async events(@Args() args: EventsArgs, @Ctx() { actor, events }: Context): Promise<EventConnectionType | null> {
    const { accountSid, ...asked } = givenOf(args);
    const page = await events.page(actor, accountSid, asked);
    return page && new EventConnectionType(page, asked.after);
  }
}

/** The arguments without those that are null, which is the same as to leave them out. */
function givenOf<Args extends object>(args: Args): Args {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null)) as Args;
}
