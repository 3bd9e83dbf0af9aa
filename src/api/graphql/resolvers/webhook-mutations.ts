import { Arg, Ctx, Directive, Field, ID, InputType, Int, Mutation, ObjectType, Resolver } from 'type-graphql';
import { EventType } from '../../../domain/event.js';
import type { DeliveryAttempt, Webhook } from '../../../domain/webhook.js';
import type { ReplayFrom } from '../../../service/webhook-service.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { IdempotentInput } from '../types/idempotent-input.js';
import { DateTime } from '../types/scalars.js';
import { WebhookAttemptType, WebhookType } from '../types/webhook-type.js';

const urlDescription =
  'An https URL without user, password and fragment. Its host must have a public address, unless the operator allows others; redirects are not followed. Errors: INVALID_URL.';
const typesDescription = 'The types of event that it is told of. An empty list stands for all.';
const descriptionDescription = 'For people: at most 255 characters. Errors: BAD_USER_INPUT.';
const secretDescription =
  'The secret that deliveries are signed with, as Standard Webhooks have it: `whsec_` and Base64. It is shown only now.';

@InputType({ description: 'The webhook to create.' })
class CreateWebhookInput extends IdempotentInput {
  @Field(() => ID, {
    description:
      'The account whose events it is told of, with those of everything below it. Errors: ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, TOO_MANY_WEBHOOKS.',
  })
  accountSid: string;

  @Field({ description: urlDescription })
  url: string;

  @Field(() => [EventType], { nullable: true, description: `${typesDescription} So does leaving it out.` })
  types?: EventType[];

  @Field({ nullable: true, description: descriptionDescription })
  description?: string;
}

@InputType({ description: 'The webhook.' })
abstract class WebhookInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of the webhook. Errors: WEBHOOK_NOT_FOUND.' })
  sid: string;
}

@InputType({ description: 'The webhook to change. What is left out stays as it is.' })
class UpdateWebhookInput extends WebhookInput {
  @Field({ nullable: true, description: urlDescription })
  url?: string;

  @Field(() => [EventType], { nullable: true, description: typesDescription })
  types?: EventType[];

  @Field({ nullable: true, description: descriptionDescription })
  description?: string;

  @Field({ nullable: true, description: 'Stops it, or lets it go on where it stopped; the latter if it was paused too.' })
  enabled?: boolean;

  @Field(() => Int, {
    nullable: true,
    description: 'The version that you read. If the webhook has changed since, the mutation is refused. Errors: VERSION_CONFLICT.',
  })
  version?: number;
}

@InputType({ description: 'The webhook to delete.' })
class DeleteWebhookInput extends WebhookInput {}

@InputType({ description: 'The webhook to give a new secret.' })
class RotateWebhookSecretInput extends WebhookInput {
  @Field(() => Int, {
    nullable: true,
    description:
      'For how many seconds deliveries are signed with the old secret too: 0 to 604,800, a week. Default: 86,400, a day. Errors: BAD_USER_INPUT.',
  })
  overlapSeconds?: number;
}

@InputType({ description: 'The webhook to try.' })
class TestWebhookInput extends WebhookInput {}

@Directive('@oneOf')
@InputType('ReplayFrom', { description: 'From where on to deliver again, by exactly one of the fields.' })
class ReplayFromInput {
  @Field(() => ID, { nullable: true, description: 'An event: it and those of its tree behind it. Errors: BAD_USER_INPUT.' })
  eventId?: string;

  @Field(() => DateTime, { nullable: true, description: 'A time: what happened from then on, in all trees.' })
  date?: Date;
}

@InputType({ description: 'The webhook to deliver to again, and from where on.' })
class ReplayWebhookInput extends WebhookInput {
  @Field(() => ReplayFromInput, { description: 'From where on.' })
  from: ReplayFromInput;
}

@InputType({ description: 'The webhook, and the event to leave out.' })
class SkipWebhookEventInput extends WebhookInput {
  @Field(() => ID, { description: 'The ID of the next event of its tree. Errors: BAD_USER_INPUT if another one is next.' })
  eventId: string;
}

@ObjectType({ description: 'The webhook that was created.' })
class CreateWebhookPayload {
  @Field(() => WebhookType, { description: 'The new webhook.' })
  webhook: Webhook;

  @Field({ description: secretDescription })
  secret: string;
}

@ObjectType({ description: 'The webhook with its new secret.' })
class RotateWebhookSecretPayload extends CreateWebhookPayload {}

