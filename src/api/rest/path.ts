import { apiVersionPath } from '../../domain/subresource.js';

/** Where the documented API is mounted (SPEC §4). The first is the one that its samples use. */
export const mounts = [`/restcomm${apiVersionPath}`, apiVersionPath] as const;

/** The mount that a request came by. */
export function mountOf(url: string): string {
  return partsOf(url).mount ?? mounts[0];
}

/**
 * The one URL that stands for all spellings of the same: at the short mount, with one slash for several, without the `.json` that
 * may end any segment, and with every `%` that begins no escape escaped itself, so that it stands for itself. Escapes that make no
 * UTF-8 stand for themselves too.
 */
export function canonicalUrl(url: string): string {
  const { mount, path, query } = partsOf(url);
  return mount === undefined ? url : apiVersionPath + canonicalPath(path) + query;
}

/** The same of a path, wherever it begins. Each of its segments can be decoded. */
export function canonicalPath(path: string): string {
  return path.split('/').map(canonicalSegment).join('/');
}

/** Whether a segment of the path ends with `.json`. */
export function asksForJson(url: string): boolean {
  return /\.json(?:\/|$)/.test(partsOf(url).path);
}

/** Whether the last segment of the path ends with `.json`, which may be part of a domain name. */
export function endsWithJson(url: string): boolean {
  return /\.json\/?$/.test(partsOf(url).path);
}

function partsOf(url: string): { mount: string | undefined; path: string; query: string } {
  // A proxy is asked for the whole URL, and passes it on as it is.
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
