import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Sid } from '../../domain/sid.js';
import { type Span, tracer } from '../../tracing/tracer.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether an error occurred after a part of the answer was sent. */
    isFailed: boolean;
    /** The account that has signed in. */
    accountSid: Sid | undefined;
    /** Which GraphQL operation it is, such as `query Tree`. */
    operation: string | undefined;
    /** Present while tracing is on. */
    span: Span | undefined;
  }
}

/** What is known of a request once it is over. */
export interface AnsweredRequest {
  method: string;
  route: string;
  /** 499 if the client hung up. */
  status: number;
}

/** The status that is counted when a client hangs up before it has its answer, as nginx does. */
const statusOfHangUp = 499;

export function decorateRequests(server: FastifyInstance): void {
  server.decorateRequest('isFailed', false);
  server.decorateRequest('accountSid');
  server.decorateRequest('operation');
  server.decorateRequest('span');
}

/**
 * Logs the request when it is over, however it ends, in one line with what it was and who asked; tells its duration in seconds; and begins and
 * ends its span.
 */
export function watchRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  observe: (answered: AnsweredRequest, seconds: number) => void,
): void {
  request.span = tracer?.received(request.id, request.headers);
  // Not Fastify's onResponse hook, which is not called when the client hangs up.
  reply.raw.once('close', () => {
    const { accountSid: account, operation, span } = request;
    const isWhole = reply.raw.writableFinished;
    const status = isWhole ? reply.statusCode : request.isFailed ? 500 : statusOfHangUp;
    const answered = { method: request.method, route: request.routeOptions.url ?? 'unknown', status };
    observe(answered, reply.elapsedTime / 1000);
    const milliseconds = Math.round(reply.elapsedTime);
    const fields = { ...answered, operation, account, milliseconds, ...(span && { trace_id: span.traceId }) };
    request.log.info(fields, isWhole ? 'answered' : 'aborted');
    if (span !== undefined) endSpan(span, answered, account);
  });
}

function endSpan(span: Span, { method, route, status }: AnsweredRequest, account: Sid | undefined): void {
  span.rename(`${method} ${route}`);
  span.set({ 'http.request.method': method, 'http.route': route, 'http.response.status_code': status, 'account.sid': account });
  span.end(status >= 500 ? status : undefined);
}
