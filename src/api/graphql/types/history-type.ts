import { ArgsType, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { HistoryOperation, type HistoryScope, type RecordVersion, historyOrder, recordOf } from '../../../domain/history.js';
import { type PageOf, cursorOf, parsePage } from '../../../domain/page.js';
import { type HistoryOwner, type VisibleEntry, historyPosition } from '../../../service/history-queries.js';
import { ConnectionArgs, connectionOf } from './connection.js';
import type { Loaders } from '../execution/loaders.js';
import { JsonObject } from './json-object.js';
import { DateTime } from './scalars.js';

registerEnumType(HistoryOperation, {
  name: 'HistoryOperation',
  description: 'What can be done that the history tells of.',
  valuesConfig: {
    CREATE_ACCOUNT: { description: 'The account was created.' },
    UPDATE_ACCOUNT: { description: 'Its name, type, role or e-mail address was changed, or its password was set.' },
    SET_ACCOUNT_STATUS: { description: 'It was suspended or activated, with what is below it.' },
    CLOSE_ACCOUNT: { description: 'It was closed, with what is below it.' },
    MIGRATE_ACCOUNT: { description: 'It was moved to another organization, with what is below it.' },
    READ_AUTH_TOKEN: { description: 'Somebody was shown its AuthToken, for the first time since that is the one.' },
    LIST_AUTH_TOKENS: {
      description: 'Somebody was shown a list, by REST, with the AuthTokens of the accounts in it, for the first time in that hour.',
    },
    ROTATE_AUTH_TOKEN: { description: 'It was given a new AuthToken.' },
    CREATE_PASSWORD_RESET_TOKEN: { description: 'A one-time token was made to reset its password.' },
    RESET_PASSWORD: { description: 'Its password was set by a one-time token.' },
    EMAIL_CONFLICT: { description: 'It asked for an e-mail address that an account out of its sight has.' },
    LINK_PROFILE: { description: 'The account or organization was linked to a profile.' },
    UNLINK_PROFILE: { description: 'Its link to a profile was undone.' },
    CREATE_PROFILE: { description: 'The profile was created.' },
    UPDATE_PROFILE: { description: 'The document of the profile was replaced.' },
    DELETE_PROFILE: { description: 'The profile was deleted.' },
    CREATE_ORGANIZATION: { description: 'The organization was created.' },
    CLOSE_ORGANIZATION: { description: 'The organization was closed.' },
  },
});

@ArgsType()
export class AccountHistoryArgs extends ConnectionArgs {
  @Field({
    defaultValue: false,
    description:
      'Also what was done to all accounts below it. Of a top-level account and of the root, that is their whole chain of entries; the chain of the root has organizations and profiles too.',
  })
  includeDescendants: boolean;
}

@ObjectType('HistoryEntry', {
  description:
    'One thing that was done. The entries of a top-level account with all below it are a chain, and so are those of the root: each has a hash over the one before it.',
})
export class HistoryEntryType implements VisibleEntry {
  @Field(() => Int, { description: 'Its place in the chain, counted from 1 without a gap.' })
  position: number;

  @Field(() => DateTime, { description: 'When it was done.' })
  date: Date;

  @Field(() => ID, {
    name: 'actorSid',
    nullable: true,
    description: 'The account that did it. Null where it is out of sight of the caller, and for what the gateway does by itself.',
  })
  visibleActorSid: string | null;

  @Field(() => HistoryOperation, { description: 'What was done.' })
  operation: HistoryOperation;

  @Field(() => ID, { description: 'The account, organization or profile that it was done to.' })
  subjectSid: string;

  @Field(() => String, {
    name: 'requestId',
    nullable: true,
    description:
      'The ID of the request that it was done for, as in the header `X-Request-Id`. Null where the account that did it is out of sight.',
  })
  visibleRequestId: string | null;

  @Field(() => JsonObject, { nullable: true, description: 'What was changed, as it was before. Null where there was nothing.' })
  before: string | null;

  @Field(() => JsonObject, { nullable: true, description: 'What was changed, as it was after. No secret is part of it.' })
  after: string | null;

  @Field({
    description:
      'The text that is hashed: a JSON array of position, date, SHA-256 of the SID of who did it, operation, subject, SHA-256 of the ID of the request, before and after. The oldest entries have the ID itself.',
  })
  record(): string {
    return recordOf(this);
  }

  @Field({
    description:
      "SHA-256, in hexadecimal, of the hash of the entry before it, a line feed and `record`. Before the first entry stands the SID of the chain's account.",
  })
  hash: string;

  // Not in the schema: who did it, and for which request, may be out of sight.
  actorSid: string | null;
  requestId: string | null;
  recordVersion: RecordVersion;
}

const HistoryConnection = connectionOf<VisibleEntry>('History', () => HistoryEntryType, {
  edge: 'An entry in a list.',
  node: 'The entry.',
  nodes: 'The entries of the page.',
});

@ObjectType('HistoryConnection', { description: 'A page of history entries, the oldest first.' })
export class HistoryConnectionType extends HistoryConnection {
  constructor(page: PageOf<VisibleEntry>, owner: HistoryOwner, scope: HistoryScope) {
    super({
      page,
      cursorOf: (entry) => cursorOf(historyPosition(entry), historyOrder),
      count: ({ loaders }) => loaders.historyCounts.load({ owner, scope }),
    });
  }
}

/** The page of an owner's entries that the arguments ask for. */
export async function listHistory(
  owner: HistoryOwner,
  scope: HistoryScope,
  pageArguments: ConnectionArgs,
  loaders: Loaders,
): Promise<HistoryConnectionType> {
  const page = parsePage(pageArguments, historyOrder);
  return new HistoryConnectionType(await loaders.history.load({ owner, scope, page }), owner, scope);
}
