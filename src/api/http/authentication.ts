import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountReference } from '../../domain/account.js';
import { anonymous } from '../../domain/actor.js';
import { AppError } from '../../errors.js';
import type { Authenticated, SignIn } from '../../service/sign-in.js';
import { decodeCredentials } from './utf8.js';

/** The challenge of a 401. Existing clients compare it, so it must be exactly this (SPEC §4). */
const challenge = 'Basic realm="Restcomm realm"';

/** Asks for Basic credentials, unless a script in a browser made the request: the browser would open its own dialog over the page. */
export function challengeTo({ headers }: FastifyRequest, reply: FastifyReply): void {
  if (headers['sec-fetch-dest'] !== 'empty') reply.header('www-authenticate', challenge);
}

/** The result for a request without credentials. */
const unauthenticated = { actor: anonymous, prefetched: undefined };

/**
 * Authenticates the caller by the `Authorization` header, and prefetches an account with the same look-up. Without the header
 * the caller is anonymous, and nothing is prefetched. A wrong header is refused.
 * @throws AppError UNAUTHENTICATED, ACCOUNT_NOT_ACTIVE
 */
export async function authenticate(
  request: FastifyRequest,
  signIn: SignIn,
  prefetch?: AccountReference,
): Promise<Authenticated | typeof unauthenticated> {
  const { headers, ip, slot } = request;
  if (headers.authorization === undefined) return unauthenticated;
  const [, encoded] = /^Basic +([A-Za-z0-9+/_-]+=*) *$/i.exec(headers.authorization) ?? [];
  const decoded = decodeCredentials(Buffer.from(encoded ?? '', 'base64'));
  const colon = decoded.indexOf(':');
  if (colon < 0)
    throw new AppError(
      'UNAUTHENTICATED',
      'The Authorization header must be that of HTTP Basic authentication, with a SID or e-mail address and a password or AuthToken.',
    );
  const [login, secret] = [decoded.slice(0, colon), decoded.slice(colon + 1)];
  const authenticated = await signIn.authenticate({ login, secret, address: ip, slot }, prefetch);
  request.accountSid = authenticated.actor.account.sid;
  slot?.markSignedIn();
  return authenticated;
}
