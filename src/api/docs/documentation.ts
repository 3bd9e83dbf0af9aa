import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.js';
import { refuseOtherMethods } from '../http/other-methods.js';
import { css, endsWithSlash, html, ownFile, staticContent, staticFile } from '../http/static-page.js';
import { guideOf, listOfGuides, pageOf } from './layout.js';
import { type Library, type Page, groups, openLibrary, relativeUrl } from './pages.js';

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

/**
 * Serves the guides at `/docs`, made of the same Markdown that the project has, so that `more_info` of a refusal leads to its cause and cure
 * (SPEC §4). A page is made when it is first asked for: a start reads none of them, and does not load what converts them.
 */
export function documentation(fastify: FastifyInstance): void {
  const made = new Map<string, Handler>();
  let library: Library | undefined;
  const handlerOf = async (path: string): Promise<Handler> => {
    library ??= openLibrary();
    const handler = made.get(path) ?? (await makeHandler(path, library));
    made.set(path, handler);
    return handler;
  };
  fastify.register(
    (scope, _options, done) => {
      const serve = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
        const path = ((request.params as { '*'?: string })['*'] ?? '').replace(/(?<=[^/])\/$/, '');
        const handler = await handlerOf(path);
        // The links of a page are relative to its path without a slash at the end.
        if (endsWithSlash(request.url)) return reply.redirect(`../${posix.basename(`docs/${path}`)}`, 308);
        return handler(request, reply);
      };
      scope.get('/docs.css', staticFile(ownFile('src/api/docs/assets/docs.css'), css));
      for (const url of ['/', '/*']) {
        scope.get(url, serve);
        refuseOtherMethods(scope, url, ['GET', 'HEAD']);
      }
      done();
    },
    { prefix: '/docs' },
  );
}

/** Only paths that the library lists lead to files. @throws AppError NOT_FOUND */
async function makeHandler(path: string, library: Library): Promise<Handler> {
  const file = library.files.get(path);
  if (file !== undefined) return staticFile(ownFile(file), file.endsWith('.json') ? 'application/json' : 'text/plain; charset=utf-8');
  const page = library.pages.get(path);
  if (path !== '' && page === undefined) throw new AppError('NOT_FOUND', 'The documentation has no such page. /docs lists all of them.');
  if (page === undefined) {
    const description = 'The guides of the account gateway: how to use its API, and how to run it.';
    return staticContent(pageOf({ path: 'docs', title: 'Documentation', description, main: listOfGuides(), hasNavigation: true }), html);
  }
  const { render } = await import('./markdown.js');
  const rendered = render(readFileSync(ownFile(page.file), 'utf8'), (href) => linkFrom(page, href, library));
  const about = groups.flatMap(({ pages }) => pages).find((listed) => listed.path === path)?.about;
  return staticContent(
    pageOf({
      path: `docs/${path}`,
      title: rendered.title,
      description: about ?? `${rendered.title}: a decision of the account gateway's makers.`,
      main: guideOf(rendered),
      hasNavigation: true,
    }),
    html,
  );
}

/** Where a link of a page leads on the server; undefined where its file is not served. */
function linkFrom(page: Page, href: string, { served }: Library): string | undefined {
  const [path, anchor] = href.split('#') as [string, string?];
  const hash = anchor === undefined ? '' : `#${anchor}`;
  if (path === '') return hash;
  const target = served.get(posix.join(posix.dirname(page.file), path));
  return target === undefined ? undefined : relativeUrl(`docs/${page.path}`, target) + hash;
}
