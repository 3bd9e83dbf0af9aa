import type { HTTPGraphQLResponse } from '@apollo/server';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { FormattedExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql';
import { AppError, type ErrorCode, statusOf } from '../../errors.js';
import { refusalOf, setRefusalHeaders } from '../http/request-error.js';
import { sendable } from '../http/sendable.js';
import { formatPublicError } from './graphql-error.js';
import { stringifyRaw } from './types/json-object.js';

/** The body of an answer. */
export function stringifyAnswer(result: FormattedExecutionResult): string {
  return `${stringifyRaw(result)}\n`;
}

/** Errors that are about the request as a whole, whichever field they come up in. */
const wholeRequest: readonly unknown[] = ['UNAUTHENTICATED', 'ACCOUNT_NOT_ACTIVE', 'RATE_LIMITED', 'UNAVAILABLE', 'OVERLOADED', 'INTERNAL'];

/**
 * The HTTP status of an answer with errors; nothing means 200. A document that was not executed has the status of its error.
 * One that was executed has 200, even when some of its fields failed, unless the request as a whole failed and there is no data.
 */
export function statusOfAnswer({ data, errors }: { data?: unknown; errors?: readonly GraphQLFormattedError[] }): number | undefined {
  const codes = (errors ?? []).map(({ extensions }) => extensions?.code as ErrorCode);
  const decisive = data === undefined ? codes[0] : codes.find((code) => wholeRequest.includes(code));
  if (decisive === undefined || (data && decisive !== 'UNAUTHENTICATED')) return undefined;
  return statusOf(decisive);
}

/** In how many seconds a retry may succeed: the longest wait that any of the errors asks for. */
export function retryAfterOf(errors: readonly GraphQLError[]): number | undefined {
  const seconds = errors.flatMap(({ originalError }) => (originalError instanceof AppError ? (originalError.retryAfter ?? []) : []));
  return seconds.length === 0 ? undefined : Math.max(...seconds);
}

/** Sends Apollo's answer through Fastify. */
export async function send(reply: FastifyReply, { status, headers, body }: HTTPGraphQLResponse): Promise<FastifyReply> {
  if (body.kind !== 'complete') throw new AppError('BAD_USER_INPUT', 'Incremental delivery is not supported.');
  for (const [name, value] of headers) reply.header(name, value);
  setRefusalHeaders(reply, { status });
  return reply.code(status ?? 200).send(sendable(body.string));
}

/** Fastify's error handler for GraphQL: answers a request that failed before it became an operation. */
export function sendRefusal(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const shown = refusalOf(error, request);
  setRefusalHeaders(reply, shown);
  return reply.code(shown.status).send({ errors: [formatPublicError(shown)] });
}
