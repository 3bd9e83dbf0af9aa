import Fastify from 'fastify';
import { afterAll, expect, it } from 'vitest';
import { explorer } from '../../src/api/graphql/explorer.js';

const app = Fastify().register(explorer);
afterAll(() => app.close());
const get = (url: string, headers = {}) => app.inject({ url, headers });

it('the page of GraphiQL comes under a policy that admits nothing inline and nothing foreign', async () => {
  const { statusCode, headers } = await get('/graphiql');
  expect(statusCode).toBe(200);
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
      "font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
});

it('every file that the page of GraphiQL refers to comes from its own origin', async () => {
  const { body } = await get('/graphiql');
  const references = [...body.matchAll(/(?:src|href)="(?!data:)([^"]*)"/g)].map(([, url]) => url!);
  expect(references).toHaveLength(6);
  for (const reference of references) {
    expect(reference).toMatch(/^graphiql\/[a-z-]+\.(js|css)$/);
    const { statusCode, headers, body: asset } = await get(`/${reference}`);
    expect({ reference, statusCode, type: headers['content-type'], nosniff: headers['x-content-type-options'] }).toEqual({
      reference,
      statusCode: 200,
      type: reference.endsWith('.js') ? 'text/javascript; charset=utf-8' : 'text/css; charset=utf-8',
      nosniff: 'nosniff',
    });
    expect(asset.length).toBeGreaterThan(500);
  }
});

it('a browser that has a file of GraphiQL already is answered 304', async () => {
  const { etag } = (await get('/graphiql/graphiql.js')).headers;
  const { statusCode, body } = await get('/graphiql/graphiql.js', { 'if-none-match': `W/${etag}` });
  expect({ statusCode, body }).toEqual({ statusCode: 304, body: '' });
});

it.each(['', '?from=bookmark'])('/graphiql/%s leads to /graphiql, whose references are relative', async (query) => {
  const { statusCode, headers } = await get(`/graphiql/${query}`);
  expect({ statusCode, location: headers.location }).toEqual({ statusCode: 308, location: '../graphiql' });
});

it.each([
  '/graphiql/unknown.js',
  '/graphiql/explorer.html',
  '/graphiql/../package.json',
  '/graphiql/..%2f..%2fpackage.json',
  '/graphiql/%2e%2e/explorer.ts',
  '/graphiql//etc/passwd',
])('GraphiQL has nothing at %s', async (url) => {
  expect((await get(url)).statusCode).toBe(404);
});

it('GraphiQL starts in an app that ignores trailing slashes', async () => {
  const lenient = Fastify({ routerOptions: { ignoreTrailingSlash: true } }).register(explorer);
  expect((await lenient.inject('/graphiql')).statusCode).toBe(200);
  expect((await lenient.inject('/graphiql/')).statusCode).toBe(308);
  await lenient.close();
});
