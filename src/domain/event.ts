import { AppError } from '../errors.js';
import type { AccountPlace } from './account.js';
import type { HistoryOperation } from './history.js';
import { type Sid, kindOf } from './sid.js';
import { type Path, isBelow, levelOf, topLevelSidOf } from './tree.js';

/** What receivers are told of (SPEC §7). */
export const EventType = {
  ACCOUNT_CREATED: 'account.created',
  ACCOUNT_UPDATED: 'account.updated',
  ACCOUNT_PASSWORD_CHANGED: 'account.password_changed',
  ACCOUNT_EMAIL_CHANGED: 'account.email_changed',
  ACCOUNT_SUSPENDED: 'account.suspended',
  ACCOUNT_ACTIVATED: 'account.activated',
  ACCOUNT_CLOSED: 'account.closed',
  ACCOUNT_MIGRATED: 'account.migrated',
  ACCOUNT_AUTH_TOKEN_ROTATED: 'account.auth_token_rotated',
  ORGANIZATION_CREATED: 'organization.created',
  ORGANIZATION_CLOSED: 'organization.closed',
  PROFILE_CREATED: 'profile.created',
  PROFILE_UPDATED: 'profile.updated',
  PROFILE_LINKED: 'profile.linked',
  PROFILE_UNLINKED: 'profile.unlinked',
  PROFILE_DELETED: 'profile.deleted',
  WEBHOOK_PAUSED: 'webhook.paused',
  /** Sent when it is asked for; no entry of the history becomes it. */
  WEBHOOK_TEST: 'webhook.test',
} as const;
export type EventType = (typeof EventType)[keyof typeof EventType];

/** The values that an entry says have changed. */
type Values = Record<string, unknown>;

/**
 * The event that an entry of the history is (SPEC §7); undefined for those that concern nobody but who reads the history: shown
 * AuthTokens, asked-for e-mail addresses and reset tokens, and what was done to webhooks. A function of what the entry changed.
 */
const eventTypes: Record<HistoryOperation, (after: Values) => EventType | undefined> = {
  createAccount: () => 'account.created',
  // Versions before wrote one entry for an update as a whole.
  updateAccount: (after) =>
    after.passwordSet === true ? 'account.password_changed' : 'emailAddress' in after ? 'account.email_changed' : 'account.updated',
  setAccountStatus: (after) => (after.status === 'active' ? 'account.activated' : 'account.suspended'),
  closeAccount: () => 'account.closed',
  migrateAccount: () => 'account.migrated',
  rotateAuthToken: () => 'account.auth_token_rotated',
  resetPassword: () => 'account.password_changed',
  createOrganization: () => 'organization.created',
  closeOrganization: () => 'organization.closed',
  createProfile: () => 'profile.created',
  updateProfile: () => 'profile.updated',
  linkProfile: () => 'profile.linked',
  unlinkProfile: () => 'profile.unlinked',
  deleteProfile: () => 'profile.deleted',
  pauseWebhook: () => 'webhook.paused',
  createPasswordResetToken: () => undefined,
  readAuthToken: () => undefined,
  listAuthTokens: () => undefined,
  emailConflict: () => undefined,
  createWebhook: () => undefined,
  updateWebhook: () => undefined,
  deleteWebhook: () => undefined,
  rotateWebhookSecret: () => undefined,
  replayWebhook: () => undefined,
  skipWebhookEvent: () => undefined,
  retryResourceRemoval: () => undefined,
};

/** The operations whose entries are events. */
export const eventOperations = (Object.keys(eventTypes) as HistoryOperation[]).filter(
  (operation) => eventTypes[operation]({}) !== undefined,
);

/** A place in the stream of a chain: after the so-manieth part of the event at a position. An event that has no parts has one. */
export interface StreamPlace {
  position: number;
  part: number;
}

/** Before the first event. */
export const streamStart: StreamPlace = { position: 0, part: 0 };

/** Whether the first place is further on than the second. */
export function isPast(place: StreamPlace, other: StreamPlace): boolean {
  return place.position > other.position || (place.position === other.position && place.part > other.part);
}

/** An account, organization, profile or webhook that an event names. An object, so that it can say more one day. */
export interface EventReference {
  sid: Sid;
}

/** What happened, as receivers are told. */
export interface Event {
  /** `<tree>:<position>`; with `:<part>` behind it where a cascade has several parts. */
  id: string;
  type: EventType;
  timestamp: Date;
  data: EventData;
}

/** What an event says. */
export interface EventData {
  /** What it was done to. An account, organization or profile; a link has two of them. */
  account?: EventReference;
  organization?: EventReference;
  profile?: EventReference;
  webhook?: EventReference;
  /** The values that changed, before and after. They contain no secrets. */
  before?: Values;
  after?: Values;
  /** The accounts that a cascade reached, in the order of the tree, at most 400; absent if nobody wrote them down. */
  reached?: Sid[];
  /** Of a cascade: the number of this part, from 1, and of all. */
  part?: number;
  parts?: number;
  /** Who did it; null if the receiver cannot see that account, or if the gateway or its operator did it. */
  actor: EventReference | null;
  /** The ID of the request; null where the receiver cannot see who did it. */
  requestId: string | null;
}

/** Whose events a stream has, and whose eyes see them. */
export interface StreamScope {
  /** The chain that the stream reads. */
  treeSid: Sid;
  /** The account that the stream is about. */
  account: AccountPlace;
  /** Whether the accounts below it are in the stream too. */
  includesBelow: boolean;
  /** The account that is told; itself or one above. It is shown itself and what is below it. */
  receiver: AccountPlace;
}

