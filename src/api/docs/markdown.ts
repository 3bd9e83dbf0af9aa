import { Parser, Renderer, type Token, type Tokens, lexer } from 'marked';
import { escapeHtml } from './html.js';

/** A heading of a page below its title. */
export interface Heading {
  id: string;
  depth: number;
  html: string;
  text: string;
}

/** A Markdown file as HTML. */
export interface Rendered {
  /** The first heading: as text, and as HTML. */
  title: string;
  titleHtml: string;
  headings: readonly Heading[];
  /** Everything below the title. */
  html: string;
}

/** Where a link of the file leads on the server; undefined where that is nowhere. */
export type ResolveLink = (href: string) => string | undefined;

/** Converts a Markdown file. It begins with its title. Links that lead nowhere become text that names what they refer to. */
export function render(markdown: string, resolveLink: ResolveLink): Rendered {
  const renderer = new PageRenderer(resolveLink);
  const [title, ...tokens] = lexer(markdown);
  if (title?.type !== 'heading') throw new Error('The file does not begin with its title.');
  const inline = (heading: Token): string => Parser.parseInline((heading as Tokens.Heading).tokens, { renderer });
  return {
    title: textOf(title.text),
    titleHtml: inline(title),
    html: Parser.parse(tokens, { renderer }),
    headings: renderer.headings,
  };
}

/** Writes headings that can be linked to, and tables and code that scroll by themselves on a narrow screen. */
class PageRenderer extends Renderer {
  readonly headings: Heading[] = [];
  readonly #ids = new Map<string, number>();

  constructor(readonly resolveLink: ResolveLink) {
    super();
  }

  override heading({ tokens, depth, text }: Tokens.Heading): string {
    const html = this.parser.parseInline(tokens);
    const id = this.#idOf(text);
    const name = textOf(text);
    this.headings.push({ id, depth, html, text: name });
    // The addresses of error codes have their capitals (SPEC §4); the id is what other programs make of the heading.
    const alias = /^[A-Z]+(?:_[A-Z]+)*$/.test(name) ? name : undefined;
    const link = alias === undefined ? `<a href="#${id}">` : `<a id="${alias}" href="#${alias}">`;
    return `<h${depth} id="${id}">${link}${html}</a></h${depth}>\n`;
  }

  override link({ href, title, tokens }: Tokens.Link): string {
    const target = /^[a-z]+:/.test(href) ? href : this.resolveLink(href);
    const html = this.parser.parseInline(tokens);
    if (target !== undefined) return `<a href="${escapeHtml(target)}"${title ? ` title="${escapeHtml(title)}"` : ''}>${html}</a>`;
    const file = href.replace(/^(?:\.\.\/)+/, '');
    return html.includes(file) ? html : `${html} (<code>${escapeHtml(file)}</code> in the project)`;
  }

  override table(token: Tokens.Table): string {
    return `<div class="wide" ${this.#scrollable('Table')}>${super.table(token)}</div>\n`;
  }

  override code({ text }: Tokens.Code): string {
    return `<pre ${this.#scrollable('Code')}><code>${escapeHtml(text)}</code></pre>\n`;
  }

  /** Our files have no HTML. What looks like it is text. */
  override html({ text }: Tokens.HTML | Tokens.Tag): string {
    return escapeHtml(text);
  }

  /** What scrolls must be within the reach of a keyboard, and be told apart by those who hear the page. */
  #scrollable(kind: string): string {
    const place = this.headings.at(-1);
    return `tabindex="0" role="group" aria-label="${kind}${place === undefined ? '' : `: ${escapeHtml(place.text)}`}"`;
  }

  /** As GitHub makes it, so that links hold there too. */
  #idOf(text: string): string {
    const slug = textOf(text)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const count = this.#ids.get(slug) ?? 0;
    this.#ids.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  }
}

/** The text of a heading, without its marks for code and emphasis. */
function textOf(markdown: string): string {
  return markdown.replace(/[`*]/g, '');
}
