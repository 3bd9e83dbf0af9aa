import { createHash } from 'node:crypto';
import { AppError } from '../errors.js';
import type { Account, AccountPlace } from './account.js';
import { shapeOf } from './json.js';
import type { Organization } from './organization.js';
import type { Sid } from './sid.js';
import { sidsAlong } from './tree.js';

/** What the services of the provider read an account's settings from; the gateway keeps it and does not look into it (SPEC §2). */
export interface Profile {
  sid: Sid;
  /** A JSON object as the text that it came in: at most 1 MiB of UTF-8. */
  document: string;
  dateCreated: Date;
  dateUpdated: Date;
}

/** A profile in a list: without its document, which can be long. */
export type ProfileSummary = Omit<Profile, 'document'>;

/** The profile that is there from the first start, and in effect where no other one is. Clients in the field know its SID. */
export const defaultProfileSid: Sid = 'PRae6e420f425248d6a26948c17a9e2acf';

const featuresByDefault = [
  'DIDPurchase',
  'subaccountsCreation',
  'outboundPSTN',
  'inboundPSTN',
  'outboundSMS',
  'inboundSMS',
  'asr',
  'USSD',
  'inboundUSSD',
  'outboundUSSD',
];

/** Its document, unless the operator names another: it enables what the admin console in the field looks for (SPEC §4). */
export const defaultDocument = JSON.stringify({ featureEnablement: Object.fromEntries(featuresByDefault.map((name) => [name, {}])) });

/** There is no such profile. */
export function profileNotFound(): AppError {
  return new AppError('PROFILE_NOT_FOUND', 'There is no such profile.', { field: 'sid' });
}

/** @throws AppError FORBIDDEN for the default profile, which nobody may change or delete (SPEC §2) */
export function assertNotDefault(sid: Sid): void {
  if (sid === defaultProfileSid) throw new AppError('FORBIDDEN', 'The default profile cannot be changed or deleted.');
}

/** In bytes of UTF-8. */
export const documentMaxBytes = 1_048_576;

/** Deeper than any settings; and no deeper than programs that walk a document can go. */
const documentMaxDepth = 200;

/**
 * The document as it is stored: as it came, once it is sure that it is a JSON object.
 * @throws AppError BAD_USER_INPUT, PAYLOAD_TOO_LARGE
 */
export function parseDocument(text: string): string {
  const field = 'document';
  if (Buffer.byteLength(text) > documentMaxBytes) {
    throw new AppError('PAYLOAD_TOO_LARGE', `A profile has at most ${documentMaxBytes} bytes.`, { field });
  }
  if (shapeOf(text).depth > documentMaxDepth) {
    throw new AppError('BAD_USER_INPUT', `A profile is nested at most ${documentMaxDepth} levels deep.`, { field });
  }
  const type = typeOfJson(text);
  if (type === undefined) throw new AppError('BAD_USER_INPUT', 'A profile is JSON; this is not.', { field });
  if (type !== 'object') throw new AppError('BAD_USER_INPUT', `A profile is a JSON object, not ${type}.`, { field });
  return text;
}

/** What the history has of a document instead of all of it. */
export interface DocumentDigest {
  /** In hexadecimal, over its bytes in UTF-8. */
  sha256: string;
  bytes: number;
}

export function digestOf(document: string): DocumentDigest {
  return { sha256: createHash('sha256').update(document).digest('hex'), bytes: Buffer.byteLength(document) };
}

function typeOfJson(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null) return 'null';
    return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'object' : `a ${typeof value}`;
  } catch {
    return undefined;
  }
}

/** What a profile can be linked to. */
export type ProfileOwner = (AccountPlace & Pick<Account, 'organizationSid'>) | Pick<Organization, 'sid'>;

/**
 * Where the effective profile is looked for, the nearest first: the account's own link, its ancestors', its
 * organization's; for an organization, its own (SPEC §2).
 */
export function profileSourcesOf(owner: ProfileOwner): Sid[] {
  return 'path' in owner ? [...sidsAlong(owner.path).toReversed(), owner.organizationSid] : [owner.sid];
}

/** The SID of the owner's effective profile, by which profile each source is linked to. */
export function effectiveProfileOf(owner: ProfileOwner, linked: ReadonlyMap<Sid, Sid>): Sid {
  const source = profileSourcesOf(owner).find((sid) => linked.has(sid));
  return source === undefined ? defaultProfileSid : linked.get(source)!;
}
