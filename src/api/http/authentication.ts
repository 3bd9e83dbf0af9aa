import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountReference } from '../../domain/account.js';
import { type Actor, anonymous } from '../../domain/permissions.js';
import { AppError } from '../../errors.js';
import type { CredentialService } from '../../service/credential-service.js';
import { utf8OfCredentials } from './utf8.js';

/** What a 401 challenges with: exactly this, since clients in the field compare it (SPEC §4). */
const challenge = 'Basic realm="Restcomm realm"';

/** Challenges for Basic credentials; not a script, for which a browser would open a dialog of its own over the page. */
export function challengeTo({ headers }: FastifyRequest, reply: FastifyReply): void {
  if (headers['sec-fetch-dest'] !== 'empty') reply.header('www-authenticate', challenge);
}

/**
 * The caller that the `Authorization` header of a request proves. Without a header it is nobody; a header that is wrong is refused.
 * What the request is about may be read along.
 * @throws AppError UNAUTHENTICATED, ACCOUNT_NOT_ACTIVE
 */
export async function authenticate(
  { headers, ip, id, slot }: FastifyRequest,
  credentials: CredentialService,
  about?: AccountReference,
): Promise<Actor> {
  if (headers.authorization === undefined) return anonymous;
  const [, encoded] = /^Basic +([A-Za-z0-9+/_-]+=*) *$/i.exec(headers.authorization) ?? [];
  const decoded = utf8OfCredentials(Buffer.from(encoded ?? '', 'base64'));
  const colon = decoded.indexOf(':');
  if (colon < 0) throw new AppError('UNAUTHENTICATED', 'Sign in by HTTP Basic: SID or e-mail address, then password or AuthToken.');
  const [login, secret] = [decoded.slice(0, colon), decoded.slice(colon + 1)];
  const actor = await credentials.authenticate({ login, secret, address: ip, requestId: id, about });
  slot?.markSignedIn();
  return actor;
}
