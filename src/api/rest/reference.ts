import type { FastifyInstance } from 'fastify';
import { apiVersionPath } from '../../domain/subresource.js';
import { css, endsWithSlash, html, js, ownFile, packagedFile, staticFile } from '../http/static-page.js';

const scripts = ['navigation.js', 'reference.js', 'request.js', 'samples-panel.js', 'samples.js'];

/** Serves the reference of the REST API at its mounts: as an interactive page, and as the OpenAPI document. */
export function reference(fastify: FastifyInstance): void {
  const own = (name: string): string => ownFile(`src/api/rest/reference/${name}`);
  fastify.register(
    (scope, _options, done) => {
      const page = staticFile(own('reference.html'), html);
      scope.get('/', (request, reply) =>
        // The page's links to its assets are relative.
        endsWithSlash(request.originalUrl) ? page(request, reply) : reply.redirect(`.${apiVersionPath}/`, 308),
      );
      scope.get('/openapi.yaml', staticFile(ownFile('openapi.yaml'), 'application/yaml'));
      for (const name of scripts) scope.get(`/${name}`, staticFile(own(name), js));
      scope.get('/reference.css', staticFile(own('reference.css'), css));
      scope.get('/swagger-ui.js', staticFile(packagedFile('@fastify/swagger-ui', 'static/swagger-ui-bundle.js'), js));
      scope.get('/swagger-ui.css', staticFile(packagedFile('@fastify/swagger-ui', 'static/swagger-ui.css'), css));
      done();
    },
    { prefix: apiVersionPath },
  );
}
