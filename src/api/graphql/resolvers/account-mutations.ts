import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Resolver } from 'type-graphql';
import { type Account, AccountStatus, AccountType, Role } from '../../../domain/account.js';
import type { AccountChanges } from '../../../service/account-service.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { AccountObjectType } from '../types/account-type.js';
import { IdempotentInput } from '../types/idempotent-input.js';
import { OrganizationBy, organizationReference } from '../types/organization-type.js';
import { EmailAddress } from '../types/scalars.js';

@InputType({ description: 'The account to create.' })
class CreateAccountInput extends IdempotentInput {
  @Field(() => ID, {
    nullable: true,
    description: 'The SID of its parent. Default: the caller. Errors: PARENT_NOT_ACTIVE, MAX_LEVELS_EXCEEDED.',
  })
  parentSid?: string;

  @Field(() => EmailAddress, {
    description:
      'Its e-mail address. Errors: INVALID_EMAIL; EMAIL_IN_USE; RATE_LIMITED if too many addresses were asked for that belong to accounts which the caller cannot see.',
  })
  emailAddress: string;

  @Field({
    nullable: true,
    description: 'Its password, 8 to 128 characters. Without a password the account is uninitialized. Errors: PASSWORD_TOO_WEAK.',
  })
  password?: string;

  @Field({
    nullable: true,
    description: 'A description of 1 to 64 characters. Default: the e-mail address. Errors: FRIENDLY_NAME_TOO_LONG.',
  })
  friendlyName?: string;

  @Field(() => AccountType, { nullable: true, description: 'Its commercial type. Default: FULL.' })
  type?: AccountType;

  @Field(() => AccountStatus, { nullable: true, description: 'Its status. Default: ACTIVE with a password, UNINITIALIZED without.' })
  status?: AccountStatus;

  @Field(() => Role, { description: 'What it may do when it has signed in.' })
  role: Role;

  @Field(() => OrganizationBy, {
    nullable: true,
    description:
      "Its organization. Only the Super Admin can choose one, for a top-level account. Default: the parent's. Errors: ORGANIZATION_NOT_FOUND, NOT_TOP_LEVEL.",
  })
  organization?: OrganizationBy;
}

@InputType({
  description:
    'The account to change, and its new values. Fields that are left out stay as they are. A value that the account already has is not a change.',
})
class UpdateAccountInput extends IdempotentInput implements AccountChanges {
  @Field(() => ID, { description: 'The SID of the account.' })
  sid: string;

  @Field({ nullable: true, description: 'A description of 1 to 64 characters. Errors: FRIENDLY_NAME_TOO_LONG.' })
  friendlyName?: string;

  @Field({
    nullable: true,
    description:
      'A new password, 8 to 128 characters. The account gets a new AuthToken with it, and an uninitialized account becomes active. Errors: PASSWORD_TOO_WEAK, PARENT_NOT_ACTIVE.',
  })
  password?: string;

  @Field(() => AccountType, { nullable: true, description: 'Its commercial type. Only administrators above it can change this.' })
  type?: AccountType;

  @Field(() => EmailAddress, {
    nullable: true,
    description:
      'A new e-mail address. The old one can no longer sign in, and reset tokens stop working. Only administrators above the account can change this. Errors: INVALID_EMAIL, EMAIL_IN_USE.',
  })
  emailAddress?: string;

  @Field(() => Role, { nullable: true, description: 'What it may do when it has signed in. Only administrators above it can change this.' })
  role?: Role;

  @Field(() => Int, {
    nullable: true,
    description: 'The version that you read. If the account has changed since then, the mutation is refused. Errors: VERSION_CONFLICT.',
  })
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
  @Mutation(() => UpdateAccountPayload, { description: 'Changes one account: the caller itself, or one that the caller manages.' })
  async updateAccount(
    @Arg('input', { description: 'The change.' }) { sid, ...changes }: UpdateAccountInput,
    @Ctx() { actor, request, accounts }: Context,
  ): Promise<UpdateAccountPayload> {
    return { account: await accounts.update({ actor, request }, { sid }, changes) };
  }
}
