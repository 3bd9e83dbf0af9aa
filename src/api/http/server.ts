import { randomUUID } from 'node:crypto';
import { type IncomingMessage, createServer } from 'node:http';
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
import { readClientAddresses } from './client-address.js';
import { boundConnections } from './connections.js';
import { errorBody, jsonOf } from './error-body.js';
import { parseKeepingSource } from './json-source.js';
import { advise, refusalOf } from './request-error.js';
import { TitleCaseResponse } from './header-case.js';
import { securityHeaders } from './security-headers.js';
import { assertNotEncoded, utf8 } from './utf8.js';

export interface HttpServerOptions {
  log: FastifyBaseLogger;
  bodyBytes: number;
  /** Reverse proxies that are believed whom they forward for. */
  trustedProxies: readonly string[];
  /** Where users reach the gateway. */
  publicUrl: string | undefined;
  /** Gives each URL that has several spellings one of them, before it is routed. */
  canonicalUrl: (url: string) => string;
  /** How long an answer may wait for a client that reads nothing of it, in milliseconds. */
  unreadMilliseconds: number;
  /** Told of each request: its method, route and status, 499 where the client hung up before, and how many seconds it took. */
  observe: (request: { method: string; route: string; status: number }, seconds: number) => void;
}

/** The HTTP server, as every surface shares it: request ids, bodies, access log, errors. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { log, bodyBytes, publicUrl, trustedProxies, canonicalUrl, unreadMilliseconds, observe } = options;
  const headers = securityHeaders(publicUrl);
  const server = fastify({
    loggerInstance: log.child({}, { serializers: { err: loggableError } }),
    serverFactory: (handle) => {
      // A body that does not come must not hold a connection.
      const bare = createServer({ keepAliveTimeout, requestTimeout, ServerResponse: TitleCaseResponse });
      boundConnections(bare, handle, { unanswered: unansweredAtMost, unreadMilliseconds });
      return bare;
    },
    // Before any hook.
    frameworkErrors: (error, request, reply) => refuse(error, request, reply.headers(headers), publicUrl),
    bodyLimit: bodyBytes,
    // Anyone can send X-Forwarded-For, and limits go by the address.
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    requestIdHeader: false,
    genReqId: ({ headers }) => acceptedRequestId(headers['x-request-id']) ?? randomUUID(),
    // Its own lines would hold the query string, where a client may put what no log should keep.
    logController: new LogController({ disableRequestLogging: true }),
    // A request that comes in while draining is answered, and its connection closed with the answer.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // No segment is too long for the router: what is longer than a name can be names nothing.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 16_384 },
    rewriteUrl: ({ url }) => canonicalUrl(url!),
  });

  readClientAddresses(server);
  server.decorateRequest('isFailed', false);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, async ({ headers: given }: FastifyRequest, body: Buffer) => {
    assertNotEncoded(given);
    return parseJson(body);
  });

  server.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...headers, 'x-request-id': request.id });
    // Not Fastify's own hook, which says nothing of an answer that its reader did not wait for.
    reply.raw.once('close', () => {
      const isWhole = reply.raw.writableFinished;
      const status = isWhole ? reply.statusCode : request.isFailed ? 500 : statusOfHangUp;
      const answered = { method: request.method, route: request.routeOptions.url ?? 'unknown', status };
      observe(answered, reply.elapsedTime / 1000);
      request.log.info({ ...answered, milliseconds: Math.round(reply.elapsedTime) }, isWhole ? 'answered' : 'broken off');
    });
    assertSingle(request.raw.rawHeaders);
    assertShortHeaders(request.raw);
  });
  server.setErrorHandler((error: FastifyError, request, reply) => refuse(error, request, reply, publicUrl));
  server.setNotFoundHandler(() => {
    throw new AppError('NOT_FOUND', 'There is nothing at this path.');
  });
  return server;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether its answer, of which a part was sent, could not be finished. */
    isFailed: boolean;
  }
}

/** What is counted when a client hangs up before it has its answer; nginx has made it a custom. */
const statusOfHangUp = 499;

/** Of two, a proxy before this server may have gone by the other one. */
const singleHeaders = ['authorization', 'host'];

/** @throws AppError BAD_USER_INPUT when a header that has to be one is several; names and values take turns in the list */
function assertSingle(rawHeaders: readonly string[]): void {
  for (const single of singleHeaders) {
    let count = 0;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!;
      if (name.length === single.length && name.toLowerCase() === single) count += 1;
    }
    if (count > 1) throw new AppError('BAD_USER_INPUT', `The request has more than one header "${single}".`);
  }
}

/** How long a request may take to arrive, and how long a connection may wait for its next one. In milliseconds. */
const requestTimeout = 30_000;
const keepAliveTimeout = 72_000;

/** How many requests of one connection may be under way. */
const unansweredAtMost = 32;

/**
 * Headers that a parser looks at, and how long one of them may be, in characters: longer than any that means something.
 * Parsers of libraries among them take a square of the time for a header of spaces, before it is known who asks.
 */
const parsedHeaders = ['accept', 'access-control-request-headers', 'content-type', 'if-match', 'link', 'origin'];
const headerMaxLength = 1024;

/** @throws AppError BAD_USER_INPUT */
function assertShortHeaders({ headers }: IncomingMessage): void {
  for (const name of parsedHeaders) {
    if (String(headers[name] ?? '').length <= headerMaxLength) continue;
    // The refusal must not be worked out from it, either.
    delete headers[name];
    throw new AppError('BAD_USER_INPUT', `The header ${name} has at most ${headerMaxLength} characters.`);
  }
}

function refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply, publicUrl: string | undefined): FastifyReply {
  const shown = refusalOf(error, request);
  advise(reply, shown);
  return reply.code(shown.status).send(jsonOf(errorBody(shown, publicUrl)));
}

/** A caller may name its request, for its own logs and ours, in a word that cannot break a log line. */
function acceptedRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[\w.:-]{1,64}$/.test(header) ? header : undefined;
}

/** JSON as UTF-8, and nothing that merely looks like it: bytes that are no UTF-8 would be replaced silently. */
function parseJson(body: Buffer): unknown {
  let excess: string;
  try {
    const text = utf8(body);
    const { depth, values } = jsonShapeOf(text);
    if (depth <= bodyMaxDepth && values <= bodyMaxValues) return parseKeepingSource(text);
    excess = depth > bodyMaxDepth ? `is nested more than ${bodyMaxDepth} levels deep` : `has more than ${bodyMaxValues} values`;
  } catch {
    throw new AppError('BAD_USER_INPUT', 'The body is not JSON in UTF-8.');
  }
  throw new AppError('BAD_USER_INPUT', `The body ${excess}.`);
}

/** Some more than a profile can have, which is the deepest of what is sent. */
const bodyMaxDepth = 256;

/** More take too long to read for whoever may have sent them. */
const bodyMaxValues = 25_000;

/**
 * What the log keeps of an error: nothing but this. The errors of database drivers carry the statement's parameters, among
 * them hashes and tokens.
 */
function loggableError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return { name, message, code, constraint, stack, ...(cause !== undefined && { cause: loggableError(cause) }) };
}
