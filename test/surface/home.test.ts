import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../src/version.js';
import { type TestGateway, startTestGateway } from '../support/gateway.js';

let gateway: TestGateway;
/** As in production, and reached by another address. */
let published: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const environment = { PUBLIC_URL: 'https://gateway.test/base', GRAPHIQL: 'false', CONSOLE: 'false' };
  published = await startTestGateway({ database: gateway.database, environment });
});
afterAll(async () => {
  await published.stop();
  await gateway.stop();
});

const ofBrowsers = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const get = (from: TestGateway, accept?: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${from.url}/`, { ...init, headers: { ...(accept !== undefined && { accept }), ...(init.headers as object) } });

const links = {
  console: '/console',
  graphiql: '/graphiql',
  rest: '/restcomm/2012-04-24/',
  documentation: '/docs',
  graphql: '/graphql',
};

describe('the first page', () => {
  it.each([undefined, '*/*', 'application/json', 'application/json; charset=utf-8', 'text/plain', 'application/xml'])(
    'names the gateway, its version and where everything is, in JSON for Accept: %s',
    async (accept) => {
      const response = await get(gateway, accept);
      expect([response.status, response.headers.get('content-type'), response.headers.get('vary')]).toEqual([
        200,
        'application/json; charset=utf-8',
        'Accept',
      ]);
      expect(await response.json()).toEqual({ name: 'Account gateway', version, ...links });
    },
  );

  it('has the addresses that users have, and leaves out what is off', async () => {
    const { graphiql: _, console: __, ...others } = links;
    const published_ = Object.fromEntries(Object.entries(others).map(([name, path]) => [name, `https://gateway.test/base${path}`]));
    expect(await (await get(published)).json()).toEqual({ name: 'Account gateway', version, ...published_ });
    const page = await (await get(published, ofBrowsers)).text();
    expect(page).not.toMatch(/graphiql|\/console/);
    expect(page).toContain('<code>https://gateway.test/base/graphql</code>');
  });

  it('is a page for browsers, whose links lead to what is there', async () => {
    const response = await get(gateway, ofBrowsers);
    expect([response.status, response.headers.get('content-type'), response.headers.get('vary')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'Accept',
    ]);
    const html = await response.text();
    expect(html).toContain('<h1>Account gateway</h1>');
    expect(html).toContain(`<span class="version">${version}</span>`);
    const found = [...html.matchAll(/<dt><a href="([^"]*)">/g)].map(([, href]) => href!);
    const { graphql, ...ofPages } = links;
    expect(found.map((href) => new URL(href, 'http://x/').pathname)).toEqual(Object.values(ofPages));
    expect(found.map((href) => new URL(href, 'http://x/base/').pathname)).toEqual(Object.values(ofPages).map((path) => `/base${path}`));
    expect(html).toContain(`<code>${graphql}</code>`);
    const statuses = found.map(async (href) => (await fetch(new URL(href, `${gateway.url}/`))).status);
    expect(await Promise.all(statuses)).toEqual([200, 200, 200, 200]);
  });

  it('is asked for anew each time, and answered 304 to whoever has it', async () => {
    for (const accept of [ofBrowsers, 'application/json']) {
      const { headers } = await get(gateway, accept);
      expect(headers.get('cache-control')).toBe('no-cache');
      expect((await get(gateway, accept, { headers: { 'if-none-match': headers.get('etag')! } })).status).toBe(304);
    }
    // Each form has a tag of its own.
    const { headers } = await get(gateway, ofBrowsers);
    expect((await get(gateway, 'application/json', { headers: { 'if-none-match': headers.get('etag')! } })).status).toBe(200);
  });

  it('has headers alone by HEAD', async () => {
    const response = await get(gateway, ofBrowsers, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([200, 'text/html; charset=utf-8', '']);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('refuses %s, and lists what it has', async (method) => {
    const response = await get(gateway, undefined, { method });
    expect([response.status, response.headers.get('allow'), ((await response.json()) as { error: string }).error]).toEqual([
      405,
      'GET, HEAD',
      'METHOD_NOT_ALLOWED',
    ]);
  });

  it('needs no credentials, and does not mind wrong ones', async () => {
    expect((await get(gateway, undefined, { headers: { authorization: 'Basic bm9ib2R5Om5vdGhpbmc=' } })).status).toBe(200);
  });
});
