import { Arg, Args, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import type { Account } from '../../../domain/account.js';
import { pageOfAll, parsePage } from '../../../domain/page.js';
import { type Webhook, WebhookStatus, statusOfWebhook } from '../../../domain/webhook.js';
import { webhookOrder, webhookPosition } from '../../../service/webhook-queries.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { AccountObjectType } from '../types/account-type.js';
import { ConnectionArgs } from '../types/connection.js';
import { idDescription } from '../types/node-type.js';
import { WebhookAttemptConnectionType, WebhookConnectionType, WebhookProgressConnectionType, WebhookType } from '../types/webhook-type.js';

/** The account that a webhook belongs to: whoever sees the webhook sees it. */
const accountOf = async ({ accountSid }: Webhook, { loaders }: Context): Promise<Account> => (await loaders.accounts.load(accountSid))!;

@Resolver(() => WebhookType)
export class WebhookResolver {
  @Guarded('manageWebhooks')
  @Query(() => WebhookType, { nullable: true, description: 'One webhook. Null if there is none, or if the caller may not see it.' })
  webhook(
    @Arg('sid', () => ID, { description: 'The SID of the webhook.' }) sid: string,
    @Ctx() { loaders }: Context,
  ): Promise<Webhook | null> {
    return loaders.webhooks.load(sid);
  }

  @FieldResolver(() => ID, { description: idDescription })
  id(@Root() { sid }: WebhookType): string {
    return sid;
  }

  @Guarded('readAccount')
  @FieldResolver(() => AccountObjectType, { description: 'The account that it belongs to. It is told of what that account may see.' })
  account(@Root() webhook: WebhookType, @Ctx() context: Context): Promise<Account> {
    return accountOf(webhook, context);
  }

  @FieldResolver(() => WebhookStatus, { description: 'What it does.' })
  async status(@Root() webhook: WebhookType, @Ctx() context: Context): Promise<WebhookStatus> {
    return statusOfWebhook(webhook, await accountOf(webhook, context));
  }

  @FieldResolver(() => Int, {
    description: 'How many entries of the history it has still to look at, in all trees. Not each of them is an event that it is told of.',
  })
  async waitingCount(@Root() { sid }: WebhookType, @Ctx() { loaders }: Context): Promise<number> {
    return (await loaders.webhookWaiting.load(sid)).entries;
  }

  @Guarded('manageWebhooks')
  @FieldResolver(() => WebhookProgressConnectionType, {
    description: 'The trees of which something waits to be delivered, and how far each of them is.',
  })
  async waiting(
    @Root() webhook: WebhookType,
    @Args() page: ConnectionArgs,
    @Ctx() context: Context,
  ): Promise<WebhookProgressConnectionType> {
    const { actor, webhookQueries } = context;
    return new WebhookProgressConnectionType(
      await webhookQueries.progress(actor, webhook, await accountOf(webhook, context), page),
      webhook,
    );
  }

  @Guarded('manageWebhooks')
  @FieldResolver(() => WebhookAttemptConnectionType, {
    description: 'The attempts to deliver to it, the newest first. They are kept for 30 days, unless the operator set another time.',
  })
  async attempts(
    @Root() webhook: WebhookType,
    @Args() page: ConnectionArgs,
    @Ctx() { actor, webhookQueries }: Context,
  ): Promise<WebhookAttemptConnectionType> {
    return new WebhookAttemptConnectionType(await webhookQueries.attempts(actor, webhook, page), webhook);
  }
}

@Resolver(() => AccountObjectType)
export class AccountWebhooksResolver {
  @Guarded('manageWebhooks')
  @FieldResolver(() => WebhookConnectionType, { description: 'The webhooks of the account, at most 20.' })
  async webhooks(
    @Root() account: AccountObjectType,
    @Args() asked: ConnectionArgs,
    @Ctx() { loaders }: Context,
  ): Promise<WebhookConnectionType> {
    const page = parsePage(asked, webhookOrder);
    const all = await loaders.accountWebhooks.load(account as Account);
    return new WebhookConnectionType(pageOfAll(all, page, webhookPosition), all.length);
  }
}
