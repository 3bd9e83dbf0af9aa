import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.js';
import { challengeTo } from './authentication.js';
import { type PublicError, type Report, publicError } from './public-error.js';

/** Fastify's own errors about a request, as errors of the catalogue. */
function requestError(error: FastifyError, { routeOptions }: FastifyRequest): Error {
  if (error instanceof AppError) return error;
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('PAYLOAD_TOO_LARGE', `The body must have at most ${routeOptions.bodyLimit} bytes.`);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('UNSUPPORTED_MEDIA_TYPE', 'The content type of the body is not accepted here. Send application/json.');
    default:
      return error.statusCode !== undefined && error.statusCode < 500 ? new AppError('BAD_USER_INPUT', 'The request is malformed.') : error;
  }
}

/** What the caller is told about an error that ended its request. */
export function refusalOf(error: FastifyError, request: FastifyRequest): PublicError {
  return publicError(requestError(error, request), request.id, reportOf(request));
}

/** Sets the headers of a refusal that say what to do: sign in, or try again later. */
export function setRefusalHeaders(
  reply: FastifyReply,
  { status, retryAfter }: { status: number | undefined; retryAfter?: number | undefined },
): void {
  if (status === 401) challengeTo(reply.request, reply);
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
}

/** Logs internal errors of the request. */
export function reportOf({ log }: FastifyRequest): Report {
  return (error, message) => log.error({ err: error }, message);
}
