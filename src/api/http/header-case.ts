import { type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** How names are spelled: those that are not simply spelled capital by capital, then all that were written once; each is ours. */
const spellings = new Map([
  ['etag', 'ETag'],
  ['www-authenticate', 'WWW-Authenticate'],
]);

function inCapitals(name: string): string {
  let spelling = spellings.get(name);
  if (spelling === undefined) {
    spelling = name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
    spellings.set(name, spelling);
  }
  return spelling;
}

/**
 * Spells the names of headers in capitals on the wire, as in `Content-Type`. They mean the same in any case, but clients
 * in the field compare them (SPEC §4), and the HTTP framework writes them small.
 */
export class ResponseInCapitals<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  override setHeader(name: string, value: number | string | readonly string[]): this {
    return super.setHeader(inCapitals(name), value);
  }

  override writeHead(status: number, reason?: string | Headers, headers?: Headers): this {
    if (typeof reason === 'string') return super.writeHead(status, reason, allInCapitals(headers));
    return super.writeHead(status, allInCapitals(reason ?? headers));
  }
}

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[];

function allInCapitals(headers: Headers | undefined): Headers | undefined {
  if (headers === undefined) return undefined;
  // A list has names and values in turn.
  if (Array.isArray(headers)) return headers.map((part, index) => (index % 2 === 0 ? inCapitals(String(part)) : part));
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [inCapitals(name), value]));
}
