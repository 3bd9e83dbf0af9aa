import { hasJsonSuffix, splitUrl } from './path.js';

/** What a request for a subresource asks for. */
export interface SubresourceTarget {
  /** The path below the account's URI, such as `Calls.json`: as it came, nothing of it is decoded. */
  path: string;
  /** As it came, without its question mark. */
  query: string;
}

/**
 * What the URL asks for below an account's URI. `.json` may end any segment of a documented path (SPEC §4), but services behind look
 * for it in what is theirs. So where it ends a segment before that, it is put behind the last one.
 */
export function subresourceTarget(url: string): SubresourceTarget {
  const { path: whole, query } = splitUrl(url);
  // The path is "/Accounts", the account, and what is below it.
  const [, accounts, account, ...below] = whole.split('/');
  const path = below.join('/');
  const isMoved = hasJsonSuffix(`${accounts}/${account}`) && !hasJsonSuffix(path);
  return { path: isMoved ? withJson(path) : path, query: query.slice(1) };
}

/** The path with `.json` behind its last segment, unless that has a suffix. */
function withJson(path: string): string {
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  const last = path.slice(path.lastIndexOf('/', end - 1) + 1, end);
  return last === '' || last.includes('.') ? path : `${path.slice(0, end)}.json${path.slice(end)}`;
}
