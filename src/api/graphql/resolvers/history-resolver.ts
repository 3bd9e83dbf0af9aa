import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import type { Account } from '../../../domain/account.js';
import { isSid } from '../../../domain/sid.js';
import type { VisibleEntry } from '../../../service/history-queries.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { FollowsFrom } from '../execution/planning-hints.js';
import { AccountObjectType } from '../types/account-type.js';
import { HistoryEntryType } from '../types/history-type.js';

/** The accounts that an entry of the history names by their SIDs. The entries of a page share one look-up. */
@Resolver(() => HistoryEntryType)
export class HistoryResolver {
  @Guarded('readAccount')
  @FollowsFrom('visibleActorSid')
  @FieldResolver(() => AccountObjectType, { nullable: true, description: 'The account that did it. Null where `actorSid` is.' })
  async actor(@Root() { visibleActorSid }: Pick<VisibleEntry, 'visibleActorSid'>, @Ctx() { loaders }: Context): Promise<Account | null> {
    return visibleActorSid === null ? null : loaders.accounts.load(visibleActorSid);
  }

  @Guarded('readAccount')
  @FollowsFrom('subjectSid')
  @FieldResolver(() => AccountObjectType, {
    nullable: true,
    description: 'The account that it was done to. Null if that is an organization or a profile.',
  })
  async account(@Root() { subjectSid }: Pick<VisibleEntry, 'subjectSid'>, @Ctx() { loaders }: Context): Promise<Account | null> {
    return isSid('account', subjectSid) ? loaders.accounts.load(subjectSid) : null;
  }
}
