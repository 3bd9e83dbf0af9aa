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
 * The URL of a path of the REST API, at the mount that the request used. Without a public URL it is relative to the host: the
 * `Host` header is not used, since anyone can forge it.
 */
export function urlOf(request: FastifyRequest, publicUrl: string | undefined, path: string): string {
  return (publicUrl ?? '') + mountOf(request.originalUrl) + path;
}

/** What the `Link` header of a request looks like. */
const example = '</2012-04-24/Accounts/AC…>; rel="related"';

/**
 * The account or organization that a `Link` header names, by its URL on any host.
 * @throws AppError MISSING_PARAMETER, BAD_USER_INPUT
 */
export function linkTarget(header: string | string[] | undefined): ProfileTarget {
  const field = 'Link';
  if (header === undefined)
    throw new AppError('MISSING_PARAMETER', `The Link header is required. It names what to link the profile to: ${example}.`, { field });
  const links = linksIn(String(header));
  if (links.length !== 1)
    throw new AppError('BAD_USER_INPUT', `The Link header must name exactly one account or organization: ${example}.`, { field });
  const [{ uri, rel }] = links as [LinkValue];
  if (rel?.toLowerCase() !== 'related')
    throw new AppError('BAD_USER_INPUT', `The relation of the Link header must be "related": ${example}.`, { field });

  const [, collection, name] = /\/(Accounts|Organizations)\/([^/]+)\/?$/.exec(pathOf(uri)) ?? [];
  if (name === undefined)
    throw new AppError('BAD_USER_INPUT', `The Link header must have the URL of an account or an organization: ${example}.`, { field });
  const either = decodeURIComponent(name);
  return collection === 'Accounts' ? { account: { either } } : { organization: { either } };
}

/** A link in the header. The relation can be missing. */
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

/** The canonical path of a URL, which can be relative. */
function pathOf(uri: string): string {
  const path = /^(?:[a-z][a-z\d+.-]*:)?(?:\/\/[^/?#]*)?([^?#]*)/i.exec(uri)![1]!;
  return canonicalPath(path);
}
