import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Resolver } from 'type-graphql';
import { type Account, AccountStatus, AccountType, Role, type StatusCount } from '../../../domain/account.js';
import type { AccountChanges } from '../../../service/account-service.js';
import type { Cascade, CascadeOptions } from '../../../service/account-status.js';
import { AccountObjectType } from '../types/account-type.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { OrganizationBy, organizationReference } from '../types/organization-type.js';
import { IdempotentInput } from '../types/idempotent-input.js';
import { EmailAddress } from '../types/scalars.js';

@InputType({ description: 'What a new account is made from.' })
class CreateAccountInput extends IdempotentInput {
  @Field(() => ID, {
    nullable: true,
    description: 'The SID of the account to create it below. Default: the caller. Errors: PARENT_NOT_ACTIVE, MAX_LEVELS_EXCEEDED.',
  })
  parentSid?: string;

  @Field(() => EmailAddress, {
    description:
      'Its e-mail address. Errors: INVALID_EMAIL, EMAIL_IN_USE; RATE_LIMITED, when too many were asked for that accounts out of sight have.',
  })
  emailAddress: string;

  @Field({
    nullable: true,
    description: 'Its password, of 8 to 128 characters; without one, the account is uninitialized. Errors: PASSWORD_TOO_WEAK.',
  })
  password?: string;

  @Field({
    nullable: true,
    description: 'A description of 1 to 64 characters. Default: the e-mail address. Errors: FRIENDLY_NAME_TOO_LONG.',
  })
  friendlyName?: string;

  @Field(() => AccountType, { nullable: true, description: 'What it is, commercially. Default: FULL.' })
  type?: AccountType;

  @Field(() => AccountStatus, { nullable: true, description: 'Its status. Default: ACTIVE with a password, UNINITIALIZED without.' })
  status?: AccountStatus;

  @Field(() => Role, { description: 'What its credentials permit.' })
  role: Role;

  @Field(() => OrganizationBy, {
    nullable: true,
    description:
      "Its organization; the Super Admin may choose it for a top-level account. Default: the parent's. Errors: ORGANIZATION_NOT_FOUND, NOT_TOP_LEVEL.",
  })
  organization?: OrganizationBy;
}

@InputType({ description: 'What to change of an account. What is left out stays, and a value that it has already is no change.' })
class UpdateAccountInput extends IdempotentInput implements AccountChanges {
  @Field(() => ID, { description: 'The SID of the account.' })
  sid: string;

  @Field({ nullable: true, description: 'A description of 1 to 64 characters. Errors: FRIENDLY_NAME_TOO_LONG.' })
  friendlyName?: string;

  @Field({
    nullable: true,
    description:
      'A new password, of 8 to 128 characters. It makes a new AuthToken, and makes an uninitialized account active. Errors: PASSWORD_TOO_WEAK, PARENT_NOT_ACTIVE.',
  })
  password?: string;

  @Field(() => AccountType, { nullable: true, description: 'What it is, commercially. Only for administrators above it.' })
  type?: AccountType;

  @Field(() => EmailAddress, {
    nullable: true,
    description:
      'Another e-mail address: the one before signs in no longer, and reset tokens end. Only for administrators above it. Errors: INVALID_EMAIL, EMAIL_IN_USE.',
  })
  emailAddress?: string;

  @Field(() => Role, { nullable: true, description: 'What its credentials permit. Only for administrators above it.' })
  role?: Role;

  @Field(() => Int, { nullable: true, description: 'The version that was read. Errors: VERSION_CONFLICT.' })
  version?: number;
}

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

@InputType({ description: 'Whose AuthToken to replace.' })
class RotateAuthTokenInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of the account.' })
  sid: string;

  @Field(() => Int, {
    defaultValue: 0,
    description: 'How many seconds the old AuthToken stays valid beside the new one: 0 to 86400. Rotating again ends an earlier overlap.',
  })
  overlapSeconds: number;
}

@InputType({ description: 'Whose password to make a reset token for.' })
class CreatePasswordResetTokenInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of the account.' })
  sid: string;

  @Field(() => Int, {
    nullable: true,
    description:
      'How many seconds the token lives: 60 to 604800. Default: 86400, a day. At most 10 of an account work at once: one more ends the one that would end first.',
  })
  expiresInSeconds?: number;
}

@InputType({ description: 'A reset token and the password to set with it.' })
class ResetPasswordInput {
  @Field({ description: 'The reset token, which works once. Errors: BAD_USER_INPUT when it is unknown, used or expired.' })
  token: string;

