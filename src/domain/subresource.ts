import type { Sid } from './sid.js';

/** The prefix of every documented URI (seed, "Account Resource URI"). */
export const apiVersionPath = '/2012-04-24';

/** The ten subresources of an account (SPEC §6), as their paths spell them. */
export const subresourcePaths = [
  'AvailablePhoneNumbers',
  'Calls',
  'Conferences',
  'IncomingPhoneNumbers',
  'Notifications',
  'OutgoingCallerIds',
  'Recordings',
  'Sandbox',
  'SMS/Messages',
  'Transcriptions',
] as const;
type SubresourcePath = (typeof subresourcePaths)[number];

/** A subresource of an account, and where it is. */
export interface Subresource {
  /** Its name in XML: the path without slashes. */
  name: string;
  /** Relative to the API's mount. */
  uri: string;
  mediaTypes: readonly string[];
}

const mediaTypes = ['application/json', 'application/xml'] as const;

/** The account's own URI, relative to the API's mount. */
export function accountUri(sid: Sid): string {
  return `${apiVersionPath}/Accounts/${sid}`;
}

/** The subresources of an account. */
export function subresourcesOf(sid: Sid): Subresource[] {
  return subresourcePaths.map((path) => ({ name: path.replace('/', ''), uri: `${accountUri(sid)}/${path}`, mediaTypes }));
}

/**
 * The subresource that a path below an account's URI is in; undefined if there is none of that name. Also undefined for a path
 * with empty or dot segments or backslashes, which a server behind might resolve to another path.
 */
export function subresourceAt(path: string): SubresourcePath | undefined {
  if (path.includes('\\') || path.split('/').some((segment) => ['', '.', '..'].includes(segment))) return undefined;
  return subresourcePaths.find((known) => path === known || path.startsWith(`${known}/`));
}
