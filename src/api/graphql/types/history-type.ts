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
  description: 'What the history records.',
  valuesConfig: {
    CREATE_ACCOUNT: { description: 'The account was created.' },
    UPDATE_ACCOUNT: { description: 'Its name, type, role or e-mail address was changed, or its password was set.' },
    SET_ACCOUNT_STATUS: { description: 'It was suspended or activated, with everything below it.' },
    CLOSE_ACCOUNT: { description: 'It was closed, with everything below it.' },
    MIGRATE_ACCOUNT: { description: 'It was moved to another organization, with everything below it.' },
    READ_AUTH_TOKEN: {
      description: 'Somebody was shown its AuthToken. Recorded once for each reader and each AuthToken.',
    },
    LIST_AUTH_TOKENS: {
      description:
        'Somebody was shown a REST list of accounts with their AuthTokens. Recorded at most once an hour for each reader and list.',
    },
    ROTATE_AUTH_TOKEN: { description: 'It was given a new AuthToken.' },
    CREATE_PASSWORD_RESET_TOKEN: { description: 'A one-time token to reset its password was created.' },
    RESET_PASSWORD: { description: 'Its password was reset with a one-time token.' },
    EMAIL_CONFLICT: { description: 'It asked for an e-mail address that belongs to an account which it cannot see.' },
    LINK_PROFILE: { description: 'The account or organization was linked to a profile.' },
    UNLINK_PROFILE: { description: 'Its link to a profile was removed.' },
    CREATE_PROFILE: { description: 'The profile was created.' },
    UPDATE_PROFILE: { description: 'The document of the profile was replaced.' },
    DELETE_PROFILE: { description: 'The profile was deleted.' },
    CREATE_ORGANIZATION: { description: 'The organization was created.' },
    CLOSE_ORGANIZATION: { description: 'The organization was closed.' },
    CREATE_WEBHOOK: { description: 'A webhook of the account was created.' },
    UPDATE_WEBHOOK: { description: 'A webhook of the account was changed, or switched on or off.' },
    DELETE_WEBHOOK: { description: 'A webhook of the account was deleted.' },
    ROTATE_WEBHOOK_SECRET: { description: 'A webhook of the account was given a new secret.' },
    REPLAY_WEBHOOK: { description: 'A webhook of the account was told to deliver earlier events again.' },
    SKIP_WEBHOOK_EVENT: { description: 'A webhook of the account was told to leave an event out.' },
    RETRY_RESOURCE_REMOVAL: { description: 'The removal of what the closed account had in other services was asked for again.' },
    PAUSE_WEBHOOK: { description: 'A webhook of the account was paused, because an event could not be delivered for three days.' },
  },
});

@ArgsType()
export class AccountHistoryArgs extends ConnectionArgs {
  @Field({
    defaultValue: false,
    description:
      "Also what was done to the accounts below it. For a top-level account this is the whole chain of its tree. For the root it is the root's own chain, which includes organizations and profiles.",
  })
  includeDescendants: boolean;
}

@ObjectType('HistoryEntry', {
  description:
    "One recorded action. The entries of a top-level account and everything below it form a chain, and so do the root's: each entry has a hash that covers the one before it.",
})
export class HistoryEntryType implements VisibleEntry {
  @Field(() => Int, { description: 'Its position in the chain, counted from 1 without gaps.' })
  position: number;

  @Field(() => DateTime, { description: 'When it was done.' })
  date: Date;

  @Field(() => ID, {
    name: 'actorSid',
    nullable: true,
    description:
      'The account that did it. Null if the caller cannot see that account, if the gateway did it by itself, or if its operator did it at the command line.',
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
      'The ID of the request, as in the header `X-Request-Id`. It begins with `command-line:` for what the operator did. Null if the caller cannot see the account that did it.',
  })
  visibleRequestId: string | null;

  @Field(() => JsonObject, { nullable: true, description: 'The changed fields as they were before. Null if there was nothing before.' })
  before: string | null;

  @Field(() => JsonObject, { nullable: true, description: 'The changed fields as they were after. It contains no secrets.' })
  after: string | null;

  @Field({
    description:
      'The text that is hashed: a JSON array of position, date, SHA-256 of the SID of the account that did it, operation, subject, SHA-256 of the request ID, before and after. The oldest entries have the request ID itself.',
  })
  record(): string {
    return recordOf(this);
  }

  @Field({
    description:
      "SHA-256, in hexadecimal, of three things in a row: the hash of the entry before it, a line feed, and `record`. The first entry has the SID of the chain's account instead of a hash before it.",
  })
  hash: string;

  // Not in the schema: the caller may not be allowed to see who did it, and in which request.
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
