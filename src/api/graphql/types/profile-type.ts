import { Directive, Field, ID, InputType, ObjectType } from 'type-graphql';
import { type PageOf, cursorOf } from '../../../domain/page.js';
import type { Profile, ProfileSummary } from '../../../domain/profile.js';
import { profileOrder, profilePosition } from '../../../service/profile-queries.js';
import type { ProfileTarget } from '../../../service/profile-service.js';
import { connectionOf } from './connection.js';
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
  description: "Settings for the provider's services. They are in effect for the accounts and organizations that the profile is linked to.",
  simpleResolvers: true,
})
export class ProfileType extends NodeType implements Profile {
  @Field(() => ID, { description: 'The SID: `PR` and 32 hexadecimal digits.' })
  sid: string;

  @Field(() => JsonObject, { description: 'The settings, exactly as they were stored.' })
  document: string;

  @Field(() => DateTime, { description: 'When it was created.' })
  dateCreated: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  dateUpdated: Date;
}

@Directive('@oneOf')
@InputType('ProfileTarget', { description: 'The account or organization to link a profile to, by exactly one of the fields.' })
export class ProfileTargetInput {
  @Field(() => ID, { nullable: true, description: 'The SID of an account. Errors: ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED.' })
  accountSid?: string;

  @Field(() => ID, { nullable: true, description: 'The SID of an organization that is not closed. Errors: ORGANIZATION_NOT_FOUND.' })
  organizationSid?: string;
}

export function profileTarget({ accountSid, organizationSid }: ProfileTargetInput): ProfileTarget {
  return accountSid === undefined ? { organization: { sid: organizationSid! } } : { account: { sid: accountSid } };
}

const ProfileConnection = connectionOf<ProfileSummary>('Profile', () => ProfileSummaryType, {
  edge: 'A profile in a list.',
  node: 'The profile.',
  nodes: 'The profiles of the page.',
});

@ObjectType('ProfileConnection', { description: 'A page of the list of profiles, the oldest first.' })
export class ProfileConnectionType extends ProfileConnection {
  constructor(page: PageOf<ProfileSummary>) {
    super({
      page,
      cursorOf: (profile) => cursorOf(profilePosition(profile), profileOrder),
      count: ({ actor, profileQueries }) => profileQueries.count(actor),
    });
  }
}
