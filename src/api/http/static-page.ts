import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Pages load everything from this server and use nothing inline. An injected script would not run, and could not send the page's
 * credentials anywhere.
 */
const headers = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "font-src 'self' data:", // graphiql.css carries its fonts as data URLs
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache', // revalidate by ETag each time: an upgrade must not mix two versions
};

/** Content types. */
export const html = 'text/html; charset=utf-8';
export const js = 'text/javascript; charset=utf-8';
export const css = 'text/css; charset=utf-8';

/** Whether the path of a URL ends with a slash. The relative links of its page depend on that. */
export function endsWithSlash(url: string): boolean {
  return /^[^?]*\/(?:\?|$)/.test(url);
}

/** A handler that answers with a file, which is read once, now. */
export function staticFile(path: string, type: string, morePolicy: readonly string[] = []) {
  return staticContent(readFileSync(path), type, morePolicy);
}

/** A handler that always answers with the same content. @param morePolicy what the Content-Security-Policy says beside what it says to every page */
export function staticContent(content: string | Buffer, type: string, morePolicy: readonly string[] = []) {
  const policy = [headers['content-security-policy'], ...morePolicy].join('; ');
  const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
  return (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers({ ...headers, 'content-security-policy': policy, etag });
    if (request.headers['if-none-match']?.includes(etag)) return reply.code(304).send();
    return reply.type(type).send(content);
  };
}

/** The path of a file of this project, from its path relative to the root. tsc does not copy such files, so they are read in place. */
export function ownFile(path: string): string {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  return join(root, path);
}

/** The path of a file in an npm package, even if the package does not export it. */
export function packagedFile(name: string, file: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);
}
