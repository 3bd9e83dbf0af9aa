import type { FastifyError, FastifyRequest } from 'fastify';
import { AppError } from '../errors.js';
import type { Report } from './public-error.js';

/** What Fastify finds wrong with a request, in the words of the catalogue. */
export function requestError(error: FastifyError): Error {
  if (error instanceof AppError) return error;
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('PAYLOAD_TOO_LARGE', 'The body is larger than this server takes.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('UNSUPPORTED_MEDIA_TYPE', 'The content type of the body is not one that is taken here.');
    default:
      return error.statusCode !== undefined && error.statusCode < 500 ? new AppError('BAD_USER_INPUT', 'The request is malformed.') : error;
  }
}

export function reportOf({ log }: FastifyRequest): Report {
  return (error, message) => log.error({ err: error }, message);
}
