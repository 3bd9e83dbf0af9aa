import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Resolver } from 'type-graphql';
import { type Account, AccountStatus, type StatusCount } from '../../../domain/account.js';
import type { Cascade, CascadeOptions } from '../../../service/account-status.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { AccountObjectType } from '../types/account-type.js';
import { IdempotentInput } from '../types/idempotent-input.js';
import { OrganizationBy, organizationReference } from '../types/organization-type.js';

@InputType({ description: 'An account whose tree to change.' })
abstract class CascadeInput extends IdempotentInput implements CascadeOptions {
  @Field(() => ID, { description: 'The SID of the account.' })
  sid: string;

  @Field({ description: 'Says what the change would reach, and changes nothing.', defaultValue: false })
  dryRun: boolean;

  @Field(() => Int, { nullable: true, description: 'The version that was read. Errors: VERSION_CONFLICT.' })
  version?: number;
}

@InputType({ description: 'Which account to suspend or activate, with what is below it.' })
class SetAccountStatusInput extends CascadeInput {
  @Field(() => AccountStatus, { description: 'ACTIVE or SUSPENDED. Errors: INVALID_STATUS, PASSWORD_RESET_REQUIRED, PARENT_NOT_ACTIVE.' })
  status: AccountStatus;
}

@InputType({ description: 'Which account to close, with everything below it.' })
class CloseAccountInput extends CascadeInput {}

@InputType({ description: 'Which tree to move, and where.' })
class MigrateAccountInput extends CascadeInput {
  @Field(() => OrganizationBy, {
    nullable: true,
    description: 'The organization to move to. Errors: ORGANIZATION_REQUIRED, SAME_ORGANIZATION.',
  })
  organization?: OrganizationBy;
}

@ObjectType('Reach', { description: 'How many accounts with one status a change reaches.', simpleResolvers: true })
class ReachType implements StatusCount {
  @Field(() => AccountStatus, { description: 'The status that they had before.' })
  status: AccountStatus;

  @Field(() => Int, { description: 'How many they are.' })
  count: number;
}

@ObjectType({ description: 'What a change of a whole tree reached, or in a dry run would reach.' })
abstract class CascadePayload {
  @Field(() => AccountObjectType, { description: 'The account as it is now; in a dry run, unchanged.' })
  account: Account;

  @Field({ description: 'Whether nothing was changed, because it was only asked what would be.' })
  dryRun: boolean;

  @Field(() => [ReachType], { description: 'The accounts that are reached, itself included, by the status that they had.' })
  reached: StatusCount[];

  @Field(() => Int, { description: 'How many accounts are reached in all.' })
  reachedCount: number;
}

@ObjectType({ description: 'What suspending or activating reached.' })
class SetAccountStatusPayload extends CascadePayload {}

@ObjectType({ description: 'What closing reached.' })
class CloseAccountPayload extends CascadePayload {}

@ObjectType({ description: 'What the move reached.' })
class MigrateAccountPayload extends CascadePayload {}

/** Changes of an account together with everything below it. */
@Resolver()
export class AccountTreeMutations {
  @Guarded('setAccountStatus')
  @Mutation(() => SetAccountStatusPayload, {
    description: 'Suspends or activates the account and everything below it, but for uninitialized and closed accounts.',
  })
  async setAccountStatus(
    @Arg('input', { description: 'The change.' }) { sid, status, ...options }: SetAccountStatusInput,
    @Ctx() { actor, request, accountStatus }: Context,
  ): Promise<SetAccountStatusPayload> {
    return cascadePayload(await accountStatus.setStatus({ actor, request }, { sid }, status, options));
  }

  @Guarded('closeAccount')
  @Mutation(() => CloseAccountPayload, { description: 'Closes the account and everything below it, for good.' })
  async closeAccount(
    @Arg('input', { description: 'The account.' }) { sid, ...options }: CloseAccountInput,
    @Ctx() { actor, request, accountStatus }: Context,
  ): Promise<CloseAccountPayload> {
    return cascadePayload(await accountStatus.close({ actor, request }, { sid }, options));
  }

  @Guarded('migrateAccount')
  @Mutation(() => MigrateAccountPayload, { description: 'Moves a top-level account, with everything below it, to another organization.' })
  async migrateAccount(
    @Arg('input', { description: 'The move.' }) { sid, organization, ...options }: MigrateAccountInput,
    @Ctx() { actor, request, migration }: Context,
  ): Promise<MigrateAccountPayload> {
    return cascadePayload(
      await migration.migrate({ actor, request }, { sid }, organization && organizationReference(organization), options),
    );
  }
}

function cascadePayload(cascade: Cascade): CascadePayload {
  return { ...cascade, reachedCount: cascade.reached.reduce((sum, { count }) => sum + count, 0) };
}
