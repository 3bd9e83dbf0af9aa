import type { GraphQLResolveInfo } from 'graphql';
import {
  Arg,
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Info,
  InputType,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { type Organization, OrganizationStatus } from '../../../domain/organization.js';
import type { Profile } from '../../../domain/profile.js';
import { Guarded } from '../auth-directive.js';
import { ConnectionArgs } from '../types/connection.js';
import type { Context } from '../context.js';
import { HistoryConnectionType, listHistory } from '../types/history-type.js';
import { OrganizationBy, OrganizationConnectionType, OrganizationType, organizationReference } from '../types/organization-type.js';
import { idDescription } from '../types/node-type.js';
import { ProfileType } from '../types/profile-type.js';
import { asksFor } from '../execution/requested-columns.js';
import { IdempotentInput } from '../types/idempotent-input.js';
import { DomainName } from '../types/scalars.js';

@ArgsType()
class OrganizationsArgs extends ConnectionArgs {
  @Field(() => OrganizationStatus, { nullable: true, description: 'Only organizations with this status.' })
  status?: OrganizationStatus;
}

@InputType({ description: 'The organization to create.' })
class CreateOrganizationInput extends IdempotentInput {
  @Field(() => DomainName, { description: 'Its domain name. Errors: INVALID_DOMAIN_NAME, DOMAIN_NAME_IN_USE.' })
  domainName: string;
}

@InputType({ description: 'The organization to close.' })
class CloseOrganizationInput extends IdempotentInput {
  @Field(() => ID, { description: 'The SID of the organization. Errors: ORGANIZATION_NOT_FOUND, ORGANIZATION_NOT_EMPTY.' })
  sid: string;
}

@ObjectType({ description: 'The organization that was created.' })
class CreateOrganizationPayload {
  @Field(() => OrganizationType, { description: 'The new organization.' })
  organization: Organization;
}

@ObjectType({ description: 'The organization that was closed.' })
class CloseOrganizationPayload {
  @Field(() => OrganizationType, { description: 'The organization, closed.' })
  organization: Organization;
}

@Resolver(() => OrganizationType)
export class OrganizationResolver {
  @FieldResolver(() => ID, { description: idDescription })
  id(@Root() { sid }: OrganizationType): string {
    return sid;
  }

  @Guarded('readOwnOrganization')
  @FieldResolver(() => ProfileType, { description: 'The profile that it is linked to, or else the default profile.' })
  profile(@Root() organization: OrganizationType, @Ctx() { loaders }: Context, @Info() info: GraphQLResolveInfo): Promise<Profile> {
    return loaders.effectiveProfiles.load({ of: organization, withDocument: asksFor('document', info) });
  }

  @Guarded('readHistory')
  @FieldResolver(() => HistoryConnectionType, {
    nullable: true,
    description: 'What was done to the organization itself, the oldest first.',
  })
  history(
    @Root() organization: OrganizationType,
    @Args() args: ConnectionArgs,
    @Ctx() { loaders }: Context,
  ): Promise<HistoryConnectionType> {
    return listHistory(organization, 'owner', args, loaders);
  }

  @Guarded('readOwnOrganization')
  @Query(() => OrganizationType, {
    nullable: true,
    description: "One organization: the caller's own or, for the Super Admin, any. Null if there is none, or if the caller may not see it.",
  })
  organization(
    @Arg('by', () => OrganizationBy, { description: 'Which one.' }) by: OrganizationBy,
    @Ctx() { actor, organizations }: Context,
  ): Promise<Organization | null> {
    return organizations.find(actor, organizationReference(by));
  }

  @Guarded('manageOrganizations')
  @Query(() => OrganizationConnectionType, { description: 'All organizations, by domain name.' })
  async organizations(
    @Args() { status, ...page }: OrganizationsArgs,
    @Ctx() { actor, organizations }: Context,
  ): Promise<OrganizationConnectionType> {
    return new OrganizationConnectionType(await organizations.list(actor, status, page), status);
  }

  @Guarded('manageOrganizations')
  @Mutation(() => CreateOrganizationPayload, { description: 'Creates an organization.' })
  async createOrganization(
    @Arg('input', { description: 'The organization.' }) { domainName }: CreateOrganizationInput,
    @Ctx() { actor, request, organizations }: Context,
  ): Promise<CreateOrganizationPayload> {
    return { organization: await organizations.create({ actor, request }, domainName) };
  }

  @Guarded('manageOrganizations')
  @Mutation(() => CloseOrganizationPayload, { description: 'Closes an organization that has no open account left.' })
  async closeOrganization(
    @Arg('input', { description: 'The organization.' }) { sid }: CloseOrganizationInput,
    @Ctx() { actor, request, organizations }: Context,
  ): Promise<CloseOrganizationPayload> {
    return { organization: await organizations.close({ actor, request }, sid) };
  }
}
