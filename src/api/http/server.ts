import { randomUUID } from 'node:crypto';
import { type IncomingMessage, createServer } from 'node:http';
import type { Socket } from 'node:net';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { jsonShapeOf } from '../../domain/json.js';
import { AppError } from '../../errors.js';
import { limitBodies } from './body-deadline.js';
import { sanitizeForwardedHeaders } from './client-address.js';
import { limitConnections } from './connections.js';
import { errorBody, jsonOf } from './error-body.js';
import { parseKeepingSource } from './json-source.js';
import { answerMalformed } from './malformed-request.js';
import { setRefusalHeaders, refusalOf } from './request-error.js';
import { TitleCaseResponse } from './header-case.js';
import { type AnsweredRequest, decorateRequests, watchRequest } from './request-log.js';
import { securityHeaders } from './security-headers.js';
import { assertNotEncoded, decodeUtf8 } from './utf8.js';

interface HttpServerOptions {
  log: FastifyBaseLogger;
  bodyBytes: number;
  /** Reverse proxies whose `X-Forwarded-*` headers are trusted. */
  trustedProxies: readonly string[];
  /** Where users reach the gateway. */
  publicUrl: string | undefined;
  /** Maps all spellings of a URL to one, before it is routed. */
  canonicalUrl: (url: string) => string;
  /** How long an answer may wait for a client that does not read it, in milliseconds. */
  unreadMilliseconds: number;
  /** How long a body may take to arrive, in milliseconds; one that is passed on, how long its client may be silent. */
  bodyMilliseconds: number;
  /** Called for each request once it is over, with its duration in seconds. */
  observe: (answered: AnsweredRequest, seconds: number) => void;
}

/** Creates the HTTP server that both APIs share: request ids, bodies, access log, errors. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { log, bodyBytes, publicUrl, trustedProxies, canonicalUrl, unreadMilliseconds, bodyMilliseconds, observe } = options;
  const headers = securityHeaders(publicUrl);
  const server = fastify({
    loggerInstance: log.child({}, { serializers: { err: loggableError } }),
    serverFactory: (handle) => {
      const bare = createServer({ keepAliveTimeout, headersTimeout: arrivalTimeout, requestTimeout: 0, ServerResponse: TitleCaseResponse });
      limitBodies(bare, bodyMilliseconds);
      limitConnections(bare, handle, { unanswered: unansweredAtMost, unreadMilliseconds });
      return bare;
    },
    clientErrorHandler: (error, socket) => answerMalformed(error, socket as Socket, publicUrl),
    // These errors occur before any hook.
    frameworkErrors: (error, request, reply) => refuse(error, request, reply.headers(headers), publicUrl),
    bodyLimit: bodyBytes,
    // Anyone can send X-Forwarded-For, and limits depend on the address.
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    requestIdHeader: false,
    genReqId: ({ headers }) => acceptedRequestId(headers['x-request-id']) ?? randomUUID(),
    // Fastify's own lines contain the query string, which may hold secrets.
    logController: new LogController({ disableRequestLogging: true }),
    // A request that arrives while draining is still answered, and its connection is closed with the answer.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // The router must not refuse long segments; a name that is too long is simply not found.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 16_384 },
    rewriteUrl: ({ url }) => canonicalUrl(url!),
  });

  sanitizeForwardedHeaders(server);
  decorateRequests(server);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, async ({ headers: given }: FastifyRequest, body: Buffer) => {
    assertNotEncoded(given);
    return parseJson(body);
  });

  server.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id);
    watchRequest(request, reply, observe);
    assertSingle(request.raw.rawHeaders);
    assertShortHeaders(request.raw);
    if (request.span === undefined) return done();
    // All that follows is in the span: Fastify keeps the asynchronous context while a body arrives.
    request.span.within(done);
  });
  server.setErrorHandler((error: FastifyError, request, reply) => refuse(error, request, reply, publicUrl));
  server.setNotFoundHandler(() => {
    throw new AppError('NOT_FOUND', 'There is nothing at this path. The first page, /, says where everything is.');
  });
  return server;
}

/** If a request had two of these, a proxy in front of this server might have used the other one. */
const singleHeaders = ['authorization', 'host'];

/** `rawHeaders` alternates names and values. @throws AppError BAD_USER_INPUT when a header occurs twice that must not */
function assertSingle(rawHeaders: readonly string[]): void {
  for (const single of singleHeaders) {
    let count = 0;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!;
      if (name.length === single.length && name.toLowerCase() === single) count += 1;
    }
    if (count > 1) throw new AppError('BAD_USER_INPUT', `The request has more than one header "${single}". Send it once.`);
  }
}

/** How long the headers of a request may take to arrive, and how long a connection may stay idle. In milliseconds. */
const arrivalTimeout = 30_000;
const keepAliveTimeout = 72_000;

/** How many requests of one connection may be unanswered. */
const unansweredAtMost = 32;

/**
 * Headers that are parsed, and their greatest length in characters, which is longer than any useful value. Some parsers in
 * libraries take quadratic time for a header full of spaces, and they run before the caller is authenticated.
 */
const parsedHeaders = ['accept', 'access-control-request-headers', 'content-type', 'if-match', 'link', 'origin'];
const headerMaxLength = 1024;

/** @throws AppError BAD_USER_INPUT */
function assertShortHeaders({ headers }: IncomingMessage): void {
  for (const name of parsedHeaders) {
    if (String(headers[name] ?? '').length <= headerMaxLength) continue;
    // Composing the refusal must not parse it either.
    delete headers[name];
    throw new AppError('BAD_USER_INPUT', `The header ${name} must not be longer than ${headerMaxLength} characters.`);
  }
}

function refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply, publicUrl: string | undefined): FastifyReply {
  const shown = refusalOf(error, request);
  setRefusalHeaders(reply, shown);
  return reply.code(shown.status).send(jsonOf(errorBody(shown, publicUrl)));
}

/** A caller may choose the request id, for its own logs and ours, from characters that are safe in a log line. */
function acceptedRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[\w.:-]{1,64}$/.test(header) ? header : undefined;
}

/** Parses JSON in UTF-8. Malformed bytes are refused; they would otherwise be replaced silently. */
function parseJson(body: Buffer): unknown {
  let excess: string;
  try {
    const text = decodeUtf8(body);
    const { depth, values } = jsonShapeOf(text);
    if (depth <= bodyMaxDepth && values <= bodyMaxValues) return parseKeepingSource(text);
    excess = depth > bodyMaxDepth ? `is nested more than ${bodyMaxDepth} levels deep` : `has more than ${bodyMaxValues} values`;
  } catch {
    throw new AppError('BAD_USER_INPUT', 'The body must be JSON in UTF-8, and is not.');
  }
  throw new AppError('BAD_USER_INPUT', `The body ${excess}.`);
}

/** A little more than profiles may have, the deepest bodies that clients send. */
const bodyMaxDepth = 256;

/** More would take too long to parse for callers who may not even be authenticated. */
const bodyMaxValues = 25_000;

/** The fields of an error that are logged. Errors of the database driver also carry the statement's parameters, such as hashes and tokens. */
function loggableError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return { name, message, code, constraint, stack, ...(cause !== undefined && { cause: loggableError(cause) }) };
}
