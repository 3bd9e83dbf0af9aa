import { Ctx, Directive, Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { type PageOf, cursorOf } from '../../../domain/page.js';
import type { Profile, ProfileSummary } from '../../../domain/profile.js';
import { profileOrder, profilePosition } from '../../../service/profile-queries.js';
import type { ProfileTarget } from '../../../service/profile-service.js';
import { PageInfoType, pageInfoOf } from './connection.js';
import type { Context } from '../context.js';
import { NodeType } from './node-type.js';
import { JsonObject } from './json-object.js';
import { DateTime } from './scalars.js';

@ObjectType('ProfileSummary', { description: 'A profile in a list, without its document.', simpleResolvers: true })
export class ProfileSummaryType implements ProfileSummary {
  @Field(() => ID, { description: 'The SID: `PR` and 32 hexadecimal digits.' })
  sid: string;

  @Field(() => DateTime, { description: 'When it was created.' })
  dateCreated: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  dateUpdated: Date;
}

@ObjectType('Profile', {
  implements: NodeType,
  description: "Settings that the provider's services read, in effect for the accounts and organizations that it is linked to.",
  simpleResolvers: true,
})
export class ProfileType extends NodeType implements Profile {
  @Field(() => ID, { description: 'The SID: `PR` and 32 hexadecimal digits.' })
  sid: string;

  @Field(() => JsonObject, { description: 'The settings, as they were stored.' })
  document: string;

  @Field(() => DateTime, { description: 'When it was created.' })
  dateCreated: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  dateUpdated: Date;
}

@Directive('@oneOf')
@InputType('ProfileTarget', { description: 'What to link a profile to, by exactly one of the fields.' })
export class ProfileTargetInput {
  @Field(() => ID, { nullable: true, description: 'The SID of an account. Errors: ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED.' })
  accountSid?: string;

  @Field(() => ID, { nullable: true, description: 'The SID of an organization that is not closed. Errors: ORGANIZATION_NOT_FOUND.' })
  organizationSid?: string;
}

export function profileTarget({ accountSid, organizationSid }: ProfileTargetInput): ProfileTarget {
  return accountSid === undefined ? { organization: { sid: organizationSid! } } : { account: { sid: accountSid } };
}

@ObjectType('ProfileEdge', { description: 'A profile in a list.', simpleResolvers: true })
export class ProfileEdgeType {
  @Field({ description: 'Where in the list it stands.' })
  cursor: string;

  @Field(() => ProfileSummaryType, { description: 'The profile.' })
  node: ProfileSummary;
}

@ObjectType('ProfileConnection', { description: 'A page of the list of profiles, in the order of their creation.' })
export class ProfileConnectionType {
  constructor(private readonly page: PageOf<ProfileSummary>) {}

  @Field(() => [ProfileEdgeType], { description: 'The entries of the page, with their cursors.' })
  edges(): ProfileEdgeType[] {
    return this.page.rows.map((node) => ({ node, cursor: cursorOfProfile(node) }));
  }

  @Field(() => [ProfileSummaryType], { description: 'The profiles of the page.' })
  nodes(): ProfileSummary[] {
    return this.page.rows;
  }

  @Field(() => PageInfoType, { description: 'Where the page lies in the list.' })
  pageInfo(): PageInfoType {
    return pageInfoOf(this.page, cursorOfProfile);
  }

  @Field(() => Int, { description: 'The length of the whole list. Counted only when it is asked for.' })
  totalCount(@Ctx() { actor, profileQueries }: Context): Promise<number> {
    return profileQueries.count(actor);
  }
}

function cursorOfProfile(profile: ProfileSummary): string {
  return cursorOf(profilePosition(profile), profileOrder);
}
