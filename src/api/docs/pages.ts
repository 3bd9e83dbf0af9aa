import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { ownFile } from '../http/static-page.js';

/** A page of the documentation: a Markdown file of this project. */
export interface Page {
  /** The file, from the root of the project: `docs/adr/0012-store-a-profile-as-text.md`. */
  file: string;
  /** The path of the page below `/docs/`: `adr/0012-store-a-profile-as-text`. */
  path: string;
}

/** A page that the navigation has. */
export interface ListedPage extends Page {
  label: string;
  /** What it is for, in a line. */
  about: string;
}

export interface PageGroup {
  title: string;
  pages: readonly ListedPage[];
}

/** The path of a Markdown file: a README stands for its folder, and the guides in `docs` come without that. */
function pathOf(file: string): string {
  const name = file.replace(/^docs\//, '').replace(/\.md$/, '');
  return name.includes('/') ? name.replace(/\/README$/, '') : name.toLowerCase();
}

const listed = (file: string, label: string, about: string): ListedPage => ({ file, path: pathOf(file), label, about });

/** The navigation. */
export const groups: readonly PageGroup[] = [
  {
    title: 'Begin',
    pages: [
      listed('README.md', 'First steps', 'What the gateway is, and the first five minutes with it.'),
      listed('docs/model.md', 'The model', 'Accounts, organizations, the life cycle, and who may do what.'),
      listed('docs/glossary.md', 'Glossary', 'The words that these pages, the schema and the code use.'),
    ],
  },
  {
    title: 'Use the API',
    pages: [
      listed('docs/console.md', 'Console', 'See and change the tree in a browser, without writing a request.'),
      listed('docs/rest.md', 'REST', 'The documented API in JSON and XML, and how to take over from another server.'),
      listed('docs/browsers.md', 'Browsers', 'Sign in from a page, from another origin too, and keep credentials safe.'),
      listed('docs/pagination.md', 'Pagination', 'Read long lists page by page.'),
      listed('docs/idempotency.md', 'Idempotency', 'Repeat a change without doing it twice.'),
      listed('docs/events.md', 'Events', 'Learn of changes: by webhooks, streams or pages.'),
      listed('docs/event-examples.md', 'Examples of events', 'Each type of event, as it was sent.'),
      listed('docs/history.md', 'Verify a history', 'Check that nothing in a history was removed or altered.'),
      listed('docs/errors.md', 'Errors', 'Every code: what it means, where it comes from, what helps.'),
    ],
  },
  {
    title: 'Run it',
    pages: [
      listed('docs/operating.md', 'Operating', 'Install, size, secure, watch, back up, upgrade, rescue.'),
      listed('docs/configuration.md', 'Configuration', 'Every environment variable.'),
      listed('docs/upstreams.md', 'Services behind it', 'Pass calls, messages and recordings on to the services that have them.'),
      listed('docs/import.md', 'Import', 'Move an installation of Restcomm-Connect in.'),
      listed('docs/kubernetes/README.md', 'Kubernetes', 'Manifests to copy and change.'),
      listed('SECURITY.md', 'Security', 'What there is to protect, and from whom.'),
      listed('CHANGELOG.md', 'Changelog', 'What is new in each version, and what an upgrade asks of you.'),
    ],
  },
  {
    title: 'Work on it',
    pages: [
      listed('docs/contributing.md', 'Contributing', 'Build, test and change the gateway.'),
      listed('docs/mutation-testing.md', 'Mutation testing', 'How the tests themselves are tested.'),
      listed('docs/adr/README.md', 'Decisions', 'Why things are as they are.'),
    ],
  },
];

/** Where the REST API's description is served already, below the root. */
const openapi = { file: 'openapi.yaml', path: 'restcomm/2012-04-24/openapi.yaml' };

/**
 * Files that guides refer to. They are named one by one: whoever deploys from this folder may have filled in `docs/kubernetes/secret.yaml`, or
 * have put other files beside it, and anybody may read what is served.
 */
const files: readonly Page[] = [
  'docs/kubernetes/gateway.yaml',
  'docs/kubernetes/migration.yaml',
  'docs/monitoring/alerts.yaml',
  'docs/monitoring/dashboard.json',
].map((file) => ({ file, path: file.replace(/^docs\//, '') }));

/** What is served, by the path below `/docs/`, and where a link to a file leads. */
export interface Library {
  pages: ReadonlyMap<string, Page>;
  /** Files that guides refer to, such as manifests; sent as they are. */
  files: ReadonlyMap<string, string>;
  /** The path of a file, from the root of the server; undefined for what is not served. */
  served: ReadonlyMap<string, string>;
}

/** What the navigation has, every decision in the folder `docs/adr`, and the files above are served, and nothing else is. */
export function openLibrary(): Library {
  const decisions = readdirSync(ownFile('docs/adr'))
    .filter((name) => /^\d{4}-.*\.md$/.test(name))
    .map((name) => ({ file: `docs/adr/${name}`, path: pathOf(`docs/adr/${name}`) }));
  const pages = [...groups.flatMap((group) => group.pages), ...decisions];
  return {
    pages: new Map(pages.map((page) => [page.path, page])),
    files: new Map(files.map(({ file, path }) => [path, file])),
    served: new Map([...[...pages, ...files].map(({ file, path }) => [file, `docs/${path}`] as const), [openapi.file, openapi.path]]),
  };
}

/** The relative URL from one path of the server to another one. It holds behind any path prefix. */
export function relativeUrl(from: string, to: string): string {
  const folder = posix.dirname(`/${from}`);
  // A path that ends with a slash is a folder, and so is the root.
  const [parent, name] = /\/$|^$/.test(to) ? [to, ''] : [posix.dirname(to), posix.basename(to)];
  return `${posix.relative(folder, `/${parent}`) || '.'}/${name}`.replace(/^\.\/(?=.)/, '');
}
