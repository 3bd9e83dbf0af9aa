import type { GraphQLResolveInfo } from 'graphql';
import { ArgsType, Field, InputType, Int, registerEnumType } from 'type-graphql';
import { AccountStatus, AccountType, Role } from '../../../domain/account.js';
import {
  type AccountFilter,
  type AccountOrder,
  type AccountScope,
  type ListOwner,
  creationOrder,
  parseFilter,
  treeOrder,
} from '../../../domain/account-list.js';
import { assertWithin } from '../../../domain/input.js';
import { parsePage } from '../../../domain/page.js';
import { AccountConnectionType } from '../types/account-type.js';
import { ConnectionArgs } from '../types/connection.js';
import type { Context } from '../context.js';
import { OrganizationBy } from '../types/organization-type.js';
import { requestedColumns } from '../execution/requested-columns.js';

const AccountOrderField = { DATE_CREATED: 'dateCreated', FRIENDLY_NAME: 'friendlyName' } as const;
type AccountOrderField = (typeof AccountOrderField)[keyof typeof AccountOrderField];
registerEnumType(AccountOrderField, {
  name: 'AccountOrderField',
  description: 'What a list of accounts can be ordered by.',
  valuesConfig: {
    DATE_CREATED: { description: 'By when they were created.' },
    FRIENDLY_NAME: { description: 'By friendly name, in any case.' },
  },
});

const OrderDirection = { ASC: 'asc', DESC: 'desc' } as const;
type OrderDirection = (typeof OrderDirection)[keyof typeof OrderDirection];
registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description: 'The direction of an order.',
  valuesConfig: { ASC: { description: 'Ascending: the lowest first.' }, DESC: { description: 'Descending: the highest first.' } },
});

@InputType('AccountOrder', { description: 'The order of a list of accounts. Accounts that are equal in it are ordered by SID.' })
class AccountOrderInput {
  @Field(() => AccountOrderField, { description: 'The field to order by.' })
  field: AccountOrderField;

  @Field(() => OrderDirection, { description: 'The direction.', defaultValue: OrderDirection.ASC })
  direction: OrderDirection;
}

@InputType('AccountFilter', { description: 'Narrows a list of accounts to those that match every field given.' })
class AccountFilterInput implements AccountFilter {
  @Field(() => AccountStatus, { nullable: true, description: 'Only accounts with this status.' })
  status?: AccountStatus;

  @Field(() => Role, { nullable: true, description: 'Only accounts with this role.' })
  role?: Role;

  @Field(() => AccountType, { nullable: true, description: 'Only accounts of this type.' })
  type?: AccountType;

  @Field({
    nullable: true,
    description:
      'Only accounts with this text in their friendly name or e-mail address, in any case. 3 to 255 characters; an empty text matches all accounts.',
  })
  text?: string;
}

@ArgsType()
class FilteredArgs extends ConnectionArgs {
  @Field(() => AccountFilterInput, { nullable: true, description: 'Which accounts to list. Default: all, including closed ones.' })
  filter?: AccountFilterInput;
}

@ArgsType()
export class SubAccountsArgs extends FilteredArgs {
  @Field(() => AccountOrderInput, {
    nullable: true,
    description: 'The order of the list. Default: by when they were created, the oldest first.',
  })
  orderBy?: AccountOrderInput;
}

@ArgsType()
export class AccountsArgs extends SubAccountsArgs {
  @Field(() => OrganizationBy, {
    nullable: true,
    description:
      "Lists all accounts of this organization instead of the caller's sub-accounts. For the Super Admin only. Errors: ORGANIZATION_NOT_FOUND.",
  })
  organization?: OrganizationBy;
}

@ArgsType()
export class DescendantsArgs extends FilteredArgs {
  @Field(() => Int, { nullable: true, description: 'How many levels down to go: 1 for the sub-accounts only. Default: all levels.' })
  maxDepth?: number;
}

/** The page of sub-accounts, or of an organization's accounts, that the arguments ask for. */
export function listAccounts(
  owner: ListOwner,
  kind: 'children' | 'organization',
  { filter = {}, orderBy, ...pageArguments }: SubAccountsArgs,
  context: Context,
  info: GraphQLResolveInfo,
): Promise<AccountConnectionType> {
  const order = orderBy === undefined ? creationOrder : { field: orderBy.field, descending: orderBy.direction === OrderDirection.DESC };
  return load(owner, { kind }, filter, order, pageArguments, context, info);
}

/** The page of descendants that the arguments ask for, in the order of the tree. */
export function listDescendants(
  owner: ListOwner,
  { filter = {}, maxDepth, ...pageArguments }: DescendantsArgs,
  context: Context,
  info: GraphQLResolveInfo,
): Promise<AccountConnectionType> {
  if (maxDepth !== undefined) assertWithin(maxDepth, { min: 1, max: 100 }, 'maxDepth');
  return load(owner, { kind: 'descendants', maxDepth }, filter, treeOrder, pageArguments, context, info);
}

async function load(
  owner: ListOwner,
  scope: AccountScope,
  filter: AccountFilterInput,
  order: AccountOrder,
  pageArguments: ConnectionArgs,
  { loaders }: Context,
  info: GraphQLResolveInfo,
): Promise<AccountConnectionType> {
  const page = parsePage(pageArguments, order);
  const listing = { scope, filter: parseFilter(filter), order, page, ...requestedColumns(info) };
  return new AccountConnectionType(await loaders.pages.load({ owner, listing }), listing, owner);
}
