import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

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

const html = 'text/html; charset=utf-8';
const js = 'text/javascript; charset=utf-8';
const css = 'text/css; charset=utf-8';

/** Serves GraphiQL and its sign-in bar at `/graphiql`, from files of ours and of npm's, without a build or a CDN. */
export function explorer(fastify: FastifyInstance): void {
  fastify.register(
    (scope, _options, done) => {
      const page = send(own('explorer.html'), html);
      scope.get('/', (request, reply) =>
        // The page names its assets relative to `/graphiql`, so that it works behind any path prefix.
        /\/(\?|$)/.test(request.url) ? reply.redirect('../graphiql', 308) : page(request, reply),
      );
      scope.get('/explorer.js', send(own('explorer.js'), js));
      scope.get('/explorer.css', send(own('explorer.css'), css));
      scope.get('/react.js', send(packaged('react', 'umd/react.production.min.js'), js));
      scope.get('/react-dom.js', send(packaged('react-dom', 'umd/react-dom.production.min.js'), js));
      scope.get('/graphiql.js', send(packaged('graphiql', 'graphiql.min.js'), js));
      scope.get('/graphiql.css', send(packaged('graphiql', 'graphiql.min.css'), css));
      done();
    },
    { prefix: '/graphiql' },
  );
}

/** A handler that answers with a file, read now, once. */
function send(path: string, type: string) {
  const content = readFileSync(path);
  const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
  return (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers({ ...headers, etag });
    if (request.headers['if-none-match']?.includes(etag)) return reply.code(304).send();
    return reply.type(type).send(content);
  };
}

/** tsc copies no HTML, so the compiled program reads our files from the sources too, below the same root. */
function own(name: string): string {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  return join(root, 'src/api/graphql/explorer', name);
}

/** A file of an npm package, also one that the package does not export. */
function packaged(name: string, file: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);
}
