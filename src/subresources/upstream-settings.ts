import { everyOther, subresourcePaths } from '../domain/subresource.js';

/** Where the requests for one subresource go, or those for every other one (SPEC §6). */
export interface UpstreamSettings {
  /** What the documented path is appended to; without a slash at its end. */
  readonly url: string;
  /** Signs the headers that say who asks. */
  readonly secret: string | undefined;
  /** The `Authorization` header, for an upstream that wants one of its own. */
  readonly authorization: string | undefined;
  /** Whether, and where, the upstream is told to remove what closed accounts had; undefined for the default. */
  readonly removal: boolean | { readonly url: string } | undefined;
}

/** The settings of each upstream, by the subresource's name or `*`. */
export type UpstreamsSettings = ReadonlyMap<string, UpstreamSettings>;

const example = 'a JSON object like {"Calls": {"url": "http://voice:8080/restcomm"}}';

/**
 * The value of `SUBRESOURCE_UPSTREAMS`. A message never repeats a URL or a secret.
 * @throws Error with a sentence about the first mistake
 */
export function parseUpstreams(text: string): UpstreamsSettings {
  const names = fieldsOf(parsedJson(text));
  if (names === undefined) throw new Error(`it must be ${example}.`);
  const upstreams = new Map(Object.entries(names).map(([name, value]) => [name, parseUpstream(name, value)]));
  for (const name of upstreams.keys()) assertName(name, [...subresourcePaths, ...upstreams.keys()]);
  return upstreams;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

/** Names must not be mistaken for one another, nor lie in one another: the rules for `Recordings` hold for all of it. */
function assertName(name: string, known: readonly string[]): void {
  if (name === everyOther) return;
  if (!/^[A-Z]\w*(?:\/[A-Z]\w*)?$/.test(name) || name === 'Accounts' || name.startsWith('Accounts/')) {
    throw new Error(`${JSON.stringify(name)} is no name of a subresource; names are like Calls, SMS/Messages or Usage/Records, or "*".`);
  }
  const alike = known.find((other) => other !== name && other.toLowerCase() === name.toLowerCase());
  if (alike !== undefined) throw new Error(`${name} differs from ${alike} only in its case.`);
  const above = known.find((other) => name.toLowerCase().startsWith(`${other.toLowerCase()}/`));
  if (above !== undefined) throw new Error(`${name} is a part of ${above}, and cannot have an upstream of its own.`);
}

const settings = ['url', 'secret', 'authorization', 'removal'];

function parseUpstream(name: string, value: unknown): UpstreamSettings {
  const fields = fieldsOf(value);
  if (fields === undefined) throw new Error(`${name} must be an object with a url.`);
  const unknown = Object.keys(fields).find((field) => !settings.includes(field));
  if (unknown !== undefined) throw new Error(`${name} has ${JSON.stringify(unknown)}; it may have ${settings.join(', ')}.`);
  const { secret, authorization } = fields;
  if (secret !== undefined && !(typeof secret === 'string' && secret.length >= secretMinLength)) {
    throw new Error(`the secret of ${name} must be a text of at least ${secretMinLength} characters, such as openssl rand -hex 32 makes.`);
  }
  if (authorization !== undefined && !(typeof authorization === 'string' && /^[!-~]+(?: [!-~]+)*$/.test(authorization))) {
    throw new Error(`the authorization of ${name} must be a value for a header, like "Basic dXNlcjpwYXNzd29yZA==".`);
  }
  return { url: parseUrl(`the url of ${name}`, fields.url), secret, authorization, removal: parseRemoval(name, fields.removal) };
}

/** As long as a key of 16 bytes in base64 at least. */
const secretMinLength = 22;

function parseRemoval(name: string, removal: unknown): UpstreamSettings['removal'] {
  if (removal === undefined || typeof removal === 'boolean') return removal;
  const fields = fieldsOf(removal);
  if (fields === undefined || Object.keys(fields).join() !== 'url') {
    throw new Error(`the removal of ${name} must be true, false or an object like {"url": "http://voice:8080/removals"}.`);
  }
  return { url: parseUrl(`the url of the removal of ${name}`, fields.url) };
}

function parseUrl(what: string, value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && !/[?#@\s]/.test(String(value));
  if (!isPlain) throw new Error(`${what} must be an http or https URL without user, query and fragment, like http://voice:8080/restcomm.`);
  return (url.origin + url.pathname).replace(/\/+$/, '');
}
