import { version } from '../../version.js';
import { groups, relativeUrl } from './pages.js';
import { escapeHtml } from './html.js';
import type { Heading, Rendered } from './markdown.js';

/** The mark of the gateway's pages, as in GraphiQL. */
const mark =
  '<svg aria-hidden="true" viewBox="0 0 16 16"><path d="M8 5v3M3.5 11V8h9v3"/><circle cx="8" cy="3" r="2"/><circle cx="3.5" cy="13" r="2"/><circle cx="12.5" cy="13" r="2"/></svg>';
const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='none' stroke='%23d60590' stroke-width='1.6'%3E%3Cpath d='M8 5v3M3.5 11V8h9v3'/%3E%3Ccircle cx='8' cy='3' r='2'/%3E%3Ccircle cx='3.5' cy='13' r='2'/%3E%3Ccircle cx='12.5' cy='13' r='2'/%3E%3C/svg%3E";

interface Layout {
  /** The path of the page on the server, without its first slash. Its links are relative to it. */
  path: string;
  title: string;
  description: string;
  main: string;
  /** Whether the page has the navigation of the documentation. */
  hasNavigation: boolean;
}

/** A whole page. It needs no script: the navigation opens on a narrow screen as a popover, which browsers do by themselves. */
export function pageOf({ path, title, description, main, hasNavigation }: Layout): string {
  const to = (target: string): string => relativeUrl(path, target);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escapeHtml(description)}">
<title>${title === 'Account gateway' ? title : `${escapeHtml(title)} · Account gateway`}</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="${to('docs/docs.css')}">
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<a class="home" href="${to('')}"${path === '' ? ' aria-current="page"' : ''}>${mark}Account gateway</a>
<span class="version">${escapeHtml(version)}</span>
${hasNavigation ? '<button type="button" class="menu" popovertarget="pages">Pages</button>' : ''}
</header>
${hasNavigation ? navigation(path, to) : ''}<main id="main" tabindex="-1">
${main}
</main>
</body>
</html>
`;
}

function navigation(path: string, to: (target: string) => string): string {
  const entry = (target: string, label: string): string =>
    `<li><a href="${to(target)}"${target === path ? ' aria-current="page"' : ''}>${escapeHtml(label)}</a></li>`;
  const parts = groups.map(
    ({ title, pages }, index) =>
      `<p id="group-${index}">${title}</p>\n<ul aria-labelledby="group-${index}">\n${pages.map((page) => entry(`docs/${page.path}`, page.label)).join('\n')}\n</ul>`,
  );
  return `<nav id="pages" popover aria-label="Documentation">\n<ul>${entry('docs', 'All pages')}</ul>\n${parts.join('\n')}\n</nav>\n`;
}

/** More headings than this are no help in finding one. */
const contentsAtMost = 40;

/** The text of a guide: its title, what is on the page where that is long, and what it says. */
export function guideOf({ titleHtml, headings, html }: Rendered): string {
  return `<h1>${titleHtml}</h1>\n${contentsOf(headings)}<div class="text">\n${html}</div>`;
}

function contentsOf(headings: readonly Heading[]): string {
  const fitting = [3, 2]
    .map((depth) => headings.filter((heading) => heading.depth <= depth))
    .find(({ length }) => length <= contentsAtMost);
  if (fitting === undefined || fitting.length < 3) return '';
  const entries = fitting.map(({ id, depth, html }) => `<li class="depth-${depth}"><a href="#${id}">${html}</a></li>`);
  return `<nav class="contents" aria-label="On this page"><details open><summary>On this page</summary>\n<ul>\n${entries.join('\n')}\n</ul></details></nav>\n`;
}

/** What the first page of the documentation, `/docs`, has: all guides. */
export function listOfGuides(): string {
  const lists = groups.map(({ title, pages }) => {
    const entries = pages.map(
      (page) =>
        `<dt><a href="${relativeUrl('docs', `docs/${page.path}`)}">${escapeHtml(page.label)}</a></dt><dd>${escapeHtml(page.about)}</dd>`,
    );
    return `<h2>${title}</h2>\n<dl class="places">\n${entries.join('\n')}\n</dl>`;
  });
  return `<h1>Documentation</h1>\n<div class="text">\n${lists.join('\n')}\n</div>`;
}
