import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseIdempotencyKey } from '../../domain/idempotency.js';
import type { ExpectedVersion } from '../../domain/account.js';
import { AppError } from '../../errors.js';

const safe = ['GET', 'HEAD'];

/**
 * Requests of the scope's routes may be repeated, when they have an `Idempotency-Key` (SPEC §2). What the key stands for is
 * all of the request that has a meaning here. Refused with BAD_USER_INPUT.
 */
export function repeatable(scope: FastifyInstance): void {
  scope.addHook('preHandler', async (request, reply) => {
    const { method, url, headers, body } = request;
    const key = headers['idempotency-key'];
    if (key === undefined || safe.includes(method)) return;
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
  });
}

/** The version as the `ETag` of an account. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/** Whether the client has the account of the version already, as `If-None-Match` of a GET says. */
export function isKnown({ headers }: FastifyRequest, version: number): boolean {
  const tags = headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes('*') || tags.includes(etagOf(version));
}

/** Whether a change may only be made where nothing is yet: `If-None-Match: *`. */
export function expectsNothing({ headers }: FastifyRequest): boolean {
  return headers['if-none-match']?.trim() === '*';
}

/**
 * The version that a change of an account expects of it: none, where nothing must be there yet; else those that `If-Match` names, one
 * of which the account must have; nothing when any will do. @throws AppError BAD_USER_INPUT
 */
export function versionExpected(request: FastifyRequest): ExpectedVersion {
  return expectsNothing(request) ? 'none' : versionsIn(request);
}

/**
 * The versions that `If-Match` names, one of which the account must have; nothing when any will do. What is no `ETag` of an
 * account is the version of none. @throws AppError BAD_USER_INPUT
 */
function versionsIn({ headers }: FastifyRequest): number[] | undefined {
  const field = 'If-Match';
  const header = headers['if-match'];
  if (header === undefined || header.trim() === '*') return undefined;
  const tags = header.split(',').map((tag) => tag.trim());
  if (!tags.every((tag) => /^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(tag))) {
    throw new AppError('BAD_USER_INPUT', `${field} is * or a list of entity tags in quotes.`, { field });
  }
  return tags.flatMap((tag) => (/^"[1-9]\d{0,9}"$/.test(tag) ? Number(tag.slice(1, -1)) : []));
}
