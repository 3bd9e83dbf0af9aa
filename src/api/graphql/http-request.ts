import { HeaderMap, type HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.js';
import { preferredMediaType } from '../http/accept.js';

/** The media types that an answer can have. */
const answerTypes = ['application/json', 'application/graphql-response+json'];

/** What a request by HTTP asks for (GraphQL over HTTP, "Request Parameters"). */
interface Parameters {
  query?: unknown;
  operationName?: unknown;
  variables?: unknown;
  extensions?: unknown;
}

/**
 * The request as Apollo gets it. Whatever Apollo would refuse about its form is refused here first, in the words of this
 * gateway. What clients send in addition and means nothing is removed (SPEC §3).
 * @throws AppError METHOD_NOT_ALLOWED, NOT_ACCEPTABLE, PERSISTED_QUERY_NOT_SUPPORTED, UNSUPPORTED_MEDIA_TYPE, BAD_USER_INPUT,
 * PAYLOAD_TOO_LARGE
 */
export function graphqlRequestOf(
  request: FastifyRequest,
  reply: FastifyReply,
  maxLength: number,
  mediaTypes: readonly string[] = answerTypes,
): HTTPGraphQLRequest {
  const { method, url } = request;
  if (method !== 'GET' && method !== 'POST') {
    reply.header('allow', 'GET, POST');
    throw new AppError('METHOD_NOT_ALLOWED', 'Send GraphQL by POST. Queries may come by GET too.');
  }
  // First of all: a client that cannot read the answer must learn so before a change is made.
  const accepted = preferredMediaType(request.headers.accept, mediaTypes);
  if (accepted === undefined) {
    throw new AppError(
      'NOT_ACCEPTABLE',
      `Answers are available as ${mediaTypes.join(' and ')}. Accept ${mediaTypes.length > 1 ? 'one of them' : 'that'}.`,
    );
  }
  const headers = headersOf(request, accepted);
  if (method === 'POST') {
    const body = bodyOf(request);
    normalize(body);
    assertWellFormed(body, maxLength);
    return { method, headers, search: '', body };
  }
  const inUrl = parametersIn(url);
  normalize(inUrl);
  // Only now: some clients try persisted queries by GET without the header, and the answer to that gives nothing away.
  assertNotCrossSite(request);
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
    `The body must be a JSON object with the document as "query"${Array.isArray(body) ? ', not a list of them' : ''}.`,
  );
}

/** @throws AppError BAD_USER_INPUT */
function parametersIn(url: string): Parameters {
  const start = url.indexOf('?');
  const search = new URLSearchParams(start < 0 ? '' : url.slice(start));
  const only = (name: keyof Parameters): string | undefined => {
    const [value, ...others] = search.getAll(name);
    if (others.length > 0) throw new AppError('BAD_USER_INPUT', `The URL has ${name} more than once. Send it once.`);
    return value;
  };
  const json = (name: keyof Parameters): unknown => {
    const text = only(name);
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      throw new AppError('BAD_USER_INPUT', `${name} must be JSON in the URL, and is not.`);
    }
  };
  return { query: only('query'), operationName: only('operationName'), variables: json('variables'), extensions: json('extensions') };
}

/**
 * An empty operation name counts as no name. The hash of a persisted query is dropped if the document comes with it; a hash alone
 * is refused, with the message by which Apollo Client and urql know that they must send the document.
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
    throw new AppError('BAD_USER_INPUT', 'The request has no document. Send it as a string, "query".');
  // The body may be long, because a profile may be among the variables. The document may not.
  if (query.length > maxLength)
    throw new AppError('PAYLOAD_TOO_LARGE', `The document must have at most ${maxLength} characters, and has ${query.length}.`);
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') {
    throw new AppError('BAD_USER_INPUT', 'operationName must be a string.');
  }
  for (const [name, value] of Object.entries({ variables, extensions })) {
    if (value === undefined || value === null || isObject(value)) continue;
    throw new AppError(
      'BAD_USER_INPUT',
      `${name} must be a JSON object${typeof value === 'string' ? ', not a string that holds one' : ''}.`,
    );
  }
}

/** Headers that a browser sends for a page of another origin only after a preflight request. */
const requiredHeaders = ['apollo-require-preflight', 'x-apollo-operation-name'];

/** Refuses what a link, an image or a form of another site could send: the browser would add the credentials it has stored. @throws AppError */
function assertNotCrossSite({ headers }: FastifyRequest): void {
  const [contentType] = (headers['content-type'] ?? '').split(';');
  if (contentType!.trim().toLowerCase() === 'application/json') return;
  if (!requiredHeaders.some((name) => headers[name])) {
    throw new AppError(
      'BAD_USER_INPUT',
      'A query by GET needs a header that no link or form can send: Content-Type: application/json, or Apollo-Require-Preflight: true.',
    );
  }
  if (contentType !== '')
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'The Content-Type of a query by GET must be application/json, or be left out.');
}

/** The headers that Apollo reads, with what `Accept` comes to. */
function headersOf({ headers }: FastifyRequest, accepted: string): HeaderMap {
  const map = new HeaderMap([['accept', accepted]]);
  for (const name of ['content-type', ...requiredHeaders]) {
    const value = headers[name];
    if (value !== undefined) map.set(name, String(value));
  }
  return map;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
