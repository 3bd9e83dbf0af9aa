import type { FastifyInstance } from 'fastify';
import { css, endsWithSlash, html, js, ownFile, packagedFile, staticFile } from '../http/static-page.js';

const scripts = ['explorer.js', 'keyboard.js', 'requests.js', 'secrets.js', 'steps.js', 'storage.js', 'tabs.js'];

/** Serves GraphiQL and its sign-in bar at `/graphiql`, from files of ours and of npm's, without a build or a CDN. */
export function explorer(fastify: FastifyInstance): void {
  const own = (name: string): string => ownFile(`src/api/graphql/explorer/${name}`);
  fastify.register(
    (scope, _options, done) => {
      const page = staticFile(own('explorer.html'), html);
      scope.get('/', (request, reply) =>
        // The page names its assets relative to `/graphiql`, so that it works behind any path prefix.
        endsWithSlash(request.url) ? reply.redirect('../graphiql', 308) : page(request, reply),
      );
      for (const name of scripts) scope.get(`/${name}`, staticFile(own(name), js));
      scope.get('/explorer.css', staticFile(own('explorer.css'), css));
      scope.get('/react.js', staticFile(packagedFile('react', 'umd/react.production.min.js'), js));
      scope.get('/react-dom.js', staticFile(packagedFile('react-dom', 'umd/react-dom.production.min.js'), js));
      scope.get('/graphiql.js', staticFile(packagedFile('graphiql', 'graphiql.min.js'), js));
      scope.get('/graphiql.css', staticFile(packagedFile('graphiql', 'graphiql.min.css'), css));
      scope.get('/query-builder.js', staticFile(packagedFile('@graphiql/plugin-explorer', 'dist/index.umd.js'), js));
      scope.get('/query-builder.css', staticFile(packagedFile('@graphiql/plugin-explorer', 'dist/style.css'), css));
      done();
    },
    { prefix: '/graphiql' },
  );
}
