import { gzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { afterAll, expect, it } from 'vitest';
import { webConsole } from '../../src/api/http/console.js';

const app = Fastify();
webConsole(app);
afterAll(() => app.close());
const get = (url: string, headers = {}) => app.inject({ url, headers });

it('the console comes under a policy that admits nothing inline, nothing foreign, and no markup made of texts', async () => {
  for (const path of ['/console', '/console/index.js', '/console/style.css']) {
    const { statusCode, headers } = await get(path);
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
  }
});

it('the page of the console refers to its files by relative addresses, has nothing inline, and weighs less than 60 kB', async () => {
  const { body } = await get('/console');
  const references = [...body.matchAll(/(?:src|href)="(?!data:)([^"]*)"/g)].map(([, url]) => url!);
  expect(references.toSorted()).toEqual(['./console/index.js', './console/style.css']);
  expect(body).not.toMatch(/<style|style=|<script(?![^>]* src=)|\son\w+=/);
  const assets = await Promise.all(references.map(async (reference) => get(new URL(reference, 'http://gateway.test/console').pathname)));
  expect(assets.map(({ headers }) => headers['content-type']).toSorted()).toEqual([
    'text/css; charset=utf-8',
    'text/javascript; charset=utf-8',
  ]);
  const bytes = assets.reduce((sum, { rawPayload }) => sum + gzipSync(rawPayload).length, 0);
  expect(bytes).toBeGreaterThan(5000);
  expect(bytes).toBeLessThan(60_000);
});

it('a browser that has a file of the console already is answered 304', async () => {
  const { etag } = (await get('/console/index.js')).headers;
  const { statusCode, body } = await get('/console/index.js', { 'if-none-match': `W/${etag}` });
  expect({ statusCode, body }).toEqual({ statusCode: 304, body: '' });
});

it.each(['', '?from=bookmark'])('/console/%s leads to /console, whose references are relative', async (query) => {
  const { statusCode, headers } = await get(`/console/${query}`);
  expect({ statusCode, location: headers.location }).toEqual({ statusCode: 308, location: '../console' });
});

it.each([
  '/console/unknown.js',
  '/console/index.html',
  '/console/console/index.js',
  '/console/../package.json',
  '/console/..%2f..%2fpackage.json',
])('the console has nothing at %s', async (url) => {
  expect((await get(url)).statusCode).toBe(404);
});

it('the console starts in an app that ignores trailing slashes', async () => {
  const lenient = Fastify({ routerOptions: { ignoreTrailingSlash: true } });
  webConsole(lenient);
  expect((await lenient.inject('/console')).statusCode).toBe(200);
  expect((await lenient.inject('/console/')).statusCode).toBe(308);
  await lenient.close();
});
