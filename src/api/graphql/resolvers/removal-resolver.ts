import { Arg, Ctx, Field, FieldResolver, ID, InputType, Int, Mutation, ObjectType, Resolver, Root, registerEnumType } from 'type-graphql';
import type { Account, AccountPlace } from '../../../domain/account.js';
import { RemovalState, type ResourceRemoval } from '../../../domain/resource-removal.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { AccountObjectType } from '../types/account-type.js';
import { IdempotentInput } from '../types/idempotent-input.js';
import { DateTime } from '../types/scalars.js';

registerEnumType(RemovalState, {
  name: 'RemovalState',
  description: 'How the removal of what a closed account had stands.',
  valuesConfig: {
    PENDING: { description: 'The service has not confirmed it yet. It is asked again and again, for three days.' },
    DONE: { description: 'The service confirmed that it is removed.' },
    UNSUPPORTED: { description: 'The service does not remove anything.' },
    FAILED: { description: 'It was given up after three days. `retryResourceRemoval` has it tried again.' },
  },
});

@ObjectType('ResourceRemoval', { description: "The removal of a closed account's resources of one kind." })
class ResourceRemovalType implements ResourceRemoval {
  @Field({ description: 'The subresource, such as `Recordings`.' })
  subresource: string;

  @Field(() => RemovalState, { description: 'How it stands.' })
  state: RemovalState;

  @Field(() => DateTime, { name: 'since', description: 'Since when it is asked for.' })
  dateCreated: Date;

  @Field(() => DateTime, { name: 'changedAt', description: 'When something about it last changed.' })
  dateUpdated: Date;

  @Field(() => Int, { description: 'How often the service has failed since it last confirmed a removal of what was closed together.' })
  failures: number;

  @Field(() => String, { nullable: true, description: 'Why it failed the last time.' })
  lastFailure: string | null;
}

@InputType({ description: 'The account whose removal is to be tried again.' })
class RetryResourceRemovalInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of a closed account. Errors: BAD_USER_INPUT, ACCOUNT_NOT_FOUND.' })
  sid: string;
}

@ObjectType({ description: 'The account whose removal is tried again.' })
class RetryResourceRemovalPayload {
  @Field(() => AccountObjectType, { description: 'The account.' })
  account: Account;
}

@Resolver(() => AccountObjectType)
export class RemovalResolver {
  @Guarded('readResourceRemoval')
  @FieldResolver(() => [ResourceRemovalType], {
    nullable: true,
    description:
      'How the removal of what it had in other services stands, by subresource. Empty unless it is closed, and where no service is asked to remove anything.',
  })
  resourceRemoval(@Root() account: AccountPlace, @Ctx() { loaders }: Context): Promise<ResourceRemoval[]> {
    return loaders.resourceRemovals.load(account);
  }

  @Guarded('retryResourceRemoval')
  @Mutation(() => RetryResourceRemovalPayload, {
    description:
      'Has the removal be tried again of what a closed account had, and all that was closed together with it, where it was given up.',
  })
  async retryResourceRemoval(
    @Arg('input', { description: 'The account.' }) { sid }: RetryResourceRemovalInput,
    @Ctx() { actor, request, removals }: Context,
  ): Promise<RetryResourceRemovalPayload> {
    return { account: await removals.retry({ actor, request }, sid) };
  }
}
