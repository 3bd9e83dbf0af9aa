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

/** What is redacted: the texts of SMS messages, of e-mail messages, or of notifications (SPEC §6). */
export type RedactionKind = 'SMS/Messages' | 'Email/Messages' | 'Notifications';

/** The XML elements that hold these texts. JSON's names differ from them by case and underscores alone. */
export const messageTexts: Record<RedactionKind, readonly string[]> = {
  'SMS/Messages': ['Body'],
  'Email/Messages': ['Body', 'Subject'],
  Notifications: ['RequestVariables', 'ResponseBody', 'MessageText'],
};

/** Whether the query filters or sorts by the text of messages. From its answer, the text could be guessed piece by piece. */
export function asksByMessageText(redaction: RedactionKind, query: string): boolean {
  const names = messageTexts[redaction].map(plainName);
  const isText = (name: string): boolean => names.some((text) => plainName(name).startsWith(text));
  return parametersOf(query).some(([name, value]) => isText(name) || (plainName(name) === 'sortby' && isText(value)));
}

/** The parameters of a query string. Some servers separate parameters by semicolons too. */
function parametersOf(query: string): [name: string, value: string][] {
  if (query === '') return [];
  return [query, query.replaceAll(';', '&')].flatMap((text) => [...new URLSearchParams(text)]);
}

function plainName(name: string): string {
  return name.replace(/[^a-z]/gi, '').toLowerCase();
}
