import type { FastifyInstance } from 'fastify';
import { version } from '../../version.js';
import { preferredMediaType } from '../http/accept.js';
import { refuseOtherMethods } from '../http/other-methods.js';
import { html, staticContent } from '../http/static-page.js';
import { mounts } from '../rest/path.js';
import { escapeHtml } from './html.js';
import { pageOf } from './layout.js';
import { relativeUrl } from './pages.js';

/** The tools for browsers that the configuration switches on. */
export interface Tools {
  graphiql: boolean;
  console: boolean;
}

interface HomeOptions {
  tools: Tools;
  /** Where users reach the gateway. */
  publicUrl: string | undefined;
}

/** Somewhere to go from the first page. */
interface Place {
  /** Its name in JSON. */
  key: string;
  title: string;
  path: string;
  about: string;
  isOn: boolean;
  /** Whether it is for programs, so that a browser has nothing to open there. */
  isForPrograms?: boolean;
}

/** All that the first page leads to, in its order. */
function placesOf({ graphiql, console }: Tools): Place[] {
  const places: Place[] = [
    {
      key: 'console',
      title: 'Console',
      path: '/console',
      about: 'See the tree, search it, and switch accounts off and on.',
      isOn: console,
    },
    { key: 'graphiql', title: 'GraphiQL', path: '/graphiql', about: 'Write and run GraphQL in the browser.', isOn: graphiql },
    { key: 'rest', title: 'REST reference', path: `${mounts[0]}/`, about: 'Read about the REST API, and try it.', isOn: true },
    { key: 'documentation', title: 'Documentation', path: '/docs', about: 'Guides, errors, events, configuration, changes.', isOn: true },
    { key: 'graphql', title: 'GraphQL', path: '/graphql', about: 'Programs send their operations to', isOn: true, isForPrograms: true },
  ];
  return places.filter(({ isOn }) => isOn);
}

/**
 * What somebody finds who opens the address of the gateway: its name, its version, and where everything is (SPEC §8). A page for browsers,
 * JSON for others.
 */
export function home(fastify: FastifyInstance, { tools, publicUrl = '' }: HomeOptions): void {
  const places = placesOf(tools);
  const links = Object.fromEntries(places.map(({ key, path }) => [key, publicUrl + path]));
  const answers: Record<string, ReturnType<typeof staticContent>> = {
    'application/json': staticContent(JSON.stringify({ name: 'Account gateway', version, ...links }), 'application/json'),
    'text/html': staticContent(homePage(places, publicUrl), html),
  };
  fastify.get('/', (request, reply) => {
    const type = preferredMediaType(request.headers.accept, Object.keys(answers)) ?? 'application/json';
    return answers[type]!(request, reply.header('vary', 'Accept'));
  });
  refuseOtherMethods(fastify, '/', ['GET', 'HEAD']);
}

function homePage(places: readonly Place[], publicUrl: string): string {
  const title = 'Account gateway';
  const description = 'One place that says who exists, what they may do, and who is switched off right now.';
  const entries = places.map(({ title: name, path, about, isForPrograms }) =>
    isForPrograms
      ? `<dt>${name}</dt><dd>${about} <code>${escapeHtml(publicUrl + path)}</code>.</dd>`
      : `<dt><a href="${relativeUrl('', path.slice(1))}">${name}</a></dt><dd>${about}</dd>`,
  );
  const main = `<h1>${title}</h1>\n<div class="text">\n<p>${description}</p>\n<dl class="places">\n${entries.join('\n')}\n</dl>\n</div>`;
  return pageOf({ path: '', title, description, main, hasNavigation: false });
}
