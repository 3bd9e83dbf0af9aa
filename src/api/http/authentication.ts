import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountReference } from '../../domain/account.js';
import { anonymous } from '../../domain/actor.js';
import { AppError } from '../../errors.js';
import type { Authenticated, SignIn } from '../../service/sign-in.js';
import { utf8OfCredentials } from './utf8.js';

/** What a 401 challenges with: exactly this, since clients in the field compare it (SPEC §4). */
const challenge = 'Basic realm="Restcomm realm"';

/** Challenges for Basic credentials; not a script, for which a browser would open a dialog of its own over the page. */
export function challengeTo({ headers }: FastifyRequest, reply: FastifyReply): void {
  if (headers['sec-fetch-dest'] !== 'empty') reply.header('www-authenticate', challenge);
}

/** Nobody. */
const unauthenticated = { actor: anonymous, prefetched: undefined };

/**
 * The caller that the `Authorization` header of a request proves, and the account to prefetch. Without the header the caller is
 * nobody, and nothing is prefetched; a wrong header is refused.
 * @throws AppError UNAUTHENTICATED, ACCOUNT_NOT_ACTIVE
 */
export async function authenticate(
  { headers, ip, slot }: FastifyRequest,
  signIn: SignIn,
  prefetch?: AccountReference,
): Promise<Authenticated | typeof unauthenticated> {
  if (headers.authorization === undefined) return unauthenticated;
  const [, encoded] = /^Basic +([A-Za-z0-9+/_-]+=*) *$/i.exec(headers.authorization) ?? [];
  const decoded = utf8OfCredentials(Buffer.from(encoded ?? '', 'base64'));
  const colon = decoded.indexOf(':');
  if (colon < 0) throw new AppError('UNAUTHENTICATED', 'Sign in by HTTP Basic: SID or e-mail address, then password or AuthToken.');
  const [login, secret] = [decoded.slice(0, colon), decoded.slice(colon + 1)];
  const authenticated = await signIn.authenticate({ login, secret, address: ip }, prefetch);
  slot?.markSignedIn();
  return authenticated;
}
