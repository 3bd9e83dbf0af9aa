import type { FastifyRequest } from 'fastify';
import LinkHeader from 'http-link-header';
import { AppError } from '../../errors.js';
import type { ProfileTarget } from '../../service/profile-service.js';
import type { Sid } from '../../domain/sid.js';
import { canonicalPath, mountOf } from './path.js';

/** The `Link` header that names the effective profile (SPEC §4; seed, "Response Headers"). */
export function profileLink(request: FastifyRequest, publicUrl: string | undefined, sid: Sid): string {
  return `<${urlOf(request, publicUrl, `/Profiles/${sid}`)}>; rel="related"; title="Profiles"`;
}

/**
 * The URL of a path of the documented API, at the mount that the request came by: where users reach the gateway, or else relative to the
 * host. A request's own word for the host is anybody's.
 */
export function urlOf(request: FastifyRequest, publicUrl: string | undefined, path: string): string {
  return (publicUrl ?? '') + mountOf(request.originalUrl) + path;
}

/**
 * What a `Link` header asks to link a profile to: one account or organization, by its URL on whatever host.
 * @throws AppError MISSING_PARAMETER, BAD_USER_INPUT
 */
export function linkTarget(header: string | string[] | undefined): ProfileTarget {
  const field = 'Link';
  if (header === undefined) throw new AppError('MISSING_PARAMETER', 'A Link header says what to link the profile to.', { field });
  const links = linksIn(String(header));
  if (links.length !== 1) throw new AppError('BAD_USER_INPUT', 'One Link header names one account or organization.', { field });
  const [{ uri, rel }] = links as [LinkValue];
  if (rel?.toLowerCase() !== 'related') throw new AppError('BAD_USER_INPUT', 'The Link header is of the relation "related".', { field });

  const [, collection, name] = /\/(Accounts|Organizations)\/([^/]+)\/?$/.exec(pathOf(uri)) ?? [];
  if (name === undefined) throw new AppError('BAD_USER_INPUT', 'The Link header has the URL of an account or an organization.', { field });
  const either = decodeURIComponent(name);
  return collection === 'Accounts' ? { account: { either } } : { organization: { either } };
}

/** A link of the header; one without a relation names none. */
interface LinkValue {
  uri: string;
  rel?: string;
}

function linksIn(header: string): LinkValue[] {
  try {
    return LinkHeader.parse(header).refs;
  } catch {
    return [];
  }
}

/** The canonical path of a URL; it can be relative. */
function pathOf(uri: string): string {
  const path = /^(?:[a-z][a-z\d+.-]*:)?(?:\/\/[^/?#]*)?([^?#]*)/i.exec(uri)![1]!;
  return canonicalPath(path);
}
