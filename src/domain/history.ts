import { createHash } from 'node:crypto';
import { AppError } from '../errors.js';
import type { Account } from './account.js';
import { jsonOrUndefined } from './json.js';
import type { Order } from './page.js';
import type { Sid } from './sid.js';

/**
 * The operations that the history records (SPEC §7): every change, showing an AuthToken, and asking for an e-mail address that an
 * account out of sight has.
 */
export const HistoryOperation = {
  CREATE_ACCOUNT: 'createAccount',
  UPDATE_ACCOUNT: 'updateAccount',
  SET_ACCOUNT_STATUS: 'setAccountStatus',
  CLOSE_ACCOUNT: 'closeAccount',
  MIGRATE_ACCOUNT: 'migrateAccount',
  READ_AUTH_TOKEN: 'readAuthToken',
  LIST_AUTH_TOKENS: 'listAuthTokens',
  ROTATE_AUTH_TOKEN: 'rotateAuthToken',
  CREATE_PASSWORD_RESET_TOKEN: 'createPasswordResetToken',
  RESET_PASSWORD: 'resetPassword',
  EMAIL_CONFLICT: 'emailConflict',
  LINK_PROFILE: 'linkProfile',
  UNLINK_PROFILE: 'unlinkProfile',
  CREATE_PROFILE: 'createProfile',
  UPDATE_PROFILE: 'updateProfile',
  DELETE_PROFILE: 'deleteProfile',
  CREATE_ORGANIZATION: 'createOrganization',
  CLOSE_ORGANIZATION: 'closeOrganization',
  CREATE_WEBHOOK: 'createWebhook',
  UPDATE_WEBHOOK: 'updateWebhook',
  DELETE_WEBHOOK: 'deleteWebhook',
  ROTATE_WEBHOOK_SECRET: 'rotateWebhookSecret',
  REPLAY_WEBHOOK: 'replayWebhook',
  SKIP_WEBHOOK_EVENT: 'skipWebhookEvent',
  PAUSE_WEBHOOK: 'pauseWebhook',
  RETRY_RESOURCE_REMOVAL: 'retryResourceRemoval',
} as const;
export type HistoryOperation = (typeof HistoryOperation)[keyof typeof HistoryOperation];

/** Operations that also reach everything below the account, with one entry for all of it. */
export const cascading: readonly HistoryOperation[] = ['setAccountStatus', 'closeAccount', 'migrateAccount'];

/**
 * Which entries a list holds: those about its owner, with the cascades that reached it; or those about all that is below it as
 * well.
 */
export type HistoryScope = 'owner' | 'below';

/** What was done to what, as the use case records it. Holds no secrets. */
export interface AuditEvent {
  operation: HistoryOperation;
  /** The account, organization or profile that it was done to. */
  subjectSid: Sid;
  /** The values that were changed, before and after; absent where there was nothing. */
  before?: object | undefined;
  after?: object | undefined;
}

const auditedFields = ['emailAddress', 'friendlyName', 'type', 'role', 'status', 'organizationSid'] as const satisfies (keyof Account)[];
type AuditedField = (typeof auditedFields)[number];

/** The audited properties of a new account. */
export function snapshotOf(account: Account): object {
  return picked(account, auditedFields);
}

/** The properties that differ, before and after the change; an empty object if none does. */
export function differences(before: Account, after: Account, properties: readonly AuditedField[]): Pick<AuditEvent, 'before' | 'after'> {
  const changed = properties.filter((property) => before[property] !== after[property]);
  return changed.length === 0 ? {} : { before: picked(before, changed), after: picked(after, changed) };
}

/**
 * The entries about an update of an account: one for its name, type and role, one for its e-mail address, one for its password
 * (SPEC §7).
 */
export function updateEvents(before: Account, after: Account, isPasswordSet: boolean): AuditEvent[] {
  const event = { operation: 'updateAccount', subjectSid: before.sid } as const;
  const events: AuditEvent[] = [];
  const properties = differences(before, after, ['friendlyName', 'type', 'role']);
  const address = differences(before, after, ['emailAddress']);
  if (properties.after !== undefined) events.push({ ...event, ...properties });
  if (address.after !== undefined) events.push({ ...event, ...address });
  if (isPasswordSet) {
    const { before: then, after: now } = differences(before, after, ['status']);
    events.push({ ...event, before: then, after: { ...now, passwordSet: true } });
  }
  return events;
}

