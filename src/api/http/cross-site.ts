import cors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.js';

const safe = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Refuses what a page of another origin makes a browser send to change something: the browser would add the Basic
 * credentials that it remembers, whoever wrote the page (SPEC §4). Programs send neither header, and are not concerned.
 *
 * @param trusted origins whose pages may, as `https://console.company.com`
 * @param publicUrl where users reach the gateway, if that is configured
 */
export function refuseCrossSiteWrites(server: FastifyInstance, trusted: readonly string[], publicUrl: string | undefined): void {
  const own = publicUrl === undefined ? trusted : [...trusted, new URL(publicUrl).origin];
  server.addHook('onRequest', async (request) => {
    if (safe.includes(request.method) || !comesFromElsewhere(request, own)) return;
    throw new AppError('FORBIDDEN', 'A page of another origin may not change anything here.');
  });
}

function comesFromElsewhere({ headers, host, protocol }: FastifyRequest, trusted: readonly string[]): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && trusted.includes(origin)) return false;
  // The browser's own word, which a reverse proxy that changes the host does not make wrong.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && originOf(origin) !== originOf(`${protocol}://${host}`);
}

/** Scheme, host and port of a URL; of what is none, something that equals nothing. */
function originOf(url: string): string | symbol {
  return URL.canParse(url) ? new URL(url).origin : Symbol(url);
}

/**
 * Lets pages of the origins call the API and read its answers (CORS). A page has to bring credentials itself: those that
 * the browser remembers it cannot use.
 */
export async function allowOrigins(server: FastifyInstance, origins: readonly string[]): Promise<void> {
  await server.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'LINK', 'UNLINK'],
    // An OPTIONS request that is no preflight is like any other.
    strictPreflight: false,
    exposedHeaders: ['Allow', 'ETag', 'Idempotent-Replayed', 'Link', 'Location', 'Retry-After', 'X-Request-Id'],
    maxAge: 600,
  });
}
