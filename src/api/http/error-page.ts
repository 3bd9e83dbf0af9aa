import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { errorPagePath } from './error-body.js';
import { html, ownFile, staticContent } from './static-page.js';

/** Serves docs/errors.md as the page that `more_info` of a refusal links to (SPEC §4). Every code has an anchor with its name. */
export function errorPage(fastify: FastifyInstance): void {
  fastify.get(errorPagePath, staticContent(pageOf(readFileSync(ownFile('docs/errors.md'), 'utf8')), html));
}

/** Converts the Markdown that the file uses to HTML: a heading, paragraphs, `code`, and one table whose rows begin with a code. */
function pageOf(markdown: string): string {
  const [heading, ...blocks] = markdown.trim().split(/\n\n+/);
  const title = escaped(heading!.replace(/^# /, ''));
  const body = blocks.map((block) => (block.startsWith('|') ? tableOf(block) : `<p>${inline(block)}</p>`));
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>${title}</title></head>
<body>
<h1>${title}</h1>
${body.join('\n')}
</body>
</html>
`;
}

function tableOf(block: string): string {
  const [head, , ...rows] = block.split('\n').map(cellsOf);
  const entries = rows.map(
    ([code, ...cells]) => `<tr id="${code!.replaceAll('`', '')}">${[code!, ...cells].map(cell('td')).join('')}</tr>`,
  );
  return `<table>\n<thead><tr>${head!.map(cell('th')).join('')}</tr></thead>\n<tbody>\n${entries.join('\n')}\n</tbody>\n</table>`;
}

function cellsOf(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((text) => text.trim());
}

const cell =
  (name: 'td' | 'th') =>
  (text: string): string =>
    `<${name}>${inline(text)}</${name}>`;

function inline(text: string): string {
  return escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
