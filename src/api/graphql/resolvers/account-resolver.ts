import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, Extensions, FieldResolver, ID, Info, Int, Query, Resolver, Root } from 'type-graphql';
import { type Account, type AccountPlace, type Capabilities, capabilitiesIn, isRoot } from '../../../domain/account.js';
import type { AccountRow } from '../../../domain/account-list.js';
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
import { ProfileType } from '../types/profile-type.js';
import { FollowsFrom, type PlanningHints } from '../execution/planning-hints.js';
import { asksFor } from '../execution/requested-columns.js';

@Resolver(() => AccountObjectType)
export class AccountResolver {
  @Guarded('readAccount')
  @Query(() => AccountObjectType, { description: 'The account that the caller signed in as.' })
  viewer(@Ctx() { actor }: Context): Account {
    return (actor as SignedIn).account;
  }

  @Guarded('readAccount')
  @Extensions({ prefetch: ({ by }: { by: AccountBy }) => accountReference(by) } satisfies PlanningHints)
  @Query(() => AccountObjectType, {
    nullable: true,
    description: 'One account. Null when there is none, or none that the caller may see: itself and what is below it.',
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

  @FieldResolver(() => ID, { description: 'The SID: global and typed by its prefix, `AC`, `OR` or `PR`.' })
  id(@Root() { sid }: AccountPlace): string {
    return sid;
  }

  @FieldResolver(() => String, { description: "Its URI, relative to the documented API's mount." })
  uri(@Root() { sid }: AccountPlace): string {
    return accountUri(sid);
  }

  @FieldResolver(() => Boolean, {
    description:
      'Whether it is the Super Admin: the account at the root of the tree, whatever its role. `viewer { isSuperAdmin }` asks it of the caller.',
  })
  isSuperAdmin(@Root() account: AccountPlace): boolean {
    return isRoot(account);
  }

  @Guarded('readOwnOrganization')
  @FollowsFrom('organizationSid')
  @FieldResolver(() => OrganizationType, { nullable: true, description: 'The organization that it belongs to.' })
  organization(@Root() { organizationSid }: Pick<Account, 'organizationSid'>, @Ctx() { loaders }: Context): Promise<Organization | null> {
    return loaders.organizations.load(organizationSid);
  }

  @Guarded('readAccount')
  @FollowsFrom('parentSid')
  @FieldResolver(() => AccountObjectType, {
    nullable: true,
    description: 'The account above it. Null for the root, and for the caller itself, which never sees its own parent.',
  })
  async parent(@Root() { parentSid }: Pick<Account, 'parentSid'>, @Ctx() { loaders }: Context): Promise<Account | null> {
    return parentSid === null ? null : loaders.accounts.load(parentSid);
  }

  @Guarded('readAccount')
  @FollowsFrom('statusChangedBy')
  @FieldResolver(() => ID, {
    name: 'statusChangedBy',
    nullable: true,
    description:
      'By whose act it has its status: the SID of that account, or `above` where that is out of sight of the caller. Null where it is not known, and for what the gateway does by itself.',
  })
  async statusAuthor(@Root() { statusChangedBy }: Pick<Account, 'statusChangedBy'>, @Ctx() { loaders }: Context): Promise<string | null> {
    if (statusChangedBy === null) return null;
    return (await loaders.accounts.load(statusChangedBy))?.sid ?? 'above';
  }

  @Guarded('readAccount')
  @FieldResolver(() => [AccountObjectType], { description: 'The accounts above it, as far up as the caller sees, the highest first.' })
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
    description: 'All accounts below it, in the order of the tree: each account before those below it.',
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
  @FieldResolver(() => Int, { nullable: true, description: 'How many accounts are below it, closed ones too.' })
  descendantCount(@Root() account: AccountPlace, @Ctx() { loaders }: Context): Promise<number> {
    return loaders.counts.load({ owner: account, listing: { scope: { kind: 'descendants' }, filter: {} } });
  }

  @Guarded('readAccount')
  @FollowsFrom('status')
  @FieldResolver(() => CapabilitiesType, { description: 'What the gateway lets it do right now.' })
  capabilities(@Root() { status }: Pick<Account, 'status'>): Capabilities {
    return capabilitiesIn(status);
  }

  @Guarded('readAccount')
  @FieldResolver(() => [SubresourceType], { description: 'The links to what hangs off it: numbers, calls, messages and the like.' })
  subresources(@Root() { sid }: AccountPlace): Subresource[] {
    return subresourcesOf(sid);
  }

  @Guarded('readProfile')
  @FieldResolver(() => ProfileType, {
    description: "The profile in effect for it: its own, else its nearest ancestor's, else its organization's, else the default one.",
  })
  profile(
    @Root() account: AccountRow<['organizationSid']>,
    @Ctx() { loaders }: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Profile> {
    return loaders.effectiveProfiles.load({ of: account, withDocument: asksFor('document', info) });
  }

  @Guarded('readHistory')
  @FieldResolver(() => HistoryConnectionType, {
    nullable: true,
    description:
      'What was done to it, the oldest first: its own changes, and since it was created those of whole trees that it is in, as far up as the caller sees. What those are to an account depends on its status.',
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
      'The AuthToken of the caller or of an account below it. It is a secret; so it stands here alone and in no list. ' +
      'Null when there is none: the account has no password yet, is closed, or is out of sight.',
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
