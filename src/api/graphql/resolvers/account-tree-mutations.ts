import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Resolver } from 'type-graphql';
import { type Account, AccountStatus, type StatusCount } from '../../../domain/account.js';
import type { Cascade, CascadeOptions } from '../../../service/account-status.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { AccountObjectType } from '../types/account-type.js';
import { IdempotentInput } from '../types/idempotent-input.js';
import { OrganizationBy, organizationReference } from '../types/organization-type.js';

@InputType({ description: 'The account to change, with everything below it.' })
abstract class CascadeInput extends IdempotentInput implements CascadeOptions {
  @Field(() => ID, { description: 'The SID of the account.' })
  sid: string;

  @Field({ description: 'Only reports what the change would affect, and changes nothing.', defaultValue: false })
  dryRun: boolean;

  @Field(() => Int, {
    nullable: true,
    description: 'The version that you read. If the account has changed since then, the mutation is refused. Errors: VERSION_CONFLICT.',
  })
  version?: number;
}

@InputType({ description: 'The account to suspend or activate, with everything below it.' })
class SetAccountStatusInput extends CascadeInput {
  @Field(() => AccountStatus, { description: 'ACTIVE or SUSPENDED. Errors: INVALID_STATUS, PASSWORD_RESET_REQUIRED, PARENT_NOT_ACTIVE.' })
  status: AccountStatus;
}

@InputType({ description: 'The account to close, with everything below it.' })
class CloseAccountInput extends CascadeInput {}

@InputType({ description: 'The top-level account to move, and its new organization.' })
class MigrateAccountInput extends CascadeInput {
  @Field(() => OrganizationBy, {
    nullable: true,
    description: 'The organization to move to. Errors: ORGANIZATION_REQUIRED, SAME_ORGANIZATION.',
  })
  organization?: OrganizationBy;
}

@ObjectType('Reach', { description: 'How many accounts with a certain status a change affects.', simpleResolvers: true })
class ReachType implements StatusCount {
  @Field(() => AccountStatus, { description: 'The status of these accounts before the change.' })
  status: AccountStatus;

  @Field(() => Int, { description: 'The number of these accounts.' })
  count: number;
}

@ObjectType({ description: 'What a change of a whole tree affected, or would affect in a dry run.' })
abstract class CascadePayload {
  @Field(() => AccountObjectType, { description: 'The account as it is now. After a dry run it is unchanged.' })
  account: Account;

  @Field({ description: 'Whether this was a dry run, which changed nothing.' })
  dryRun: boolean;

  @Field(() => [ReachType], {
    description: 'The accounts that are affected, including the account itself, by the status that they had before.',
  })
  reached: StatusCount[];

  @Field(() => Int, { description: 'The number of all accounts that are affected.' })
  reachedCount: number;
}

@ObjectType({ description: 'What suspending or activating affected.' })
class SetAccountStatusPayload extends CascadePayload {}

@ObjectType({ description: 'What closing affected.' })
class CloseAccountPayload extends CascadePayload {}

@ObjectType({ description: 'What the move affected.' })
class MigrateAccountPayload extends CascadePayload {}

/** Changes of an account together with everything below it. */
@Resolver()
export class AccountTreeMutations {
  @Guarded('setAccountStatus')
  @Mutation(() => SetAccountStatusPayload, {
    description: 'Suspends or activates an account and everything below it, except for uninitialized and closed accounts.',
  })
  async setAccountStatus(
    @Arg('input', { description: 'The change.' }) { sid, status, ...options }: SetAccountStatusInput,
    @Ctx() { actor, request, accountStatus }: Context,
  ): Promise<SetAccountStatusPayload> {
    return cascadePayload(await accountStatus.setStatus({ actor, request }, { sid }, status, options));
  }

  @Guarded('closeAccount')
  @Mutation(() => CloseAccountPayload, { description: 'Closes an account and everything below it, for good.' })
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
