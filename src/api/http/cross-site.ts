import cors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.js';
import { isSafe } from './safe-methods.js';

/**
 * Refuses changes that a page of another origin makes a browser send: the browser would add the Basic credentials that it
 * remembers, whoever wrote the page (SPEC §4). Programs send neither of the headers and are not affected.
 *
 * @param trusted origins whose pages may make changes, such as `https://console.company.com`
 * @param publicUrl where users reach the gateway, if configured
 */
export function refuseCrossSiteWrites(server: FastifyInstance, trusted: readonly string[], publicUrl: string | undefined): void {
  const own = publicUrl === undefined ? trusted : [...trusted, new URL(publicUrl).origin];
  server.addHook('onRequest', (request, _reply, done) => {
    if (isSafe(request.method) || !isCrossSite(request, own)) return done();
    throw new AppError(
      'FORBIDDEN',
      'A page of another origin may not change anything here, unless the operator lists its origin in CORS_ORIGINS.',
    );
  });
}

function isCrossSite({ headers, host, protocol }: FastifyRequest, trusted: readonly string[]): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && trusted.includes(origin)) return false;
  // Set by the browser itself, and correct even behind a reverse proxy that changes the host.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && originOf(origin) !== originOf(`${protocol}://${host}`);
}

/** Scheme, host and port of a URL; a unique symbol if the text is not a URL. */
function originOf(url: string): string | symbol {
  return URL.canParse(url) ? new URL(url).origin : Symbol(url);
}

/**
 * Lets pages of the origins call the API and read its answers (CORS). A page has to send credentials itself; it cannot use
 * those that the browser remembers.
 */
export async function allowOrigins(server: FastifyInstance, origins: readonly string[]): Promise<void> {
  await server.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'LINK', 'UNLINK'],
    // An OPTIONS request that is not a preflight is treated like any other.
    strictPreflight: false,
    exposedHeaders: ['Allow', 'ETag', 'Idempotent-Replayed', 'Link', 'Location', 'Retry-After', 'X-Request-Id'],
    maxAge: 600,
  });
}
