import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groups, openLibrary } from '../../src/api/docs/pages.js';
import { errorCodes } from '../../src/errors.js';
import { type TestGateway, startTestGateway } from '../support/gateway.js';

const root = join(import.meta.dirname, '../..');

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(gateway.url + path, { redirect: 'manual', ...init });

/** What a link or an attribute has, as it was before it was written into HTML. */
const unescaped = (text: string): string =>
  text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const hrefsOf = (html: string): string[] => [...html.matchAll(/<(?:a|link)\b[^>]* href="([^"]*)"/g)].map(([, href]) => unescaped(href!));
const idsOf = (html: string): string[] => [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);

/** Every page of the documentation that a reader can reach from its first one, with its HTML. */
async function everyPage(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const ahead = ['/docs'];
  for (let path = ahead.pop(); path !== undefined; path = ahead.pop()) {
    if (found.has(path)) continue;
    const response = await get(path);
    if (!response.headers.get('content-type')?.startsWith('text/html')) continue;
    found.set(path, await response.text());
    const targets = hrefsOf(found.get(path)!).map((href) => new URL(href, `http://gateway.test${path}`));
    for (const { host, pathname } of targets) if (host === 'gateway.test' && pathname.startsWith('/docs')) ahead.push(pathname);
  }
  return found;
}

let pages: Map<string, string>;
beforeAll(async () => {
  pages = await everyPage();
});

