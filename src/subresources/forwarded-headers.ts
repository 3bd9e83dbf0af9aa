import type { IncomingHttpHeaders } from 'node:http';

/*
 * Headers are passed on by name, in both directions (SPEC §6): what is not listed stays here. So cookies, credentials, identity
 * headers that a client forged, and everything that only concerns one connection never pass.
 */

/** What an upstream gets of the client's headers. */
const passedToUpstream = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'pragma',
  'range',
]);

/** What a client gets of the upstream's headers. */
const passedToClient = new Set([
  'accept-ranges',
  'age',
  'allow',
  'cache-control',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'link',
  'location',
  'pragma',
  'repr-digest',
  'retry-after',
  'vary',
]);

/** The headers of a request that its upstream gets. What `Connection` names is for this connection alone. */
export function headersForUpstream(headers: IncomingHttpHeaders): Record<string, string> {
  const passed: Record<string, string> = {};
  const named = namesIn(headers.connection);
  for (const name in headers) {
    if (passedToUpstream.has(name) && !named.includes(name)) passed[name] = String(headers[name]);
  }
  return passed;
}

/**
 * The headers of an answer that the client gets. Their values are sent as the bytes that came, which are read as Latin-1.
 * @param raw names and values in turn
 */
export function headersForClient(raw: readonly Buffer[]): Record<string, string> {
  const passed: Record<string, string> = {};
  const named: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toString('latin1').toLowerCase();
    if (name === 'connection') named.push(...namesIn(raw[index + 1]!.toString('latin1')));
    if (!passedToClient.has(name)) continue;
    const [before, value] = [passed[name], raw[index + 1]!.toString('latin1')];
    passed[name] = before === undefined ? value : `${before}, ${value}`;
  }
  for (const name of named) if (passedToClient.has(name)) delete passed[name];
  return passed;
}

/** The names of headers in a `Connection` header. */
function namesIn(connection: string | undefined): string[] {
  return connection === undefined ? [] : connection.toLowerCase().split(/[\s,]+/);
}
