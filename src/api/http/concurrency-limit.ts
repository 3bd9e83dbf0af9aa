import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { networkOf } from '../../domain/sign-in-limit.js';
import { RequestSlots, type RequestSlot } from './request-slots.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Its slot among the requests that run at the same time. Health checks have none. */
    slot: RequestSlot | undefined;
  }
}

/** Health checks need no slot: they must be answered most of all when the gateway is busy. */
const isHealthCheck = (url: string): boolean => url.startsWith('/health/');

/**
 * Limits how many requests run at the same time, by all APIs together. A request holds a slot from before its first look-up until
 * its answer has been made. One that could not even wait for a slot is refused as soon as its headers are there, which costs next
 * to nothing. A request holds no slot while its body arrives or its answer is read, so slow clients take none from others.
 */
export function limitRequests(fastify: FastifyInstance, limit: number, onRefused: () => void): void {
  const slots = new RequestSlots(limit, onRefused);
  fastify.decorateRequest('slot');
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (isHealthCheck(request.url)) return done();
    request.slot = slots.slotFor(networkOf(request.ip));
    slots.assertRoomFor(request.slot);
    done();
  });
  fastify.addHook('preParsing', (request, _reply, body, done) => {
    if (hasBody(request)) request.slot?.release();
    done(null, body);
  });
  fastify.addHook('preHandler', acquireSlot);
  fastify.addHook('onSend', ({ slot }, _reply, _payload, done) => {
    slot?.finish();
    done();
  });
}

/** A hook that waits for a slot. An API that looks something up before the body has arrived runs it first. */
export function acquireSlot({ slot }: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void {
  const proceed = (): void => done();
  if (slot === undefined || slot.tryAcquire()) proceed();
  else slot.acquire().then(proceed, done);
}

/** Whether the request has a body, or says so. */
export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
