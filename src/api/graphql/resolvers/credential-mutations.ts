import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Resolver } from 'type-graphql';
import { type Account, AccountStatus } from '../../../domain/account.js';
import { Guarded } from '../auth-directive.js';
import type { Context } from '../context.js';
import { AccountObjectType } from '../types/account-type.js';
import { IdempotentInput } from '../types/idempotent-input.js';

@InputType({ description: 'The account whose AuthToken to replace.' })
class RotateAuthTokenInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of the account.' })
  sid: string;

  @Field(() => Int, {
    defaultValue: 0,
    description: 'How many seconds the old AuthToken stays valid beside the new one, 0 to 86400. Rotating again ends an earlier overlap.',
  })
  overlapSeconds: number;
}

@InputType({ description: 'The account to create a reset token for.' })
class CreatePasswordResetTokenInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of the account.' })
  sid: string;

  @Field(() => Int, {
    nullable: true,
    description:
      'How many seconds the token is valid, 60 to 604800. Default: 86400, a day. An account has at most 10 valid tokens; another one ends the token that would expire first.',
  })
  expiresInSeconds?: number;
}

@InputType({ description: 'A reset token and the new password.' })
class ResetPasswordInput {
  @Field({ description: 'The reset token. It works once. Errors: BAD_USER_INPUT if it is unknown, used or expired.' })
  token: string;

  @Field({ description: 'The new password, 8 to 128 characters. Errors: PASSWORD_TOO_WEAK.' })
  password: string;
}

@ObjectType({ description: 'A new AuthToken.' })
class RotateAuthTokenPayload {
  @Field(() => AccountObjectType, { description: 'The account as it is now.' })
  account: Account;

  @Field({ description: 'The new AuthToken. It is a secret.' })
  authToken: string;
}

@ObjectType({ description: 'A new reset token.' })
class CreatePasswordResetTokenPayload {
  @Field(() => AccountObjectType, { description: 'The account that it is for.' })
  account: Account;

  @Field({ description: 'The token. It is a secret, and is shown only here. Hand it to the owner of the account.' })
  resetToken: string;

  @Field({ description: 'When it expires.' })
  expiresAt: Date;
}

@ObjectType({ description: 'The account whose password was reset.', simpleResolvers: true })
class ResetPasswordPayload {
  @Field(() => ID, { description: 'The SID of the account, which it can sign in with.' })
  sid: string;

  @Field(() => AccountStatus, { description: 'Its status. An uninitialized account has become active.' })
  status: AccountStatus;
}

/** Changes of what an account signs in with. */
@Resolver()
export class CredentialMutations {
  @Guarded('rotateAuthToken')
  @Mutation(() => RotateAuthTokenPayload, {
    description:
      'Gives the caller, or an account below it, a new AuthToken. Errors: PASSWORD_RESET_REQUIRED if the account has no credentials yet.',
  })
  rotateAuthToken(
    @Arg('input', { description: 'The account.' }) { sid, overlapSeconds }: RotateAuthTokenInput,
    @Ctx() { actor, request, credentials }: Context,
  ): Promise<RotateAuthTokenPayload> {
    return credentials.rotateAuthToken({ actor, request }, sid, overlapSeconds);
  }

  @Guarded('createPasswordResetToken')
  @Mutation(() => CreatePasswordResetTokenPayload, {
    description: 'Creates a one-time token that resets the password of an account below the caller.',
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
