import type { Operation } from './permissions.js';

/** A request for a subresource, as far as rules depend on it. */
export interface SubresourceRequest {
  method: string;
  /** The segments of the path below the account's URI: see `segmentsOf`. */
  segments: readonly string[];
  /** The query string, as it came. */
  query: string;
}

/** What each method does to a subresource. */
const operationOfMethod = {
  GET: 'readSubresources',
  HEAD: 'readSubresources',
  POST: 'createSubresources',
  PUT: 'changeSubresources',
  PATCH: 'changeSubresources',
  DELETE: 'removeSubresources',
} as const satisfies Record<string, Operation>;

/** The methods that subresources have. */
export const subresourceMethods = Object.keys(operationOfMethod) as (keyof typeof operationOfMethod)[];

/**
 * All that the caller has to be permitted for the request (SPEC §6), the most general first. Names are compared without regard to
 * case and to what they end with, because upstreams differ in what they take for the same.
 */
export function operationsOf({ method, segments, query }: SubresourceRequest): Operation[] {
  const removesRecordings = method === 'DELETE' && segments.some((segment) => /^recordings\b/i.test(segment));
  const asksForSubAccounts = parametersOf(query).some(
    ([name, value]) => plainName(name) === 'subaccounts' && !['', 'false'].includes(value.trim().toLowerCase()),
  );
  return [
    operationOfMethod[method as keyof typeof operationOfMethod],
    ...(removesRecordings ? (['removeRecordings'] as const) : []),
    ...(asksForSubAccounts ? (['readSubresourcesOfSubAccounts'] as const) : []),
  ];
}

/** The properties with the text of messages, by what is redacted, without case and underscores (SPEC §6). */
const textProperties: Record<string, readonly string[]> = {
  'SMS/Messages': ['body'],
  'Email/Messages': ['body', 'subject'],
  Notifications: ['requestvariables', 'responsebody', 'messagetext'],
};

/** Whether the query filters or sorts by the text of messages. From its answer, the text could be guessed piece by piece. */
export function asksByMessageText(redaction: string, query: string): boolean {
  const properties = textProperties[redaction] ?? [];
  const isText = (name: string): boolean => properties.some((property) => plainName(name).startsWith(property));
  return parametersOf(query).some(([name, value]) => isText(name) || (plainName(name) === 'sortby' && isText(value)));
}

/** The parameters of a query string. Some servers separate parameters by semicolons too. */
function parametersOf(query: string): [name: string, value: string][] {
  return [query, query.replaceAll(';', '&')].flatMap((text) => [...new URLSearchParams(text)]);
}

function plainName(name: string): string {
  return name.replace(/[^a-z]/gi, '').toLowerCase();
}