@ObjectType({ description: 'The webhook that was changed.' })
class UpdateWebhookPayload {
  @Field(() => WebhookType, { description: 'The webhook as it is now.' })
  webhook: Webhook;
}

@ObjectType({ description: 'The webhook that delivers again.' })
class ReplayWebhookPayload extends UpdateWebhookPayload {}

@ObjectType({ description: 'The webhook that goes on behind the event.' })
class SkipWebhookEventPayload extends UpdateWebhookPayload {}

@ObjectType({ description: 'The webhook that was deleted.' })
class DeleteWebhookPayload {
  @Field(() => ID, { description: 'The SID of the deleted webhook.' })
  sid: string;
}

@ObjectType({ description: 'What came of the try.' })
class TestWebhookPayload {
  @Field(() => WebhookAttemptType, { description: 'The attempt. `failure` says why the event was not accepted.' })
  attempt: DeliveryAttempt;
}

/** Changes of webhooks. */
@Resolver()
export class WebhookMutations {
  @Guarded('manageWebhooks')
  @Mutation(() => CreateWebhookPayload, {
    description: 'Registers an endpoint that is told of what happens to an account and everything below it, from now on.',
  })
  createWebhook(
    @Arg('input', { description: 'The webhook.' }) input: CreateWebhookInput,
    @Ctx() { actor, request, webhooks }: Context,
  ): Promise<CreateWebhookPayload> {
    return webhooks.create({ actor, request }, input);
  }

  @Guarded('manageWebhooks')
  @Mutation(() => UpdateWebhookPayload, { description: 'Changes a webhook, stops it, or lets it go on.' })
  async updateWebhook(
    @Arg('input', { description: 'The change.' }) { sid, ...changes }: UpdateWebhookInput,
    @Ctx() { actor, request, webhooks }: Context,
  ): Promise<UpdateWebhookPayload> {
    return { webhook: await webhooks.update({ actor, request }, sid, changes) };
  }

  @Guarded('manageWebhooks')
  @Mutation(() => DeleteWebhookPayload, { description: 'Deletes a webhook with its attempts. Nothing more is delivered to it.' })
  async deleteWebhook(
    @Arg('input', { description: 'The webhook.' }) { sid }: DeleteWebhookInput,
    @Ctx() { actor, request, webhooks }: Context,
  ): Promise<DeleteWebhookPayload> {
    return { sid: await webhooks.delete({ actor, request }, sid) };
  }

  @Guarded('manageWebhooks')
  @Mutation(() => RotateWebhookSecretPayload, { description: 'Gives a webhook a new secret.' })
  rotateWebhookSecret(
    @Arg('input', { description: 'The webhook.' }) { sid, overlapSeconds }: RotateWebhookSecretInput,
    @Ctx() { actor, request, webhooks }: Context,
  ): Promise<RotateWebhookSecretPayload> {
    return webhooks.rotateSecret({ actor, request }, sid, overlapSeconds);
  }

  @Guarded('manageWebhooks')
  @Mutation(() => TestWebhookPayload, {
    description: 'Sends an event of the type `webhook.test` to a webhook, once, and tells what came of it.',
  })
  async testWebhook(
    @Arg('input', { description: 'The webhook.' }) { sid }: TestWebhookInput,
    @Ctx() { actor, request, webhooks }: Context,
  ): Promise<TestWebhookPayload> {
    return { attempt: await webhooks.test({ actor, request }, sid) };
  }

  @Guarded('manageWebhooks')
  @Mutation(() => ReplayWebhookPayload, {
    description: 'Delivers events again that were delivered before. If the webhook is paused, it goes on with that.',
  })
  async replayWebhook(
    @Arg('input', { description: 'The webhook, and from where on.' }) { sid, from }: ReplayWebhookInput,
    @Ctx() { actor, request, webhooks }: Context,
  ): Promise<ReplayWebhookPayload> {
    return { webhook: await webhooks.replay({ actor, request }, sid, from as ReplayFrom) };
  }

  @Guarded('manageWebhooks')
  @Mutation(() => SkipWebhookEventPayload, { description: 'Leaves out an event that cannot be delivered, so that those behind it are.' })
  async skipWebhookEvent(
    @Arg('input', { description: 'The webhook, and the event.' }) { sid, eventId }: SkipWebhookEventInput,
    @Ctx() { actor, request, webhooks }: Context,
  ): Promise<SkipWebhookEventPayload> {
    return { webhook: await webhooks.skip({ actor, request }, sid, eventId) };
  }
}
