import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseIdempotencyKey } from '../../domain/idempotency.js';
import type { ExpectedVersion } from '../../domain/account.js';
import { AppError } from '../../errors.js';
import { isSafe } from '../http/safe-methods.js';

/**
 * Accepts an `Idempotency-Key` on changes by the scope's routes, so that they can be repeated safely (SPEC §2). The key is bound to
 * everything in the request that has a meaning here. A malformed key is refused with BAD_USER_INPUT.
 */
export function acceptIdempotencyKeys(scope: FastifyInstance): void {
  scope.addHook('preHandler', (request, reply, done) => {
    const { method, url, headers, body } = request;
    const key = headers['idempotency-key'];
    if (key === undefined || isSafe(method)) return done();
    const parsed = parseIdempotencyKey(String(key), 'Idempotency-Key');
    const { 'x-http-method-override': override, link, 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
    const asked = JSON.stringify([
      method,
      url,
      override,
      link,
      ifMatch,
      String(body ?? ''),
      ...(ifNoneMatch === undefined ? [] : [ifNoneMatch]),
    ]);
    const onReplay = (): void => void reply.header('idempotent-replayed', 'true');
    request.idempotent = { key: parsed, request: asked, onReplay };
    done();
  });
}

/** The `ETag` of an account with the version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/** Whether the client already has this version of the account, by `If-None-Match` of a GET. */
export function isNotModified({ headers }: FastifyRequest, version: number): boolean {
  const tags = headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes('*') || tags.includes(etagOf(version));
}

/** Whether a change may be made only if the target does not exist: `If-None-Match: *`. */
export function requiresAbsence({ headers }: FastifyRequest): boolean {
  return headers['if-none-match']?.trim() === '*';
}

/**
 * The version that a change expects of the account: 'none' if the account must not exist, otherwise one of those in `If-Match`;
 * undefined if any version will do. @throws AppError BAD_USER_INPUT
 */
export function expectedVersion(request: FastifyRequest): ExpectedVersion {
  return requiresAbsence(request) ? 'none' : ifMatchVersions(request);
}

/**
 * The versions in `If-Match`, one of which the account must have; undefined if any version will do. A tag that is not the `ETag`
 * of an account matches none. @throws AppError BAD_USER_INPUT
 */
function ifMatchVersions({ headers }: FastifyRequest): number[] | undefined {
  const field = 'If-Match';
  const header = headers['if-match'];
  if (header === undefined || header.trim() === '*') return undefined;
  const tags = header.split(',').map((tag) => tag.trim());
  if (!tags.every((tag) => /^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(tag))) {
    throw new AppError('BAD_USER_INPUT', `${field} must be * or a list of quoted entity tags, such as "3".`, { field });
  }
  return tags.flatMap((tag) => (/^"[1-9]\d{0,9}"$/.test(tag) ? Number(tag.slice(1, -1)) : []));
}
