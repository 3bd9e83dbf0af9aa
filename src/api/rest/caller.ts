import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../domain/request-context.js';

/** Who asks for a change, and in which request, as use cases take it. */
export function callerOf({ actor, id, ip, idempotent }: FastifyRequest): Caller {
  return { actor, request: { requestId: id, address: ip, idempotent } };
}
