import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import type { Account } from '../../domain/account.js';
import type { Organization } from '../../domain/organization.js';
import { isSid, parseSid, type Sid } from '../../domain/sid.js';
import { assertWithin } from '../../domain/input.js';
import { Guarded } from './auth-directive.js';
import type { Context } from './context.js';
import { NodeType } from './node-type.js';

const idsAtMost = 100;

@Resolver()
export class NodeResolver {
  @Guarded('readAccount')
  @Query(() => NodeType, { nullable: true, description: 'Any object by its ID; null when there is none that the caller may see.' })
  node(@Arg('id', () => ID, { description: 'The SID of an account or an organization.' }) id: string, @Ctx() context: Context) {
    return loadNode(id, 'id', context);
  }

  @Guarded('readAccount')
  @Query(() => [NodeType], {
    nullable: 'items',
    description: 'Many objects by their IDs, in that order; null where there is none that the caller may see.',
  })
  nodes(
    @Arg('ids', () => [ID], { description: 'At most 100 SIDs of accounts and organizations.' }) ids: string[],
    @Ctx() context: Context,
  ) {
    assertWithin(ids.length, { min: 0, max: idsAtMost }, 'ids', 'The number of ids');
    return Promise.all(ids.map((id) => loadNode(id, 'ids', context)));
  }
}

async function loadNode(id: Sid, field: string, { loaders }: Context): Promise<Account | Organization | null> {
  if (isSid('organization', id)) return loaders.organizations.load(id);
  return loaders.accounts.load(parseSid('account', id, field));
}
