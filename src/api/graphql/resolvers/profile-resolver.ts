import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, Field, FieldResolver, ID, Info, InputType, Mutation, ObjectType, Query, Resolver, Root } from 'type-graphql';
import type { Profile, ProfileSummary } from '../../../domain/profile.js';
import { Guarded } from '../auth-directive.js';
import { ConnectionArgs } from '../types/connection.js';
import type { Context } from '../context.js';
import { ProfileConnectionType, ProfileSummaryType, ProfileTargetInput, ProfileType, profileTarget } from '../types/profile-type.js';
import { idDescription } from '../types/node-type.js';
import { asksFor } from '../execution/requested-columns.js';
import { IdempotentInput } from '../types/idempotent-input.js';
import { JsonObject, JsonText } from '../types/json-object.js';

const documentDescription =
  'A JSON object of at most 1 MiB, nested at most 200 levels deep. A request may contain 25,000 values in all. Errors: BAD_USER_INPUT, PAYLOAD_TOO_LARGE.';

@InputType({ description: 'The profile to create.' })
class CreateProfileInput extends IdempotentInput {
  @Field(() => JsonObject, { description: documentDescription })
  document: JsonText;
}

@InputType({ description: 'The profile to change, and its new document.' })
class UpdateProfileInput extends CreateProfileInput {
  @Field(() => ID, { description: 'The SID of the profile. It must not be the default profile. Errors: PROFILE_NOT_FOUND, FORBIDDEN.' })
  sid: string;
}

@InputType({ description: 'The profile to delete.' })
class DeleteProfileInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of the profile. It must not be the default profile. Errors: PROFILE_NOT_FOUND, FORBIDDEN.' })
  sid: string;
}

@InputType({ description: 'The profile to link, and the account or organization to link it to.' })
class LinkProfileInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of the profile. Errors: PROFILE_NOT_FOUND.' })
  sid: string;

  @Field(() => ProfileTargetInput, { description: 'The account or organization.' })
  target: ProfileTargetInput;
}

@InputType({ description: 'The link to remove: its profile, and its account or organization.' })
class UnlinkProfileInput extends LinkProfileInput {}

@ObjectType({ description: 'The profile that was created.' })
class CreateProfilePayload {
  @Field(() => ProfileType, { description: 'The new profile.' })
  profile: Profile;
}

@ObjectType({ description: 'The profile that was changed.' })
class UpdateProfilePayload {
  @Field(() => ProfileType, { description: 'The profile as it is now.' })
  profile: Profile;
}

@ObjectType({ description: 'The profile that was deleted.' })
class DeleteProfilePayload {
  @Field(() => ID, { description: 'The SID of the deleted profile.' })
  sid: string;
}

@ObjectType({ description: 'The profile that was linked.' })
class LinkProfilePayload {
  @Field(() => ProfileSummaryType, { description: 'The profile.' })
  profile: ProfileSummary;
}

@ObjectType({ description: 'The profile whose link was removed.' })
class UnlinkProfilePayload {
  @Field(() => ProfileSummaryType, { description: 'The profile.' })
  profile: ProfileSummary;
}

@Resolver(() => ProfileType)
export class ProfileResolver {
  @FieldResolver(() => ID, { description: idDescription })
  id(@Root() { sid }: ProfileType): string {
    return sid;
  }

  @Guarded('readProfile')
  @Query(() => ProfileType, {
    nullable: true,
    description:
      'One profile: one in effect for an account or organization that the caller can see or, for the Super Admin, any. Null if there is none, or if the caller may not see it.',
  })
  profile(
    @Arg('sid', () => ID, { description: 'The SID of the profile.' }) sid: string,
    @Ctx() { loaders }: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Profile | null> {
    return loaders.profiles.load({ of: sid, withDocument: asksFor('document', info) });
  }

  @Guarded('manageProfiles')
  @Query(() => ProfileConnectionType, { description: 'All profiles, the oldest first.' })
  async profiles(@Args() page: ConnectionArgs, @Ctx() { actor, profileQueries }: Context): Promise<ProfileConnectionType> {
    return new ProfileConnectionType(await profileQueries.list(actor, page));
  }

  @Guarded('manageProfiles')
  @Mutation(() => CreateProfilePayload, { description: 'Creates a profile.' })
  async createProfile(
    @Arg('input', { description: 'The profile.' }) { document }: CreateProfileInput,
    @Ctx() { actor, request, profiles }: Context,
  ): Promise<CreateProfilePayload> {
    return { profile: await profiles.create({ actor, request }, document.text) };
  }

  @Guarded('manageProfiles')
  @Mutation(() => UpdateProfilePayload, { description: 'Replaces the document of a profile.' })
  async updateProfile(
    @Arg('input', { description: 'The change.' }) { sid, document }: UpdateProfileInput,
    @Ctx() { actor, request, profiles }: Context,
  ): Promise<UpdateProfilePayload> {
    return { profile: await profiles.update({ actor, request }, sid, document.text) };
  }

  @Guarded('manageProfiles')
  @Mutation(() => DeleteProfilePayload, {
    description:
      'Deletes a profile with its links. The next profile takes effect for the accounts and organizations that were linked to it.',
  })
  async deleteProfile(
    @Arg('input', { description: 'The profile.' }) { sid }: DeleteProfileInput,
    @Ctx() { actor, request, profiles }: Context,
  ): Promise<DeleteProfilePayload> {
    await profiles.delete({ actor, request }, sid);
    return { sid };
  }

  @Guarded('manageProfiles')
  @Mutation(() => LinkProfilePayload, {
    description: 'Links an account or organization to a profile. This replaces the link that it had.',
  })
  async linkProfile(
    @Arg('input', { description: 'The profile, and the account or organization.' }) { sid, target }: LinkProfileInput,
    @Ctx() { actor, request, profiles }: Context,
  ): Promise<LinkProfilePayload> {
    return { profile: await profiles.link({ actor, request }, sid, profileTarget(target)) };
  }

  @Guarded('manageProfiles')
  @Mutation(() => UnlinkProfilePayload, { description: 'Removes the link of an account or organization to a profile, if there is one.' })
  async unlinkProfile(
    @Arg('input', { description: 'The profile, and the account or organization.' }) { sid, target }: UnlinkProfileInput,
    @Ctx() { actor, request, profiles }: Context,
  ): Promise<UnlinkProfilePayload> {
    return { profile: await profiles.unlink({ actor, request }, sid, profileTarget(target)) };
  }
}