  @Field({ description: 'The new password, of 8 to 128 characters. Errors: PASSWORD_TOO_WEAK.' })
  password: string;
}

@ObjectType({ description: 'The account that was created.' })
class CreateAccountPayload {
  @Field(() => AccountObjectType, { description: 'The new account.' })
  account: Account;
}

@ObjectType({ description: 'The account that was changed.' })
class UpdateAccountPayload {
  @Field(() => AccountObjectType, { description: 'The account as it is now.' })
  account: Account;
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

@ObjectType({ description: 'A new AuthToken.' })
class RotateAuthTokenPayload {
  @Field(() => AccountObjectType, { description: 'The account as it is now.' })
  account: Account;

  @Field({ description: 'The new AuthToken: a secret.' })
  authToken: string;
}

@ObjectType({ description: 'A new reset token.' })
class CreatePasswordResetTokenPayload {
  @Field(() => AccountObjectType, { description: 'The account that it is for.' })
  account: Account;

  @Field({ description: 'The token: a secret, told only here. Hand it to the owner of the account.' })
  resetToken: string;

  @Field({ description: 'When it stops to work.' })
  expiresAt: Date;
}

@ObjectType({ description: 'The account whose password was reset.', simpleResolvers: true })
class ResetPasswordPayload {
  @Field(() => ID, { description: 'The SID of the account, to sign in with.' })
  sid: string;

  @Field(() => AccountStatus, { description: 'Its status; an uninitialized account has become active.' })
  status: AccountStatus;
}

@Resolver()
export class AccountMutations {
  @Guarded('createAccount')
  @Mutation(() => CreateAccountPayload, {
    description: 'Creates an account below the caller, or below an account that the caller manages.',
  })
  async createAccount(
    @Arg('input', { description: 'The account.' }) { parentSid, organization, ...input }: CreateAccountInput,
    @Ctx() { actor, request, accounts }: Context,
  ): Promise<CreateAccountPayload> {
    const parent = parentSid === undefined ? undefined : { sid: parentSid };
    return {
      account: await accounts.create(
        { actor, request },
        { ...input, parent, organization: organization && organizationReference(organization) },
      ),
    };
  }

  @Guarded('updateAccount')
  @Mutation(() => UpdateAccountPayload, { description: 'Changes one account: the caller, or one that the caller manages.' })
  async updateAccount(
    @Arg('input', { description: 'The change.' }) { sid, ...changes }: UpdateAccountInput,
    @Ctx() { actor, request, accounts }: Context,
  ): Promise<UpdateAccountPayload> {
    return { account: await accounts.update({ actor, request }, { sid }, changes) };
  }

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

  @Guarded('rotateAuthToken')
  @Mutation(() => RotateAuthTokenPayload, {
    description:
      'Gives the caller, or an account below it, a new AuthToken. Errors: PASSWORD_RESET_REQUIRED when it has no credentials yet.',
  })
  rotateAuthToken(
    @Arg('input', { description: 'The account.' }) { sid, overlapSeconds }: RotateAuthTokenInput,
    @Ctx() { actor, request, credentials }: Context,
  ): Promise<RotateAuthTokenPayload> {
    return credentials.rotateAuthToken({ actor, request }, sid, overlapSeconds);
  }

  @Guarded('createPasswordResetToken')
  @Mutation(() => CreatePasswordResetTokenPayload, {
    description: 'Makes a one-time token that resets the password of an account below the caller.',
  })
  createPasswordResetToken(
    @Arg('input', { description: 'The account.' }) { sid, expiresInSeconds }: CreatePasswordResetTokenInput,
    @Ctx() { actor, request, credentials }: Context,
  ): Promise<CreatePasswordResetTokenPayload> {
    return credentials.createPasswordResetToken({ actor, request }, sid, expiresInSeconds);
  }

  @Guarded('resetPassword')
  @Mutation(() => ResetPasswordPayload, { description: 'Sets a password with a one-time reset token, without signing in.' })
  resetPassword(
    @Arg('input', { description: 'The token and the password.' }) { token, password }: ResetPasswordInput,
    @Ctx() { credentials, request }: Context,
  ): Promise<ResetPasswordPayload> {
    return credentials.resetPassword(request, token, password);
  }
}

function cascadePayload(cascade: Cascade): CascadePayload {
  return { ...cascade, reachedCount: cascade.reached.reduce((sum, { count }) => sum + count, 0) };
}
