import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Everything comes from this server, nothing inline: a script that found its way into the page would
 * neither run nor have anywhere to send the credentials that the page holds.
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
  'cache-control': 'no-cache', // ask each time, by ETag: an upgrade must not mix two versions
};

/** The types of the files that pages are made of. */
export const html = 'text/html; charset=utf-8';
export const js = 'text/javascript; charset=utf-8';
export const css = 'text/css; charset=utf-8';

/** Whether the path of a URL ends with a slash, which decides what its page's relative links are relative to. */
export function endsWithSlash(url: string): boolean {
  return /^[^?]*\/(?:\?|$)/.test(url);
}

/** A handler that answers with a file, read now, once. */
export function staticFile(path: string, type: string) {
  return staticContent(readFileSync(path), type);
}

/** A handler that answers with the same content always. */
export function staticContent(content: string | Buffer, type: string) {
  const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
  return (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers({ ...headers, etag });
    if (request.headers['if-none-match']?.includes(etag)) return reply.code(304).send();
    return reply.type(type).send(content);
  };
}

/** A file of ours, by its path from the root. tsc copies none, so the compiled program reads them where they are. */
export function ownFile(path: string): string {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  return join(root, path);
}

/** A file of an npm package, also one that the package does not export. */
export function packagedFile(name: string, file: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);
}
