import { Ctx, Field, ID, InputType, Int, ObjectType, registerEnumType, Directive } from 'type-graphql';
import { type Organization, type OrganizationReference, OrganizationStatus } from '../../../domain/organization.js';
import { type PageOf, cursorOf } from '../../../domain/page.js';
import { organizationOrder, organizationPosition } from '../../../service/organization-service.js';
import { PageInfoType, pageInfoOf } from './connection.js';
import type { Context } from '../context.js';
import { NodeType } from './node-type.js';
import { DateTime, DomainName } from './scalars.js';

registerEnumType(OrganizationStatus, {
  name: 'OrganizationStatus',
  description: 'Whether an organization can have accounts.',
  valuesConfig: {
    ACTIVE: { description: 'Accounts can be created in it and moved to it.' },
    CLOSED: { description: 'All its accounts are closed, and it takes no more.' },
  },
});

@ObjectType('Organization', {
  implements: NodeType,
  description: "A customer's organization. Everything below a top-level account is in that account's organization.",
  simpleResolvers: true,
})
export class OrganizationType extends NodeType implements Organization {
  @Field(() => ID, { description: 'The SID: `OR` and 32 hexadecimal digits.' })
  sid: string;

  @Field(() => DomainName, { description: 'The domain name, unique among all organizations.' })
  domainName: string;

  @Field(() => OrganizationStatus, { description: 'Whether it can have accounts.' })
  status: OrganizationStatus;

  @Field(() => DateTime, { description: 'When it was created.' })
  dateCreated: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  dateUpdated: Date;
}

@Directive('@oneOf')
@InputType('OrganizationBy', { description: 'Names one organization, by exactly one of the fields.' })
export class OrganizationBy {
  @Field(() => ID, { nullable: true, description: 'Its SID.' })
  sid?: string;

  @Field(() => DomainName, { nullable: true, description: 'Its domain name, in any case.' })
  domainName?: string;
}

export function organizationReference({ sid, domainName }: OrganizationBy): OrganizationReference {
  return sid === undefined ? { domainName: domainName! } : { sid };
}

@ObjectType('OrganizationEdge', { description: 'An organization in a list.', simpleResolvers: true })
export class OrganizationEdgeType {
  @Field({ description: 'Where in the list it stands.' })
  cursor: string;

  @Field(() => OrganizationType, { description: 'The organization.' })
  node: Organization;
}

@ObjectType('OrganizationConnection', { description: 'A page of a list of organizations, by domain name.' })
export class OrganizationConnectionType {
  constructor(
    private readonly page: PageOf<Organization>,
    private readonly status: OrganizationStatus | undefined,
  ) {}

  @Field(() => [OrganizationEdgeType], { description: 'The entries of the page, with their cursors.' })
  edges(): OrganizationEdgeType[] {
    return this.page.rows.map((node) => ({ node, cursor: cursorOfOrganization(node) }));
  }

  @Field(() => [OrganizationType], { description: 'The organizations of the page.' })
  nodes(): Organization[] {
    return this.page.rows;
  }

  @Field(() => PageInfoType, { description: 'Where the page lies in the list.' })
  pageInfo(): PageInfoType {
    return pageInfoOf(this.page, cursorOfOrganization);
  }

  @Field(() => Int, { description: 'The length of the whole list. Counted only when it is asked for.' })
  totalCount(@Ctx() { actor, organizations }: Context): Promise<number> {
    return organizations.count(actor, this.status);
  }
}

function cursorOfOrganization(organization: Organization): string {
  return cursorOf(organizationPosition(organization), organizationOrder);
}
