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
  description: 'What an account is, commercially.',
  valuesConfig: { FULL: { description: 'A full account.' }, TRIAL: { description: 'An account on trial.' } },
});

registerEnumType(AccountStatus, {
  name: 'AccountStatus',
  description: 'Where an account stands in its life cycle. Below an account that is not active, nothing is active.',
  valuesConfig: {
    UNINITIALIZED: {
      description: 'Has no password yet, or waits for it to be set anew. May become active, by setting a password, or closed.',
    },
    ACTIVE: { description: 'In use: may sign in and send traffic. May become suspended or closed.' },
    SUSPENDED: { description: 'Switched off for a while. May become active or closed.' },
    CLOSED: { description: 'Switched off for good. Every change is refused.' },
  },
});

registerEnumType(Role, {
  name: 'Role',
  description: 'What the credentials of an account permit.',
  valuesConfig: {
    ADMINISTRATOR: { description: 'Manages itself and every account below it.' },
    DEVELOPER: { description: 'As an Administrator, but without managing sub-accounts.' },
    PROVISIONING_AGENT: { description: 'As a Developer, but without reading the text of SMS messages or removing recordings.' },
  },
});

@ObjectType('Capabilities', {
  description: 'What the gateway lets an account do right now; follows from its status.',
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

@ObjectType('Subresource', { description: 'A link to what hangs off an account and lives in another service.', simpleResolvers: true })
export class SubresourceType implements Subresource {
  @Field({ description: 'Its name, as in `Calls`.' })
  name: string;

  @Field({ description: "Its URI, relative to the documented API's mount. Append `.json` to have JSON." })
  uri: string;

  @Field(() => [String], { description: 'The media types that it can answer in.' })
  mediaTypes: readonly string[];
}

@ObjectType('AccountPermissions', {
  description: "What the caller's role and place in the tree permit it to do to an account. The account's status may still refuse.",
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

  @Field({ description: 'Make a one-time token that resets its password.' })
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

  @Field(() => EmailAddress, { description: 'The e-mail address, unique among accounts that are not closed.' })
  emailAddress: string;

  @Field({ description: 'A description of 1 to 64 characters. By default the e-mail address.' })
  friendlyName: string;

  @Field(() => AccountType, { description: 'What it is, commercially.' })
  type: AccountType;

  @Field(() => AccountStatus, { description: 'Where it stands in its life cycle.' })
  status: AccountStatus;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Since when it has its status. Null where it has had it since before that was kept.',
  })
  statusChangedAt: Date | null;

  @Field(() => Role, { description: 'What its credentials permit. The root is the Super Admin, whatever its role.' })
  role: Role;

  @Field(() => DateTime, { description: 'When it was created.' })
  dateCreated: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  dateUpdated: Date;

  @Field(() => Int, {
    description: 'Grows by one with each change. A mutation that names the version it read is refused once that is stale.',
  })
  version: number;

  // Not in the schema as they are: the parent is out of sight for the account itself, and the path would show it; so may be who
  // gave it its status.
  statusChangedBy: string | null;
  parentSid: string | null;
  topLevelSid: string;
  path: string;
}

@Directive('@oneOf')
@InputType('AccountBy', { description: 'Names one account, by exactly one of the fields.' })
export class AccountBy {
  @Field(() => ID, { nullable: true, description: 'Its SID.' })
  sid?: string;

  @Field(() => EmailAddress, { nullable: true, description: 'Its e-mail address, in any case. A closed account has none to be found by.' })
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
