import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../domain/request-context.js';

/** The caller of a use case: the actor and the context of its request. */
export function callerOf({ actor, id, ip, slot, idempotent }: FastifyRequest): Caller {
  return { actor, request: { requestId: id, address: ip, slot, idempotent } };
}
