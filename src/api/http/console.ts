import { existsSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { css, endsWithSlash, html, js, ownFile, staticFile } from './static-page.js';

/** The page makes no markup from texts, and no browser lets it. */
const policy = ["require-trusted-types-for 'script'", "trusted-types 'none'"];

/**
 * Serves the console at `/console` (SPEC §13): the page, the script and the style sheet that `npm run build` made of `console/`.
 * @throws Error if they were not built
 */
export function webConsole(fastify: FastifyInstance): void {
  const built = (name: string): string => ownFile(`dist/console/${name}`);
  if (!existsSync(built('index.html'))) throw new Error('The console was not built. Run "npm run build", or set CONSOLE=false.');
  fastify.register(
    (scope, _options, done) => {
      const page = staticFile(built('index.html'), html, policy);
      scope.get('/', (request, reply) =>
        // The page names its assets relative to `/console`, so that it works behind any path prefix.
        endsWithSlash(request.url) ? reply.redirect('../console', 308) : page(request, reply),
      );
      scope.get('/index.js', staticFile(built('console/index.js'), js, policy));
      scope.get('/style.css', staticFile(built('console/style.css'), css, policy));
      done();
    },
    { prefix: '/console' },
  );
}
