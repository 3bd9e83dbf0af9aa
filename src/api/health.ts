import type { FastifyInstance } from 'fastify';

/** For load balancers and operators: is the process alive, and may it be sent requests? (SPEC §8) */
export function health(fastify: FastifyInstance, isReady: () => Promise<boolean>): void {
  let draining = false;
  fastify.addHook('preClose', async () => {
    draining = true;
  });
  fastify.get('/health/live', async () => ({ status: 'live' }));
  fastify.get('/health/ready', async (_request, reply) => {
    if (!draining && (await isReady())) return { status: 'ready' };
    return reply
      .code(503)
      .header('retry-after', '1')
      .send({ status: draining ? 'draining' : 'not ready' });
  });
}