/** The stream of an account and everything below it, as the receiver is told it. */
export function streamBelow(account: AccountPlace, receiver: AccountPlace): StreamScope {
  return { treeSid: topLevelSidOf(account.path), account, includesBelow: true, receiver };
}

/** Whether the account is the root or a top-level account: it may know of all that is in a chain, and whose chain it is. */
function isTopOrRoot({ path }: AccountPlace): boolean {
  return levelOf(path) <= 2;
}

/** Whether the stream has all that is in its chain. */
export function isWholeChain({ account, includesBelow }: StreamScope): boolean {
  return includesBelow && isTopOrRoot(account);
}

/** How the stream's receiver is told the tree: by the SID of its top-level account, or else by its alias. */
export function treeSeenBy({ receiver, treeSid }: StreamScope, alias: string): string {
  return isTopOrRoot(receiver) ? treeSid : alias;
}

/** An entry of a chain, or one part of it, as a stream reads it. */
export interface StreamEntry extends StreamPlace {
  date: Date;
  actorSid: Sid | null;
  actorPath: Path | null;
  operation: HistoryOperation;
  subjectSid: Sid;
  /** Null for what is no account. */
  subjectPath: Path | null;
  requestId: string | null;
  /** JSON objects, as text. */
  before: string | null;
  after: string | null;
  /** Of a cascade that was written down: how many parts it has in this stream, and whom this one names. */
  parts: number | null;
  reached: Sid[] | null;
}

/** The event that an entry is to the stream's receiver; undefined if it is none. `tree` is how the receiver is told the tree. */
export function eventOf(entry: StreamEntry, scope: StreamScope, tree: string): Event | undefined {
  const [before, after] = [entry.before, entry.after].map((values) => (values === null ? undefined : (JSON.parse(values) as Values)));
  const type = eventTypes[entry.operation](after ?? {});
  if (type === undefined) return undefined;
  const { receiver, account } = scope;
  // Only the account whose webhook it is can do anything about it.
  if (type === 'webhook.paused' && entry.subjectSid !== account.sid) return undefined;
  const isFromAbove = entry.subjectPath !== null && entry.subjectPath.length < account.path.length;
  const isActorInSight = entry.actorPath !== null && (entry.actorPath === receiver.path || isBelow(entry.actorPath, receiver.path));
  return {
    id: eventId(tree, entry, entry.parts ?? 1),
    type,
    timestamp: entry.date,
    data: {
      ...subjectsOf(entry, isFromAbove ? account.sid : entry.subjectSid, { ...before, ...after }),
      // What it was before differs for each account that a cascade reached, and its counts tell of accounts elsewhere.
      ...(before !== undefined && !isFromAbove && { before: withoutLists(before) }),
      ...(after !== undefined && { after: isFromAbove ? targetOf(after) : withoutLists(after) }),
      ...(entry.reached !== null && { reached: entry.reached, part: entry.part, parts: entry.parts! }),
      actor: isActorInSight ? { sid: entry.actorSid! } : null,
      requestId: isActorInSight || entry.actorSid === null ? entry.requestId : null,
    },
  };
}

/** What is shown in place of the tree's SID to a receiver who must not learn it, and how its events are named. */
function eventId(tree: string, { position, part }: StreamPlace, parts: number): string {
  return parts > 1 ? `${tree}:${position}:${part}` : `${tree}:${position}`;
}

function subjectsOf({ operation }: StreamEntry, subjectSid: Sid, { profileSid, webhookSid }: Values): Partial<EventData> {
  const link = typeof profileSid === 'string' &&
    (operation === 'linkProfile' || operation === 'unlinkProfile') && { profile: { sid: profileSid } };
  const webhook = operation === 'pauseWebhook' && { webhook: { sid: webhookSid as Sid } };
  const kind = kindOf(subjectSid) as 'account' | 'organization' | 'profile';
  return { [kind]: { sid: subjectSid }, ...link, ...webhook };
}

/** An event is under 20 kB. Links that ended are events of their own, or too many to be named; their number stays. */
function withoutLists(values: Values): Values {
  const { linked: _linked, unlinked: _unlinked, ...rest } = values;
  return rest;
}

/** Of what a cascade from above says, what is true of every account that it reached. */
function targetOf({ status, organizationSid }: Values): Values {
  return { ...(status !== undefined && { status }), ...(organizationSid !== undefined && { organizationSid }) };
}

/** An event's ID, read: how the tree is told in it, and the place of the event. */
export interface ParsedEventId extends StreamPlace {
  tree: string;
}

/**
 * Reads the ID of an event, as a place to go on from. One without a part stands for all parts of its position.
 * @throws AppError BAD_USER_INPUT
 */
export function parseEventId(text: string, field: string): ParsedEventId {
  const [, tree, position, part] =
    /^(AC[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(\d{1,9})(?::(\d{1,6}))?$/.exec(text) ?? [];
  if (tree === undefined) {
    throw new AppError('BAD_USER_INPUT', `${field} must be the ID of an event, such as AC5c1d5bf0a5a5cdd9e4bd79b8f8d3fe5b:12.`, { field });
  }
  return { tree, position: Number(position), part: part === undefined ? everyPart : Number(part) };
}

/** Past every part of a position, and every account of a part. */
export const everyPart = 2_147_483_647;

/** The cursor of a place: what `parseEventId` reads. */
export function placeId(tree: string, { position, part }: StreamPlace): string {
  return part === everyPart ? `${tree}:${position}` : `${tree}:${position}:${part}`;
}
