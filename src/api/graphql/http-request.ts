import { HeaderMap, type HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.js';
import { acceptWithoutParameters, preferredMediaType } from '../http/accept.js';

/** What an answer can be. */
const mediaTypes = ['application/json', 'application/graphql-response+json'];

/** What a request by HTTP asks for (GraphQL over HTTP, "Request Parameters"). */
interface Parameters {
  query?: unknown;
  operationName?: unknown;
  variables?: unknown;
  extensions?: unknown;
}

/**
 * A request as Apollo is to see it, with nothing wrong in its form: all that Apollo would refuse is refused before, in the
 * words of this gateway. What clients send beside the operation, and what means nothing, is taken out (SPEC §3).
 * @throws AppError METHOD_NOT_ALLOWED, NOT_ACCEPTABLE, PERSISTED_QUERY_NOT_SUPPORTED, UNSUPPORTED_MEDIA_TYPE, BAD_USER_INPUT,
 * PAYLOAD_TOO_LARGE
 */
export function graphqlRequestOf(request: FastifyRequest, reply: FastifyReply, maxLength: number): HTTPGraphQLRequest {
  const { method, url } = request;
  if (method !== 'GET' && method !== 'POST') {
    reply.header('allow', 'GET, POST');
    throw new AppError('METHOD_NOT_ALLOWED', 'GraphQL is asked by POST, and queries by GET too.');
  }
  // Before anything is done: who cannot read the answer must not find out after a change was made.
  if (preferredMediaType(request.headers.accept, mediaTypes) === undefined) {
    throw new AppError('NOT_ACCEPTABLE', `The answer is ${mediaTypes.join(' or ')}.`);
  }
  const headers = headersOf(request);
  if (method === 'POST') {
    const body = bodyOf(request);
    normalize(body);
    assertWellFormed(body, maxLength);
    return { method, headers, search: '', body };
  }
  const inUrl = parametersIn(url);
  normalize(inUrl);
  // After that: who learns that there are no persisted queries has learned nothing, and some clients ask by GET without the header.
  assertNoMereLink(request);
  assertWellFormed(inUrl, maxLength);
  const given = Object.entries(inUrl).filter(([, value]) => value !== undefined && value !== null);
  const texts = given.map(([name, value]): [string, string] => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
  return { method, headers, search: `?${new URLSearchParams(texts)}`, body: undefined };
}

/** @throws AppError BAD_USER_INPUT */
function bodyOf({ body }: FastifyRequest): Parameters {
  if (isObject(body)) return body;
  throw new AppError(
    'BAD_USER_INPUT',
    `The body is a JSON object with the document as "query"${Array.isArray(body) ? '; one, not a list' : ''}.`,
  );
}

/** @throws AppError BAD_USER_INPUT */
function parametersIn(url: string): Parameters {
  const start = url.indexOf('?');
  const search = new URLSearchParams(start < 0 ? '' : url.slice(start));
  const only = (name: keyof Parameters): string | undefined => {
    const [value, ...others] = search.getAll(name);
    if (others.length > 0) throw new AppError('BAD_USER_INPUT', `The URL has ${name} more than once.`);
    return value;
  };
  const json = (name: keyof Parameters): unknown => {
    const text = only(name);
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      throw new AppError('BAD_USER_INPUT', `The parameter ${name} of the URL is not JSON.`);
    }
  };
  return { query: only('query'), operationName: only('operationName'), variables: json('variables'), extensions: json('extensions') };
}

/**
 * An empty name is none. A hash that comes beside a document says nothing that the document does not; a hash alone cannot be
 * answered. The message is the word by which Apollo Client and urql know to send the document instead.
 * @throws AppError PERSISTED_QUERY_NOT_SUPPORTED
 */
function normalize(parameters: Parameters): void {
  const { query, operationName, extensions } = parameters;
  if (operationName === '') delete parameters.operationName;
  if (!isObject(extensions) || !('persistedQuery' in extensions)) return;
  if (query === undefined || query === null || query === '')
    throw new AppError('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported');
  const { persistedQuery: _, ...others } = extensions;
  parameters.extensions = others;
}

/** @throws AppError BAD_USER_INPUT, PAYLOAD_TOO_LARGE */
function assertWellFormed({ query, operationName, variables, extensions }: Parameters, maxLength: number): void {
  if (typeof query !== 'string' || query === '')
    throw new AppError('BAD_USER_INPUT', 'The request has no document: send it as a text, "query".');
  // A body is as long as a profile among its variables can be; a document is not.
  if (query.length > maxLength) throw new AppError('PAYLOAD_TOO_LARGE', `A document has at most ${maxLength} characters.`);
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') {
    throw new AppError('BAD_USER_INPUT', 'operationName is a text.');
  }
  for (const [name, value] of Object.entries({ variables, extensions })) {
    if (value === undefined || value === null || isObject(value)) continue;
    throw new AppError('BAD_USER_INPUT', `${name} is a JSON object${typeof value === 'string' ? ', not a text that holds one' : ''}.`);
  }
}

/** Headers that a page of another origin cannot have a browser send, unless it asks first. */
const requiredHeaders = ['apollo-require-preflight', 'x-apollo-operation-name'];

/** Refuses what a link, an image or a form could ask for: the browser would add the credentials that it remembers. @throws AppError */
function assertNoMereLink({ headers }: FastifyRequest): void {
  const [contentType] = (headers['content-type'] ?? '').split(';');
  if (contentType!.trim().toLowerCase() === 'application/json') return;
  if (!requiredHeaders.some((name) => headers[name])) {
    throw new AppError(
      'BAD_USER_INPUT',
      'A query by GET needs a header that no link or form can send: Content-Type: application/json, or Apollo-Require-Preflight: true.',
    );
  }
  if (contentType !== '')
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'The Content-Type of a query by GET is application/json, or is left out.');
}

function headersOf({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  if (headers.accept !== undefined) map.set('accept', acceptWithoutParameters(headers.accept));
  return map;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
