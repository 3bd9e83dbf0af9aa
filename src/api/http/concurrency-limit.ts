import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { networkOf } from '../../domain/sign-in-limit.js';
import { inPlace } from '../../service/request-place.js';
import { Places, type RequestPlace } from './request-places.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Its place among the requests that run at once; those who watch the gateway need none. */
    place: RequestPlace | undefined;
  }
}

/** Whether the path is asked by those who watch the gateway, who must learn most of all how it is when it has most to do. */
const isHealth = (url: string): boolean => url.startsWith('/health/');

/**
 * Bounds how many requests run at once, by every surface: each has a place from before anything is looked up for it until
 * its answer is made. Who would find none is refused as soon as the headers are there, so that it costs next to nothing.
 * While its body comes, a request has no place; nor while its answer is read: clients that send slowly, or read slowly, take
 * none from others.
 */
export function limitRequests(fastify: FastifyInstance, atMost: number, onRefused: () => void): void {
  const places = new Places(atMost, onRefused);
  fastify.decorateRequest('place');
  fastify.addHook('onRequest', async (request) => {
    if (isHealth(request.url)) return;
    request.place = places.of(networkOf(request.ip));
    places.assertRoomFor(request.place);
  });
  fastify.addHook('preParsing', (request, _reply, body, done) => {
    if (hasBody(request)) request.place?.leave();
    done(null, body);
  });
  fastify.addHook('preHandler', enterPlace);
  fastify.addHook('onSend', async ({ place }) => place?.end());
}

/** A hook: goes on once the request has a place. Surfaces that look something up before the body has come begin with it. */
export function enterPlace({ place }: FastifyRequest, _reply: FastifyReply, goOn: (error?: Error) => void): void {
  if (place === undefined) return goOn();
  // Anew, also where it is held: what comes after a body is no longer done in what was entered before it.
  const inside = (): void => inPlace(place, goOn);
  if (place.take()) inside();
  else place.wait().then(inside, goOn);
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
