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

/** Stands for every subresource that has no upstream of its own (SPEC §6). */
export const everyOther = '*';

/**
 * Names that have a meaning beside the ten, even where only `*` covers them: e-mail messages are redacted as SMS messages are, and
 * accounts are the gateway's own.
 */
const otherKnownNames = ['Email/Messages', 'Accounts'];

/** A subresource of an account, and where it is. */
export interface Subresource {
  /** Its name in XML: the path without slashes. */
  name: string;
  /** Relative to the API's mount. */
  uri: string;
  mediaTypes: readonly string[];
  /** Whether this gateway has an upstream that serves it. */
  isServed: boolean;
}

const mediaTypes = ['application/json', 'application/xml'] as const;

/** The account's own URI, relative to the API's mount. */
export function accountUri(sid: Sid): string {
  return `${apiVersionPath}/Accounts/${sid}`;
}

/** The ten subresources of an account. @param upstreams the names that have an upstream, for `isServed` */
export function subresourcesOf(sid: Sid, upstreams: ReadonlySet<string> = new Set()): Subresource[] {
  return subresourcePaths.map((path) => ({
    name: path.replace('/', ''),
    uri: `${accountUri(sid)}/${path}`,
    mediaTypes,
    isServed: upstreams.has(path) || upstreams.has(everyOther),
  }));
}

/**
 * The subresource that the segments of a path below an account's URI are in; undefined if there is none of that name. It may have
 * no upstream. What `*` covers must not be spelled like a name that is known: an upstream that ignores case, or takes
 * `Recordings.xml` for `Recordings`, would otherwise do what the rules for that name forbid.
 *
 * @param upstreams the names that have an upstream
 */
export function subresourceAt(segments: readonly string[], upstreams: ReadonlySet<string>): string | undefined {
  const [first = '', second] = segments;
  const known = [...subresourcePaths, ...upstreams];
  const exact = [`${first}/${second}`, first].find((name) => known.includes(name));
  if (exact !== undefined) return exact;
  if (`${first}/${second}` === 'Email/Messages' && upstreams.has(everyOther)) return 'Email/Messages';
  if (!upstreams.has(everyOther) || !/^[a-z]\w*$/i.test(first)) return undefined;
  const resembles = [...known, ...otherKnownNames].some((name) => name.split('/')[0]!.toLowerCase() === first.toLowerCase());
  return resembles ? undefined : first;
}

/**
 * The segments of a path below an account's URI, decoded and without `.json`. Undefined if any way to decode or normalize the path,
 * however often, could lead elsewhere: a server behind might do that (SPEC §6).
 */
export function segmentsOf(path: string): string[] | undefined {
  const segments = path.replace(/\/$/, '').split('/').map(plainSegment);
  return segments.every((segment) => segment !== undefined) ? segments : undefined;
}

function plainSegment(raw: string): string | undefined {
  if (!/^[!-~]*$/.test(raw) || /%(?![0-9a-f]{2})/i.test(raw)) return undefined;
  const segment = decodedOnce(raw.replace(/\.json$/, ''));
  let decoded = segment;
  for (let times = 1; times <= decodedAtMost; times += 1) {
    if (leadsElsewhere(decoded) || leadsElsewhere(decoded.normalize('NFKC'))) return undefined;
    const before = decoded;
    decoded = decodedOnce(before);
    if (decoded === before) return segment;
  }
  return undefined;
}

/** No client escapes its escapes this often. */
const decodedAtMost = 4;

/** Decodes the escapes in a text once. Bytes that are not UTF-8 become replacement characters. */
function decodedOnce(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'));
}

/** Whether a server might not take the text as one segment, or not as the one that it looks like: some cut segments at a semicolon. */
function leadsElsewhere(segment: string): boolean {
  return /^[.\s]*$|[/\\;?#\ufffd\p{Cc}]/u.test(segment);
}
