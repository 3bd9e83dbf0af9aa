import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../errors.js';

/** Whether the path is asked by those who watch the gateway, who must learn most of all how it is when it has most to do. */
const isHealth = (url: string): boolean => url.startsWith('/health/');

/**
 * Bounds how many requests run at once: from when a request has come in whole until its answer is made. A request too
 * many is refused as soon as its headers are there, before its body is parsed or its caller is looked up; so what is
 * refused costs next to nothing. Clients that send slowly, or read slowly, take no place from others.
 */
export function limitRequests(fastify: FastifyInstance, atMost: number, onRefused: () => void): void {
  const running = new Set<FastifyRequest>();
  const refuseTooMany = ({ url }: FastifyRequest): void => {
    if (running.size < atMost || isHealth(url)) return;
    onRefused();
    throw new AppError('OVERLOADED', 'More requests are running than this server takes at once; try again.');
  };
  fastify.addHook('onRequest', async (request) => refuseTooMany(request));
  fastify.addHook('preHandler', async (request) => {
    refuseTooMany(request);
    running.add(request);
  });
  fastify.addHook('onSend', async (request) => void running.delete(request));
}
