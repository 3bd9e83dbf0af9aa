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

/** Where something lives that hangs off an account. */
export interface Subresource {
  /** As XML names it: the path without its slash. */
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

/** The links from an account to what hangs off it. */
export function subresourcesOf(sid: Sid): Subresource[] {
  return subresourcePaths.map((path) => ({ name: path.replace('/', ''), uri: `${accountUri(sid)}/${path}`, mediaTypes }));
}