function picked(account: Account, properties: readonly AuditedField[]): object {
  return Object.fromEntries(properties.map((property) => [property, account[property]]));
}

/** One entry of a chain. */
export interface HistoryEntry {
  /** Counts from 1, without gaps. */
  position: number;
  date: Date;
  /** The account that did it; null for the gateway itself, and for its operator. */
  actorSid: Sid | null;
  operation: HistoryOperation;
  subjectSid: Sid;
  /** The request that it was done for; `command-line:…` for what the operator did. */
  requestId: string | null;
  /** JSON objects, as text. */
  before: string | null;
  after: string | null;
  /** 64 hexadecimal digits. */
  hash: string;
  /** How `recordOf` makes the text that is hashed. */
  recordVersion: RecordVersion;
}

/**
 * In version 1, the first one, the record has the request's ID as it is. In version 2, which all new entries have, it has the ID's
 * SHA-256.
 */
export type RecordVersion = 1 | 2;

/** An entry that is not chained yet. */
export type Unchained = Omit<HistoryEntry, 'hash'>;
type UnchainedContent = Omit<Unchained, 'position' | 'date'>;

/**
 * The text of an entry that is hashed: a JSON array of its values. The account that did it and the request that it was done for
 * are in it as the SHA-256 of the SID and of the ID. So whoever may read an entry can check its hash without learning of
 * anything out of sight.
 */
export function recordOf({ position, date, ...content }: Unchained): string {
  return `[${position},${JSON.stringify(date)},${recordOfContent(content)}`;
}

/** The rest of a record, after position and date, which are known only when the entry is appended. */
export function recordOfContent({ actorSid, operation, subjectSid, requestId, before, after, recordVersion }: UnchainedContent): string {
  return JSON.stringify([
    actorSid === null ? null : sha256(actorSid),
    operation,
    subjectSid,
    requestId === null || recordVersion === 1 ? requestId : sha256(requestId),
    before,
    after,
  ]).slice(1);
}

/**
 * The hash of an entry, which covers the hash of the one before it. So whoever alters, removes or moves an entry has to alter all
 * that follow. For the first entry of a chain, the SID of the chain's account takes the place of that hash.
 */
export function hashOf(previousHash: string, entry: Unchained): string {
  return sha256(`${previousHash}\n${recordOf(entry)}`);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The end of a chain: how many entries it has, and the hash of the last one. */
export interface ChainEnd {
  position: number;
  hash: string;
}

/** The order of every list of entries. */
export const historyOrder: Order = { field: 'position', descending: false };

/** The ends of all chains at one time. Kept in another place, it reveals entries that were cut off since. */
export interface Checkpoint {
  date: string;
  /** By the SIDs of the accounts whose chains they are. */
  chains: Record<Sid, ChainEnd>;
}

/** @throws AppError BAD_USER_INPUT */
export function parseCheckpoint(text: string): Checkpoint {
  const checkpoint = jsonOrUndefined(text) as Checkpoint | null | undefined;
  const ends = Object.entries(checkpoint?.chains ?? {});
  if (ends.length > 0 && ends.every(isChainEnd) && Number.isFinite(Date.parse(checkpoint!.date))) return checkpoint!;
  throw new AppError('BAD_USER_INPUT', 'This is not a checkpoint of the history.');
}

/** A checkpoint has no empty chains. */
function isChainEnd([sid, end]: [Sid, ChainEnd | null]): boolean {
  return /^AC[0-9a-f]{32}$/.test(sid) && Number.isInteger(end?.position) && end!.position >= 1 && /^[0-9a-f]{64}$/.test(end!.hash);
}

/** What the IDs of requests begin with by which the operator did something at the command line. */
export const commandLinePrefix = 'command-line:';

/** Whether the operator did it: by no account, at the command line. */
export function isByOperator({ actorSid, requestId }: { actorSid: Sid | null; requestId: string | null }): boolean {
  return actorSid === null && requestId?.startsWith(commandLinePrefix) === true;
}
