import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, Extensions, FieldResolver, ID, Info, Int, Query, Resolver, Root } from 'type-graphql';
import { type Account, type AccountPlace, type Capabilities, capabilitiesIn, isRoot } from '../../../domain/account.js';
import type { Organization } from '../../../domain/organization.js';
import type { Profile } from '../../../domain/profile.js';
import type { Actor, SignedIn } from '../../../domain/actor.js';
import { may } from '../../../domain/permissions.js';
import { type Subresource, accountUri, subresourcesOf } from '../../../domain/subresource.js';
import { sidsAlong } from '../../../domain/tree.js';
import { AccountsArgs, DescendantsArgs, SubAccountsArgs, listAccounts, listDescendants } from './account-listing.js';
import {
  AccountBy,
  AccountConnectionType,
  AccountObjectType,
  AccountPermissionsType,
  CapabilitiesType,
  SubresourceType,
  accountReference,
} from '../types/account-type.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { AccountHistoryArgs, HistoryConnectionType, listHistory } from '../types/history-type.js';
import { OrganizationType, organizationReference } from '../types/organization-type.js';
import { idDescription } from '../types/node-type.js';
import { ProfileType } from '../types/profile-type.js';
import { FollowsFrom, type PlanningHints } from '../execution/planning-hints.js';
import { type ColumnFor, asksFor } from '../execution/requested-columns.js';

@Resolver(() => AccountObjectType)
export class AccountResolver {
  @Guarded('readAccount')
  @Query(() => AccountObjectType, { description: 'The account that the caller is signed in as.' })
  viewer(@Ctx() { actor }: Context): Account {
    return (actor as SignedIn).account;
  }

  @Guarded('readAccount')
  @Extensions({ prefetch: ({ by }: { by: AccountBy }) => accountReference(by) } satisfies PlanningHints)
  @Query(() => AccountObjectType, {
    nullable: true,
    description: 'One account. Null if there is none, or if the caller may not see it: a caller sees itself and the accounts below it.',
  })
  account(@Arg('by', () => AccountBy, { description: 'Which one.' }) by: AccountBy, @Ctx() { loaders }: Context): Promise<Account | null> {
    return loaders.accountsByReference.load(accountReference(by));
  }

