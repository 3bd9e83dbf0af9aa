import { apiVersionPath } from '../../domain/subresource.js';

/** Where the REST API is mounted (SPEC §4). The first mount is the one that its samples use. */
export const mounts = [`/restcomm${apiVersionPath}`, apiVersionPath] as const;

/** The mount that a request used. */
export function mountOf(url: string): string {
  return splitUrl(url).mount ?? mounts[0];
}

/**
 * The canonical form of a URL: at the short mount, with repeated slashes merged, and without the `.json` that may end any
 * segment. A `%` that does not begin an escape is escaped, so that it stands for itself. So are escapes that are not UTF-8.
 */
export function canonicalUrl(url: string): string {
  const { mount, path, query } = splitUrl(url);
  return mount === undefined ? url : apiVersionPath + canonicalPath(path) + query;
}

/** The canonical form of a path, without regard to mounts. Each of its segments can be decoded. */
export function canonicalPath(path: string): string {
  return path.split('/').map(canonicalSegment).join('/');
}

/** Whether a segment of the path ends with `.json`. */
export function asksForJson(url: string): boolean {
  return hasJsonSuffix(splitUrl(url).path);
}

/** As `asksForJson`, for a path or a part of one. */
export function hasJsonSuffix(path: string): boolean {
  return /\.json(?:\/|$)/.test(path);
}

/** Whether the last segment of the path ends with `.json`. That may be part of a domain name. */
export function endsWithJson(url: string): boolean {
  return /\.json\/?$/.test(splitUrl(url).path);
}

/** The parts of a URL. Repeated slashes in its path are merged. The mount is undefined outside of the REST API. */
export function splitUrl(url: string): { mount: string | undefined; path: string; query: string } {
  // Some clients of proxies send an absolute URL.
  const relative = url.replace(/^https?:\/\/[^/?#]*/i, '');
  const start = relative.indexOf('?');
  const [path, query] = start < 0 ? [relative, ''] : [relative.slice(0, start), relative.slice(start)];
  const whole = path.replace(/\/{2,}/g, '/');
  const mount = mounts.find((prefix) => whole === prefix || whole.startsWith(`${prefix}/`));
  return { mount, path: whole.slice(mount?.length ?? 0), query };
}

function canonicalSegment(segment: string): string {
  const plain = segment.replace(/\.json$/, '').replace(/%(?![0-9a-f]{2})/gi, '%25');
  try {
    decodeURIComponent(plain);
    return plain;
  } catch {
    return plain.replaceAll('%', '%25');
  }
}
