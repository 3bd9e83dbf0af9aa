import { createHash } from 'node:crypto';
import { AppError } from '../errors.js';
import type { Account, AccountPlace } from './account.js';
import { jsonOrUndefined, jsonShapeOf } from './json.js';
import type { Organization } from './organization.js';
import type { Sid } from './sid.js';
import { sidsAlong } from './tree.js';

/**
 * Settings of accounts, which other services of the provider read. The gateway stores them and does not interpret them (SPEC §2).
 */
export interface Profile {
  sid: Sid;
  /** A JSON object, as the text that was sent: at most 1 MiB of UTF-8. */
  document: string;
  dateCreated: Date;
  dateUpdated: Date;
}

/** A profile in a list: without its document, which can be long. */
export type ProfileSummary = Omit<Profile, 'document'>;

/** A profile in effect. */
export type InEffect<Of extends ProfileSummary> = Of & {
  /** The account or organization that is linked to it; null where it is in effect because nothing is linked. */
  linkedSid: Sid | null;
};

/** The profile that exists from the first start, and is in effect where no other is linked. Clients in the field know its SID. */
export const defaultProfileSid: Sid = 'PRae6e420f425248d6a26948c17a9e2acf';

const defaultFeatures = [
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

/**
 * The document of the default profile, unless the operator configures another. It enables the features that the admin console in
 * the field looks for (SPEC §4).
 */
export const defaultDocument = JSON.stringify({ featureEnablement: Object.fromEntries(defaultFeatures.map((name) => [name, {}])) });

/** There is no such profile. */
export function profileNotFound(): AppError {
  return new AppError('PROFILE_NOT_FOUND', 'There is no such profile. Check its SID.', { field: 'sid' });
}

/** @throws AppError FORBIDDEN for the default profile, which nobody may change or delete (SPEC §2) */
export function assertNotDefault(sid: Sid): void {
  if (sid === defaultProfileSid)
    throw new AppError('FORBIDDEN', 'The default profile cannot be changed or deleted. Create another one, and link it.');
}

/** In bytes of UTF-8. */
export const documentMaxBytes = 1_048_576;

/** Deeper than any real settings, but not too deep for recursive programs that read them. */
const documentMaxDepth = 200;

/**
 * The document as it is stored: the text as it was sent, if it is a JSON object.
 * @throws AppError BAD_USER_INPUT, PAYLOAD_TOO_LARGE
 */
export function parseDocument(text: string): string {
  const field = 'document';
  if (Buffer.byteLength(text) > documentMaxBytes) {
    throw new AppError(
      'PAYLOAD_TOO_LARGE',
      `A profile must have at most ${documentMaxBytes} bytes, and this one has ${Buffer.byteLength(text)}.`,
      { field },
    );
  }
  if (jsonShapeOf(text).depth > documentMaxDepth) {
    throw new AppError('BAD_USER_INPUT', `A profile must be nested at most ${documentMaxDepth} levels deep, and this one is deeper.`, {
      field,
    });
  }
  const type = typeOfJson(text);
  if (type === undefined) throw new AppError('BAD_USER_INPUT', 'A profile must be JSON, and this is not.', { field });
  if (type !== 'object') throw new AppError('BAD_USER_INPUT', `A profile must be a JSON object, not ${type}.`, { field });
  return text;
}

/** What the history records of a document, in place of its text. */
export interface DocumentDigest {
  /** The hash of its UTF-8 bytes, in hexadecimal. */
  sha256: string;
  bytes: number;
}

/** The digest of a document. */
export function digestOf(document: string): DocumentDigest {
  return { sha256: createHash('sha256').update(document).digest('hex'), bytes: Buffer.byteLength(document) };
}

function typeOfJson(text: string): string | undefined {
  const value = jsonOrUndefined(text);
  if (value === undefined) return undefined;
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'object' : `a ${typeof value}`;
}

/** What a profile can be linked to. */
export type ProfileOwner = (AccountPlace & Pick<Account, 'organizationSid'>) | Pick<Organization, 'sid'>;

/**
 * Where the effective profile is looked for, in this order: the link of the account, those of its ancestors from the nearest
 * up, that of its organization. For an organization, its own (SPEC §2).
 */
export function profileSourcesOf(owner: ProfileOwner): Sid[] {
  return 'path' in owner ? [...sidsAlong(owner.path).toReversed(), owner.organizationSid] : [owner.sid];
}

/** The source whose link decides the owner's effective profile; undefined where no source has one. @param linked the profile of each source */
export function decidingSourceOf(owner: ProfileOwner, linked: ReadonlyMap<Sid, Sid>): Sid | undefined {
  return profileSourcesOf(owner).find((sid) => linked.has(sid));
}

/** The SID of the owner's effective profile. @param linked the profile that each source is linked to */
export function effectiveProfileOf(owner: ProfileOwner, linked: ReadonlyMap<Sid, Sid>): Sid {
  const source = decidingSourceOf(owner, linked);
  return source === undefined ? defaultProfileSid : linked.get(source)!;
}