  @Guarded('listSubAccounts')
  @Query(() => AccountConnectionType, {
    description: 'The sub-accounts of the caller or, for the Super Admin, all accounts of an organization.',
  })
  async accounts(
    @Args() { organization, ...args }: AccountsArgs,
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<AccountConnectionType> {
    const { actor, organizations } = context;
    if (organization === undefined) return listAccounts((actor as SignedIn).account, 'children', args, context, info);
    return listAccounts(await organizations.getManaged(actor, organizationReference(organization)), 'organization', args, context, info);
  }

  @FieldResolver(() => ID, { description: idDescription })
  id(@Root() { sid }: AccountPlace): string {
    return sid;
  }

  @FieldResolver(() => String, { description: 'Its URI in the REST API, relative to where that is mounted.' })
  uri(@Root() { sid }: AccountPlace): string {
    return accountUri(sid);
  }

  @FieldResolver(() => Boolean, {
    description:
      'Whether it is the Super Admin: the account at the root of the tree, whatever its role. `viewer { isSuperAdmin }` tells it about the caller.',
  })
  isSuperAdmin(@Root() account: AccountPlace): boolean {
    return isRoot(account);
  }

  @Guarded('readOwnOrganization')
  @FollowsFrom('organizationSid')
  @FieldResolver(() => OrganizationType, { nullable: true, description: 'The organization that it belongs to.' })
  organization(@Root() { organizationSid }: ColumnFor<'organization'>, @Ctx() { loaders }: Context): Promise<Organization | null> {
    return loaders.organizations.load(organizationSid);
  }

  @Guarded('readAccount')
  @FollowsFrom('parentSid')
  @FieldResolver(() => AccountObjectType, {
    nullable: true,
    description: 'The account above it. Null for the root, and for the caller itself, which never sees its own parent.',
  })
  async parent(@Root() { parentSid }: Pick<AccountPlace, 'parentSid'>, @Ctx() { loaders }: Context): Promise<Account | null> {
    return parentSid === null ? null : loaders.accounts.load(parentSid);
  }

  @Guarded('readAccount')
  @FollowsFrom('statusChangedBy')
  @FieldResolver(() => ID, {
    name: 'statusChangedBy',
    nullable: true,
    description:
      'The SID of the account that gave it its status, or `above` if the caller cannot see that account. Null if it is not known, if the gateway did it by itself, or if its operator did it at the command line.',
  })
  async statusAuthorSid(@Root() { statusChangedBy }: ColumnFor<'statusChangedBy'>, @Ctx() { loaders }: Context): Promise<string | null> {
    if (statusChangedBy === null) return null;
    return sidInSight(statusChangedBy, loaders);
  }

  @Guarded('readAccount')
  @FollowsFrom('statusChangedBy')
  @FieldResolver(() => AccountObjectType, {
    nullable: true,
    description: 'The account that gave it its status. Null where `statusChangedBy` is null or `above`.',
  })
  async statusAuthor(@Root() { statusChangedBy }: ColumnFor<'statusAuthor'>, @Ctx() { loaders }: Context): Promise<Account | null> {
    return statusChangedBy === null ? null : loaders.accounts.load(statusChangedBy);
  }

  @Guarded('readAccount')
  @FieldResolver(() => [AccountObjectType], { description: 'The accounts above it that the caller can see, the highest first.' })
  async ancestors(@Root() { path }: AccountPlace, @Ctx() { loaders }: Context): Promise<Account[]> {
    const above = await loaders.accounts.loadMany(sidsAlong(path).slice(0, -1));
    return above.filter((account): account is Account => {
      if (account instanceof Error) throw account;
      return account !== null;
    });
  }

  @Guarded('listSubAccounts')
  @FieldResolver(() => AccountConnectionType, { nullable: true, description: 'The accounts directly below it.' })
  subAccounts(
    @Root() account: AccountPlace,
    @Args() args: SubAccountsArgs,
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<AccountConnectionType> {
    return listAccounts(account, 'children', args, context, info);
  }

  @Guarded('listSubAccounts')
  @FieldResolver(() => AccountConnectionType, {
    nullable: true,
    description: 'All accounts below it, in the order of the tree: each account comes before those below it.',
  })
  descendants(
    @Root() account: AccountPlace,
    @Args() args: DescendantsArgs,
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<AccountConnectionType> {
    return listDescendants(account, args, context, info);
  }

  @Guarded('listSubAccounts')
  @FieldResolver(() => Int, { nullable: true, description: 'How many accounts are below it, including closed ones.' })
  descendantCount(@Root() account: AccountPlace, @Ctx() { loaders }: Context): Promise<number> {
    return loaders.counts.load({ owner: account, listing: { scope: { kind: 'descendants' }, filter: {} } });
  }

  @Guarded('readAccount')
  @FollowsFrom('status')
  @FieldResolver(() => CapabilitiesType, { description: 'What it can do right now.' })
  capabilities(@Root() { status }: ColumnFor<'capabilities'>): Capabilities {
    return capabilitiesIn(status);
  }

  @Guarded('readAccount')
  @FieldResolver(() => [SubresourceType], { description: 'Links to its resources in other services: numbers, calls, messages and others.' })
  subresources(@Root() { sid }: AccountPlace, @Ctx() { subresources }: Context): Subresource[] {
    return subresourcesOf(sid, subresources.upstreams);
  }

  @Guarded('readProfile')
  @FieldResolver(() => ProfileType, {
    description: "The profile in effect for it: its own, or else its nearest ancestor's, its organization's, or the default profile.",
  })
  profile(
    @Root() account: AccountPlace & ColumnFor<'profile'>,
    @Ctx() { loaders }: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Profile> {
    return loaders.effectiveProfiles.load({ of: account, withDocument: asksFor('document', info) });
  }

  @Guarded('readProfile')
  @FieldResolver(() => ID, {
    nullable: true,
    description:
      'Where the profile in effect comes from: the SID of the account or organization that is linked to it, or `above` if the caller cannot see that account. Null for the default profile, when nothing is linked.',
  })
  async profileSource(@Root() account: AccountPlace & ColumnFor<'profileSource'>, @Ctx() { loaders }: Context): Promise<string | null> {
    const { linkedSid } = await loaders.effectiveProfiles.load({ of: account, withDocument: false });
    if (linkedSid === null || linkedSid === account.sid || linkedSid === account.organizationSid) return linkedSid;
    return sidInSight(linkedSid, loaders);
  }

  @Guarded('readHistory')
  @FieldResolver(() => HistoryConnectionType, {
    nullable: true,
    description:
      'What was done to it, the oldest first. This includes changes of a whole tree that it was in, if they began at an account that the caller can see. Such a change does not affect every account in the tree: that depends on the status of each.',
  })
  history(
    @Root() account: AccountPlace,
    @Args() { includeDescendants, ...args }: AccountHistoryArgs,
    @Ctx() { loaders }: Context,
  ): Promise<HistoryConnectionType> {
    return listHistory(account, includeDescendants ? 'below' : 'owner', args, loaders);
  }

  @Guarded('readAccount')
  @FieldResolver(() => AccountPermissionsType, { description: 'What the caller may do to it.' })
  viewerCan(@Root() account: AccountPlace, @Ctx() { actor }: Context): AccountPermissionsType {
    return permissionsOn(actor, account);
  }

  @Guarded('readAuthToken')
  @Extensions({ hasSideEffect: true } satisfies PlanningHints)
  @Query(() => String, {
    nullable: true,
    description:
      'The AuthToken of the caller or of an account below it. It is a secret, so no list shows it. ' +
      'Null if there is none, because the account has no password yet or is closed, and if the caller may not see the account.',
  })
  authToken(
    @Arg('sid', () => ID, { description: 'The SID of the account.' }) sid: string,
    @Ctx() { actor, request, authTokens }: Context,
  ): Promise<string | null> {
    return authTokens.authToken({ actor, request }, sid);
  }
}

function permissionsOn(actor: Actor, account: AccountPlace): AccountPermissionsType {
  return {
    update: may(actor, 'updateAccount', account),
    changeRole: may(actor, 'changeRole', account),
    changeEmailAddress: may(actor, 'changeEmailAddress', account),
    setStatus: may(actor, 'setAccountStatus', account),
    close: may(actor, 'closeAccount', account),
    createSubAccount: may(actor, 'createAccount', account),
    migrate: may(actor, 'migrateAccount', account),
    useAuthToken: may(actor, 'rotateAuthToken', account),
    createPasswordResetToken: may(actor, 'createPasswordResetToken', account),
  };
}

/** The SID, or `above` if the caller cannot see that account: then it is one above. */
async function sidInSight(sid: string, { accounts }: Context['loaders']): Promise<string> {
  return (await accounts.load(sid))?.sid ?? 'above';
}
