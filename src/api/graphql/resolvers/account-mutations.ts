import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Resolver } from 'type-graphql';
import { type Account, AccountStatus, AccountType, Role } from '../../../domain/account.js';
import type { AccountChanges } from '../../../service/account-service.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { AccountObjectType } from '../types/account-type.js';
import { IdempotentInput } from '../types/idempotent-input.js';
import { OrganizationBy, organizationReference } from '../types/organization-type.js';
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

/** Creating accounts, and changing one at a time. */
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
}
