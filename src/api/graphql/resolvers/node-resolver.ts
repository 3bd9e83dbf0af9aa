import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import type { Account } from '../../../domain/account.js';
import type { Organization } from '../../../domain/organization.js';
import type { Profile } from '../../../domain/profile.js';
import { hasRank, minimumRank } from '../../../domain/permissions.js';
import type { Webhook } from '../../../domain/webhook.js';
import { kindOf, type Sid } from '../../../domain/sid.js';
import { assertWithin } from '../../../domain/input.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { NodeType } from '../types/node-type.js';
import { asksFor } from '../execution/requested-columns.js';

const idsAtMost = 100;

@Resolver()
export class NodeResolver {
  @Guarded('readAccount')
  @Query(() => NodeType, { nullable: true, description: 'One object by its ID. Null if there is none, or if the caller may not see it.' })
  node(
    @Arg('id', () => ID, { description: 'The SID of an account, an organization, a profile or a webhook.' }) id: string,
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
  ) {
    return loadNode(id, context, info);
  }

  @Guarded('readAccount')
  @Query(() => [NodeType], {
    nullable: 'items',
    description: 'Many objects by their IDs, in the same order. An object is null if there is none, or if the caller may not see it.',
  })
  nodes(
    @Arg('ids', () => [ID], { description: 'The SIDs of accounts, organizations, profiles and webhooks, at most 100.' }) ids: string[],
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
  ) {
    assertWithin(ids.length, { min: 0, max: idsAtMost }, 'ids', 'The number of ids');
    return Promise.all(ids.map((id) => loadNode(id, context, info)));
  }
}

/** A malformed ID finds nothing, as an unknown one does (SPEC §3). */
async function loadNode(
  id: Sid,
  { actor, loaders }: Context,
  info: GraphQLResolveInfo,
): Promise<Account | Organization | Profile | Webhook | null> {
  switch (kindOf(id)) {
    case 'account':
      return loaders.accounts.load(id);
    case 'organization':
      return loaders.organizations.load(id);
    case 'profile':
      return loaders.profiles.load({ of: id, withDocument: asksFor('document', info) });
    case 'webhook':
      return hasRank(actor, minimumRank('manageWebhooks')) ? loaders.webhooks.load(id) : null;
    case undefined:
      return null;
  }
}
