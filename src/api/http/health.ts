import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../errors.js';
import type { Upstreams } from '../../subresources/upstreams.js';

/** A database that takes longer to answer is not ready. In milliseconds. */
const patience = 2000;

/** Liveness and readiness, for load balancers and operators (SPEC §8). */
export function health(fastify: FastifyInstance, isReady: () => Promise<boolean>): void {
  let draining = false;
  fastify.addHook('preClose', async () => {
    draining = true;
  });
  fastify.get('/health/live', async () => ({ status: 'live' }));
  fastify.get('/health/ready', async (_request, reply) => {
    const ready = !draining && (await Promise.race([isReady(), sleep(patience, false, { ref: false })]));
    if (ready) return { status: 'ready' };
    return reply
      .code(503)
      .header('retry-after', '1')
      .send({ status: draining ? 'draining' : 'not ready' });
  });
}

/**
 * How each service behind the subresources is doing: 200 if all can be reached, else 503. Readiness does not depend on it, since
 * everything else works without them.
 */
export function upstreamHealth(fastify: FastifyInstance, upstreams: Upstreams): void {
  fastify.get('/health/upstreams', async (_request, reply) => {
    const found = await upstreams.health();
    return reply.code(found.every(({ status }) => status === 'reachable') ? 200 : 503).send({ upstreams: found });
  });
}

/** Refuses requests before the gateway is prepared: it opens its port before it creates the Super Admin (SPEC §8). */
export function refuseUntil(fastify: FastifyInstance, isPrepared: () => boolean): void {
  fastify.addHook('onRequest', ({ url }, _reply, done) => {
    if (isPrepared() || url.startsWith('/health/')) done();
    else done(new AppError('UNAVAILABLE', 'The gateway is starting. Try again in a second.'));
  });
}
