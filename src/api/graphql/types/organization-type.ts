import { Field, ID, InputType, ObjectType, registerEnumType, Directive } from 'type-graphql';
import { type Organization, type OrganizationReference, OrganizationStatus } from '../../../domain/organization.js';
import { type PageOf, cursorOf } from '../../../domain/page.js';
import { organizationOrder, organizationPosition } from '../../../service/organization-service.js';
import { connectionOf } from './connection.js';
import { NodeType } from './node-type.js';
import { DateTime, DomainName } from './scalars.js';

registerEnumType(OrganizationStatus, {
  name: 'OrganizationStatus',
  description: 'Whether an organization can have accounts.',
  valuesConfig: {
    ACTIVE: { description: 'Accounts can be created in it and moved to it.' },
    CLOSED: { description: 'All its accounts are closed, and it cannot have new ones.' },
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

  @Field(() => DomainName, { description: 'The domain name. No two open organizations have the same one.' })
  domainName: string;

  @Field(() => OrganizationStatus, { description: 'Whether it can have accounts.' })
  status: OrganizationStatus;

  @Field(() => DateTime, { description: 'When it was created.' })
  dateCreated: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  dateUpdated: Date;
}

@Directive('@oneOf')
@InputType('OrganizationBy', { description: 'Identifies one organization, by exactly one of the fields.' })
export class OrganizationBy {
  @Field(() => ID, { nullable: true, description: 'Its SID.' })
  sid?: string;

  @Field(() => DomainName, { nullable: true, description: 'Its domain name, in any case.' })
  domainName?: string;
}

export function organizationReference({ sid, domainName }: OrganizationBy): OrganizationReference {
  return sid === undefined ? { domainName: domainName! } : { sid };
}

const OrganizationConnection = connectionOf<Organization>('Organization', () => OrganizationType, {
  edge: 'An organization in a list.',
  node: 'The organization.',
  nodes: 'The organizations of the page.',
});

@ObjectType('OrganizationConnection', { description: 'A page of a list of organizations, by domain name.' })
export class OrganizationConnectionType extends OrganizationConnection {
  constructor(page: PageOf<Organization>, status: OrganizationStatus | undefined) {
    super({
      page,
      cursorOf: (organization) => cursorOf(organizationPosition(organization), organizationOrder),
      count: ({ actor, organizations }) => organizations.count(actor, status),
    });
  }
}
