import { join } from 'node:path';
import Fastify from 'fastify';
import { type GraphQLInputType, type GraphQLSchema, getNamedType, isInputObjectType, isObjectType, isScalarType } from 'graphql';
import { afterAll, describe, expect, it } from 'vitest';
import { explorer } from '../../src/api/graphql/explorer.js';
import { committedSchema } from '../support/committed-schema.js';

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
  expect(references).toHaveLength(8);
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

describe('what GraphiQL keeps of documents and variables', () => {
  const kept = async (query: string, variables = ''): Promise<{ query: string; variables: string }> =>
    (await import(join(import.meta.dirname, '../../src/api/graphql/explorer/secrets.js'))).withoutSecrets({ query, variables });

  it.each([
    [
      'a written secret',
      'mutation { a(input: { password: "p\\"q", role: DEVELOPER }) }',
      'mutation { a(input: { password: "", role: DEVELOPER }) }',
    ],
    ['a block string', '{ a(token: """one\ntwo""", sid: "AC1") }', '{ a(token: "", sid: "AC1") }'],
    ['a secret in wrong quotes', `{ a(token: 'one', name: "Jane's") { b } }`, `{ a(token: "", name: "Jane's") { b } }`],
    ['a secret after a quote of the wrong kind', `{ a(name: 'x, token: "it's") }`, `{ a(name: 'x, token: "") }`],
    ['a default', 'query ($newPassword: String = "p") { a }', 'query ($newPassword: String = "") { a }'],
    [
      'the default of a variable that is used as a secret',
      'query ($p: String = "p") { a(secret: $p) }',
      'query ($p: String = "") { a(secret: $p) }',
    ],
    ['what has no end yet', 'mutation { a(input: { password: "p', 'mutation { a(input: { password: ""'],
    ['an AuthToken anywhere', `{ a(sid: "${'0a'.repeat(16)}") }`, '{ a(sid: "") }'],
    [
      'names, SIDs and the rest',
      `{ a(sid: "AC${'0a'.repeat(16)}", n: 1) { token secret } }`,
      `{ a(sid: "AC${'0a'.repeat(16)}", n: 1) { token secret } }`,
    ],
  ])('of a document: %s', async (_what, query, expected) => {
    expect((await kept(query)).query).toBe(expected);
  });

  it.each([
    ['a secret', '{"input": {"password": "p", "role": "DEVELOPER"}}', '{"input": {"password": "", "role": "DEVELOPER"}}'],
    ['what the document uses as a secret', '{"p": "q", "n": "r"}', '{"p": "", "n": "r"}'],
    ['what has no quotes or no end yet', '{"token": p, "secret": "q', '{"token": "", "secret": ""'],
    ['a secret in wrong quotes', `{'password': 'p', 'n': 'r'}`, `{'password': "", 'n': 'r'}`],
    ['an Authorization header', '{"x": "Basic YTpzZWNyZXQ="}', '{"x": ""}'],
  ])('of variables: %s', async (_what, variables, expected) => {
    expect((await kept('mutation ($p: String!) { a(password: $p) }', variables)).variables).toBe(expected);
  });

  it('has no secret of any input of the schema', async () => {
    const ordinary =
      /^(ids?|sid|\w+Sid|eventId|after|before|search|text|domainName|emailAddress|friendlyName|idempotencyKey|url|description|document)$/;
    const inputs = inputsOf(committedSchema());
    const secrets = inputs.filter(({ name }) => !ordinary.test(name));
    expect(secrets.map(({ at }) => at).toSorted()).toEqual([
      'CreateAccountInput.password',
      'ResetPasswordInput.password',
      'ResetPasswordInput.token',
      'UpdateAccountInput.password',
    ]);
    for (const { name } of secrets) {
      expect(await kept(`mutation { a(input: { ${name}: "planted" }) }`, `{"${name}": "planted"}`)).toEqual({
        query: `mutation { a(input: { ${name}: "" }) }`,
        variables: `{"${name}": ""}`,
      });
    }
  });
});

/** Every argument and every field of an input that takes a text. */
function inputsOf(schema: GraphQLSchema): { at: string; name: string }[] {
  const found: { at: string; name: string; type: GraphQLInputType }[] = [];
  for (const type of Object.values(schema.getTypeMap())) {
    if (isInputObjectType(type)) {
      for (const { name, type: its } of Object.values(type.getFields())) found.push({ at: `${type.name}.${name}`, name, type: its });
    } else if (isObjectType(type) && !type.name.startsWith('__')) {
      for (const field of Object.values(type.getFields())) {
        for (const { name, type: its } of field.args) found.push({ at: `${type.name}.${field.name}.${name}`, name, type: its });
      }
    }
  }
  return found.filter(({ type }) => isScalarType(getNamedType(type)) && !/^(Boolean|Int|Float|DateTime)/.test(getNamedType(type).name));
}
