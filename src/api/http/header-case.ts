import { type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Names whose spelling is irregular, then every name that was spelled once. It stays small: all names are ours. */
const spellings = new Map([
  ['etag', 'ETag'],
  ['www-authenticate', 'WWW-Authenticate'],
]);

function titleCase(name: string): string {
  let spelling = spellings.get(name);
  if (spelling === undefined) {
    spelling = name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
    spellings.set(name, spelling);
  }
  return spelling;
}

/**
 * Sends header names in title case, such as `Content-Type`. HTTP ignores the case, but existing clients compare it (SPEC §4), and
 * Fastify sends names in lower case.
 */
export class TitleCaseResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  override setHeader(name: string, value: number | string | readonly string[]): this {
    return super.setHeader(titleCase(name), value);
  }

  override writeHead(status: number, reason?: string | Headers, headers?: Headers): this {
    if (typeof reason === 'string') return super.writeHead(status, reason, titleCaseAll(headers));
    return super.writeHead(status, titleCaseAll(reason ?? headers));
  }
}

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[];

/** As a list, which alternates names and values: Node.js reads both forms, and a list takes less to make. */
function titleCaseAll(headers: Headers | undefined): OutgoingHttpHeader[] | undefined {
  if (headers === undefined) return undefined;
  if (Array.isArray(headers)) return headers.map((part, index) => (index % 2 === 0 ? titleCase(String(part)) : part));
  const spelled: OutgoingHttpHeader[] = [];
  for (const name in headers) spelled.push(titleCase(name), headers[name]!);
  return spelled;
}
