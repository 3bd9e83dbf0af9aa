import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { AppError } from '../../errors.js';

/** Refuses the methods that a path does not have, and lists those that it has (SPEC §4). */
export function refuseOtherMethods(scope: FastifyInstance, url: string, has: Iterable<string>): void {
  const allowed = new Set(has);
  const allow = [...allowed].toSorted().join(', ');
  const refuse = async (_request: FastifyRequest, reply: FastifyReply): Promise<never> => {
    reply.header('allow', allow);
    throw new AppError('METHOD_NOT_ALLOWED', `The method is not allowed here. Allowed: ${allow}.`);
  };
  const others = scope.supportedMethods.filter((method) => !allowed.has(method));
  // In a hook, so that the body is not parsed.
  scope.route({ method: others as HTTPMethods[], url, exposeHeadRoute: false, onRequest: refuse, handler: refuse });
}
