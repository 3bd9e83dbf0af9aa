import { Directive, Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { type Account, type AccountReference, AccountStatus, AccountType, type Capabilities, Role } from '../../../domain/account.js';
import { type AccountListing, type AccountRow, type ListOwner, positionOf } from '../../../domain/account-list.js';
import { type PageOf, cursorOf } from '../../../domain/page.js';
import type { Subresource } from '../../../domain/subresource.js';
import { connectionOf } from './connection.js';
import { NodeType } from './node-type.js';
import { DateTime, EmailAddress } from './scalars.js';

registerEnumType(AccountType, {
  name: 'AccountType',
  description: 'The commercial type of an account.',
  valuesConfig: { FULL: { description: 'A full account.' }, TRIAL: { description: 'An account on trial.' } },
});

registerEnumType(AccountStatus, {
  name: 'AccountStatus',
  description: 'The status of an account. Below an account that is not active, no account is active.',
  valuesConfig: {
    UNINITIALIZED: {
      description: 'Has no password yet, or must set a new one. Becomes active when a password is set. May be closed.',
    },
    ACTIVE: { description: 'In use: it may sign in and send traffic. May be suspended or closed.' },
    SUSPENDED: { description: 'Switched off for a while. May be activated or closed.' },
    CLOSED: { description: 'Switched off for good. It cannot be changed any more.' },
  },
});

registerEnumType(Role, {
  name: 'Role',
  description: 'What an account may do when it has signed in.',
  valuesConfig: {
    ADMINISTRATOR: { description: 'Manages itself and every account below it.' },
    DEVELOPER: { description: 'Like an Administrator, but it cannot manage sub-accounts.' },
    PROVISIONING_AGENT: { description: 'Like a Developer, but it cannot read the text of SMS messages or remove recordings.' },
  },
});

@ObjectType('Capabilities', {
  description: 'What an account can do right now. This follows from its status.',
  simpleResolvers: true,
})
export class CapabilitiesType implements Capabilities {
  @Field({ description: 'Whether its credentials are accepted.' })
  restApi: boolean;

  @Field({ description: 'Whether it may send and receive calls and SMS.' })
  voiceAndSms: boolean;

  @Field({ description: 'Whether its SIP clients may register.' })
  clientRegistration: boolean;
}

@ObjectType('Subresource', {
  description: 'A link to a resource of an account that another service keeps, such as its calls.',
  simpleResolvers: true,
})
export class SubresourceType implements Subresource {
  @Field({ description: 'Its name, for example `Calls`.' })
  name: string;

  @Field({ description: 'Its URI in the REST API, relative to where that is mounted. Append `.json` for JSON.' })
  uri: string;

  @Field(() => [String], { description: 'The media types that it is available in.' })
  mediaTypes: readonly string[];

  @Field({
    description: 'Whether a service is connected that serves it. Otherwise requests for it are answered `NOT_IMPLEMENTED`.',
  })
  isServed: boolean;
}

@ObjectType('AccountPermissions', {
  description:
    'What the caller may do to an account, by its role and its place in the tree. The status of the account may still rule it out.',
  simpleResolvers: true,
})
export class AccountPermissionsType {
  @Field({ description: 'Change its friendly name and password.' })
  update: boolean;

  @Field({ description: 'Change its role and type.' })
  changeRole: boolean;

  @Field({ description: 'Change its e-mail address.' })
  changeEmailAddress: boolean;

  @Field({ description: 'Suspend and activate it.' })
  setStatus: boolean;

  @Field({ description: 'Close it.' })
  close: boolean;

  @Field({ description: 'Create accounts below it.' })
  createSubAccount: boolean;

  @Field({ description: 'Move it to another organization, if it is a top-level account.' })
  migrate: boolean;

  @Field({ description: 'Read and rotate its AuthToken.' })
  useAuthToken: boolean;

  @Field({ description: 'Create a one-time token that resets its password.' })
  createPasswordResetToken: boolean;
}

@ObjectType('Account', {
  implements: NodeType,
  description: 'An account: the provider itself at the root of the tree, its customers below it, their departments below them.',
  simpleResolvers: true,
})
export class AccountObjectType extends NodeType implements Account {
  @Field(() => ID, { description: 'The SID: `AC` and 32 hexadecimal digits.' })
  sid: string;

  @Field(() => ID, { description: 'The SID of the organization that it belongs to.' })
  organizationSid: string;

  @Field(() => EmailAddress, { description: 'The e-mail address. No two accounts have the same one, except for closed accounts.' })
  emailAddress: string;

  @Field({ description: 'A description of 1 to 64 characters. By default, the e-mail address.' })
  friendlyName: string;

  @Field(() => AccountType, { description: 'Its commercial type.' })
  type: AccountType;

  @Field(() => AccountStatus, { description: 'Its status.' })
  status: AccountStatus;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When its status last changed. Null if that was before the gateway recorded it.',
  })
  statusChangedAt: Date | null;

  @Field(() => Role, { description: 'What it may do when it has signed in. The root is the Super Admin, whatever its role.' })
  role: Role;

  @Field(() => DateTime, { description: 'When it was created.' })
  dateCreated: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  dateUpdated: Date;

  @Field(() => Int, {
    description: 'Grows by one with each change. A mutation that names an older version is refused.',
  })
  version: number;

  // Not in the schema as they are: an account may not see its parent, which the path would show, and perhaps not who set its status.
  statusChangedBy: string | null;
  parentSid: string | null;
  topLevelSid: string;
  path: string;
}

@Directive('@oneOf')
@InputType('AccountBy', { description: 'Identifies one account, by exactly one of the fields.' })
export class AccountBy {
  @Field(() => ID, { nullable: true, description: 'Its SID.' })
  sid?: string;

  @Field(() => EmailAddress, { nullable: true, description: 'Its e-mail address, in any case. Closed accounts are not found by it.' })
  emailAddress?: string;
}

export function accountReference({ sid, emailAddress }: AccountBy): AccountReference {
  return sid === undefined ? { emailAddress: emailAddress! } : { sid };
}

const AccountConnection = connectionOf<AccountRow>('Account', () => AccountObjectType, {
  edge: 'An account in a list.',
  node: 'The account.',
  nodes: 'The accounts of the page.',
});

@ObjectType('AccountConnection', { description: 'A page of a list of accounts.' })
export class AccountConnectionType extends AccountConnection {
  constructor(page: PageOf<AccountRow>, { scope, filter, order }: AccountListing, owner: ListOwner) {
    super({
      page,
      cursorOf: (account) => cursorOf(positionOf(account, order), order),
      count: ({ loaders }) => loaders.counts.load({ owner, listing: { scope, filter } }),
    });
  }
}
