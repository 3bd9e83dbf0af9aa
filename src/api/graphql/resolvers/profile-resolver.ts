import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, Field, FieldResolver, ID, Info, InputType, Mutation, ObjectType, Query, Resolver, Root } from 'type-graphql';
import type { Profile, ProfileSummary } from '../../../domain/profile.js';
import { Guarded } from '../auth-directive.js';
import { ConnectionArgs } from '../types/connection.js';
import type { Context } from '../context.js';
import { ProfileConnectionType, ProfileSummaryType, ProfileTargetInput, ProfileType, profileTarget } from '../types/profile-type.js';
import { asksFor } from '../execution/requested-columns.js';
import { IdempotentInput } from '../types/idempotent-input.js';
import { JsonObject, JsonText } from '../types/json-object.js';

const documentDescription =
  'A JSON object of at most 1 MiB, nested at most 200 levels deep; a request has at most 25,000 values in all. Errors: BAD_USER_INPUT, PAYLOAD_TOO_LARGE.';

@InputType({ description: 'What a new profile is made from.' })
class CreateProfileInput extends IdempotentInput {
  @Field(() => JsonObject, { description: documentDescription })
  document: JsonText;
}

@InputType({ description: 'What a profile is to hold instead.' })
class UpdateProfileInput extends CreateProfileInput {
  @Field(() => ID, { description: 'The SID of the profile; not of the default one. Errors: PROFILE_NOT_FOUND, FORBIDDEN.' })
  sid: string;
}

@InputType({ description: 'Which profile to delete.' })
class DeleteProfileInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of the profile; not of the default one. Errors: PROFILE_NOT_FOUND, FORBIDDEN.' })
  sid: string;
}

@InputType({ description: 'A profile, and an account or organization.' })
class LinkProfileInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of the profile. Errors: PROFILE_NOT_FOUND.' })
  sid: string;

  @Field(() => ProfileTargetInput, { description: 'The account or organization.' })
  target: ProfileTargetInput;
}

@InputType({ description: 'A profile, and an account or organization that it is linked to.' })
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
  @Field(() => ID, { description: 'The SID that it had.' })
  sid: string;
}

@ObjectType({ description: 'The profile that was linked.' })
class LinkProfilePayload {
  @Field(() => ProfileSummaryType, { description: 'The profile.' })
  profile: ProfileSummary;
}

@ObjectType({ description: 'The profile whose link was undone.' })
class UnlinkProfilePayload {
  @Field(() => ProfileSummaryType, { description: 'The profile.' })
  profile: ProfileSummary;
}

@Resolver(() => ProfileType)
export class ProfileResolver {
  @FieldResolver(() => ID, { description: 'The SID: global and typed by its prefix, `AC`, `OR` or `PR`.' })
  id(@Root() { sid }: ProfileType): string {
    return sid;
  }

  @Guarded('readProfile')
  @Query(() => ProfileType, {
    nullable: true,
    description:
      'One profile: one in effect for an account or organization that the caller sees or, for the Super Admin, any. Null when there is none that the caller may see.',
  })
  profile(
    @Arg('sid', () => ID, { description: 'The SID of the profile.' }) sid: string,
    @Ctx() { loaders }: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Profile | null> {
    return loaders.profiles.load({ of: sid, withDocument: asksFor('document', info) });
  }

  @Guarded('manageProfiles')
  @Query(() => ProfileConnectionType, { description: 'All profiles, in the order of their creation.' })
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
    description: 'Deletes a profile with its links: what was linked to it has the next effective profile.',
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
    description: 'Links an account or organization to a profile, instead of to any other that it was linked to.',
  })
  async linkProfile(
    @Arg('input', { description: 'The two.' }) { sid, target }: LinkProfileInput,
    @Ctx() { actor, request, profiles }: Context,
  ): Promise<LinkProfilePayload> {
    return { profile: await profiles.link({ actor, request }, sid, profileTarget(target)) };
  }

  @Guarded('manageProfiles')
  @Mutation(() => UnlinkProfilePayload, { description: 'Undoes the link of an account or organization to a profile, if there is one.' })
  async unlinkProfile(
    @Arg('input', { description: 'The two.' }) { sid, target }: UnlinkProfileInput,
    @Ctx() { actor, request, profiles }: Context,
  ): Promise<UnlinkProfilePayload> {
    return { profile: await profiles.unlink({ actor, request }, sid, profileTarget(target)) };
  }
}