describe('the documentation', () => {
  it('has a page for each guide, each decision and the changelog, and a way to each of them', () => {
    const guides = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md'));
    const expected = [...guides.map((file) => `docs/${file}`), 'README.md', 'CHANGELOG.md', 'SECURITY.md'];
    const titles = new Set(
      [...pages.values()].map((html) => /<title>(?:(.*) · )?Account gateway<\/title>/.exec(html)?.[1] ?? 'Account gateway'),
    );
    const missing = expected.filter((file) => {
      const [title] = readFileSync(join(root, file), 'utf8').split('\n');
      return !titles.has(title!.replace(/^# |`/g, '').replaceAll('&', '&amp;'));
    });
    expect(missing).toEqual([]);
    expect(pages.size).toBe(expected.length + 1);
  });

  it('has every guide in its navigation, and marks the page that is shown', () => {
    for (const { path } of groups.flatMap((group) => group.pages)) {
      const html = pages.get(`/docs/${path}`)!;
      const marked = [...html.matchAll(/<a href="([^"]*)" aria-current="page">/g)].map(
        ([, href]) => new URL(href!, `http://x/docs/${path}`),
      );
      expect(marked.map(({ pathname }) => pathname)).toEqual([`/docs/${path}`]);
    }
  });

  it('has no dead link: each leads to something that is served, at a place that is there', async () => {
    const dead: string[] = [];
    const known = new Map(pages);
    let followed = 0;
    for (const [path, html] of pages) {
      for (const href of hrefsOf(html)) {
        const { host, pathname, hash } = new URL(href, `http://gateway.test${path}`);
        if (host !== 'gateway.test' || href.startsWith('data:')) continue;
        if (!known.has(pathname)) {
          const response = await get(pathname, { headers: { accept: '*/*' } });
          known.set(pathname, response.status === 200 ? await response.text() : '');
        }
        const target = known.get(pathname)!;
        if (target === '' || (hash !== '' && !idsOf(target).includes(hash.slice(1)))) dead.push(`${path}: ${href}`);
        followed += 1;
      }
    }
    expect(dead).toEqual([]);
    expect(followed).toBeGreaterThan(1000);
  });

  it('keeps its links behind any path prefix', () => {
    for (const [path, html] of pages) {
      const ours = hrefsOf(html).filter((href) => !/^[a-z]+:/.test(href));
      const outside = ours.filter((href) => !new URL(href, `https://gateway.test/base${path}`).pathname.startsWith('/base/'));
      expect([path, outside]).toEqual([path, []]);
    }
  });

  it('names what it does not serve, without a link', async () => {
    const html = pages.get('/docs/events')!;
    expect(html).toContain('Node.js (<code>examples/webhook-receiver.mjs</code> in the project)');
    expect(pages.get('/docs/model')!).toContain('In the code this table is <code>src/domain/permissions.ts</code>.');
    for (const [path, page] of pages)
      expect([path, hrefsOf(page).filter((href) => /^(?!https?:).*\.(?:md|ts|mjs|py)(?:#|$)/.test(href))]).toEqual([path, []]);
  });

  it('sends the manifests, the alerts and the dashboard as they are', async () => {
    for (const [path, type] of [
      ['kubernetes/gateway.yaml', 'text/plain; charset=utf-8'],
      ['monitoring/alerts.yaml', 'text/plain; charset=utf-8'],
      ['monitoring/dashboard.json', 'application/json'],
    ]) {
      const response = await get(`/docs/${path}`);
      expect([response.headers.get('content-type'), await response.text()]).toEqual([
        type,
        readFileSync(join(root, 'docs', path!), 'utf8'),
      ]);
    }
  });

  it('does not send the manifest that an operator fills secrets into, nor what lies beside it', async () => {
    expect((await get('/docs/kubernetes/secret.yaml')).status).toBe(404);
    expect(pages.get('/docs/kubernetes')!).not.toContain('href="kubernetes/secret.yaml"');
    expect(pages.get('/docs/kubernetes')!).toContain('<code>secret.yaml</code>');
    const filled = join(root, 'docs/kubernetes/filled-in-by-a-test.yaml');
    writeFileSync(filled, 'CREDENTIALS_KEY: 0123\n');
    try {
      expect(openLibrary().files.has('kubernetes/filled-in-by-a-test.yaml')).toBe(false);
    } finally {
      rmSync(filled);
    }
  });

  it('has an anchor for each code, where more_info leads, and one for what GitHub makes of its heading', () => {
    const ids = idsOf(pages.get('/docs/errors')!);
    expect(ids).toEqual(expect.arrayContaining(errorCodes.flatMap((code) => [code, code.toLowerCase()])));
  });

  it('has each id once on a page', () => {
    for (const [path, html] of pages) {
      const ids = idsOf(html);
      expect([path, ids.filter((id, index) => ids.indexOf(id) !== index)]).toEqual([path, []]);
    }
  });

  it('shows what looks like HTML as text, and has nothing inline that the policy would forbid', () => {
    for (const [path, html] of pages) expect([path, /<script|<style| style=| on[a-z]+="/.exec(html)?.[0]]).toEqual([path, undefined]);
    expect(pages.get('/docs/errors')!).toContain('letters, digits and <code>. _ % + - &#39;</code> (at most 64)');
  });
});

describe('a page of the documentation', () => {
  it('comes under the strict policy, and is answered 304 to a browser that has it', async () => {
    const { headers } = await get('/docs/errors');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    const again = await get('/docs/errors', { headers: { 'if-none-match': headers.get('etag')! } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('is served where GraphiQL is off, as in production', async () => {
    const production = await startTestGateway({ database: gateway.database, environment: { NODE_ENV: 'production' } });
    try {
      expect((await fetch(`${production.url}/graphiql`)).status).toBe(404);
      expect((await fetch(`${production.url}/docs/errors`)).status).toBe(200);
    } finally {
      await production.stop();
    }
  });

  it.each(['/docs', '/docs/errors', '/docs/docs.css', '/docs/kubernetes/gateway.yaml'])('%s has headers alone by HEAD', async (path) => {
    const [whole, head] = [await get(path), await get(path, { method: 'HEAD' })];
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, whole.headers.get('content-length'), '']);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('refuses %s, and lists what it has', async (method) => {
    for (const path of ['/docs', '/docs/errors', '/docs/nothing']) {
      const response = await get(path, { method });
      expect([response.status, response.headers.get('allow'), ((await response.json()) as { error: string }).error]).toEqual([
        405,
        'GET, HEAD',
        'METHOD_NOT_ALLOWED',
      ]);
    }
  });

  it.each([
    ['/docs/', '../docs'],
    ['/docs/errors/', '../errors'],
    ['/docs/adr/', '../adr'],
    ['/docs/adr/?from=bookmark', '../adr'],
  ])('%s leads to %s, since its links are relative', async (path, location) => {
    const response = await get(path);
    expect([response.status, response.headers.get('location')]).toEqual([308, location]);
  });

  it.each([
    '/docs/nothing',
    '/docs/errors.md',
    '/docs/adr/0001',
    '/docs/..%2fpackage.json',
    '/docs/%2e%2e/package.json',
    '/docs/adr/..%2f..%2fpackage.json',
    '/docs//etc/passwd',
    '/docs/constructor',
    '/docs/docs/errors',
    '/docs/nothing/',
    '/docs/%0d%0aSet-Cookie:%20a=b/',
  ])('there is none at %s', async (path) => {
    const response = await get(path);
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([404, 'NOT_FOUND']);
  });
});
