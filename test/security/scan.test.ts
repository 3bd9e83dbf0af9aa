import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { basic } from '../support/graphql-client.js';
import { hostileDocuments } from '../support/hostile-documents.js';
import { type WireRequest, sendOnWire } from '../support/wire.js';

/** What an attacker tries first. A check says what came of it; the tables below say what must. */
interface Check {
  what: string;
  request: WireRequest;
  /** The outcome, from the status, the headers and the body as text. */
  outcome(answer: { status: number; head: string; body: string }): string;
}

const json = { 'Content-Type': 'application/json' };
const post = (query: string, more: object = {}): WireRequest => ({
  method: 'POST',
  target: '/graphql',
  login: admin,
  headers: json,
  body: JSON.stringify({ query, ...more }),
});
const get = (query: string, headers: Record<string, string> = {}): WireRequest => ({
  target: `/graphql?query=${encodeURIComponent(query)}`,
  login: admin,
  headers,
});
const form = (query: string): WireRequest => ({
  method: 'POST',
  target: '/graphql',
  login: admin,
  headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  body: `query=${encodeURIComponent(query)}`,
});

const many = (count: number, text: (index: number) => string): string => Array.from({ length: count }, (_, index) => text(index)).join(' ');
const change = 'mutation { createOrganization(input: { domainName: "scanned.test" }) { organization { sid } } }';
const preflight = { 'Apollo-Require-Preflight': '1' };

/** Whether the answer has data, or else its code. */
const answered: Check['outcome'] = ({ status, body }) =>
  /"data":\{/.test(body) ? `answered ${status}` : `refused ${status} ${/"code":"(\w+)"/.exec(body)?.[1]}`;

const checks: readonly Check[] = [
  { what: 'alias overloading', request: post(`{ ${many(101, (n) => `alias${n}: __typename`)} }`), outcome: answered },
  {
    what: 'array batching',
    request: { ...post(''), body: JSON.stringify(Array.from({ length: 10 }, () => ({ query: '{ __typename }' }))) },
    outcome: answered,
  },
  { what: 'directive overloading', request: post(`{ __typename ${'@aa'.repeat(50)} }`), outcome: answered },
  {
    what: 'directive overloading with a real one',
    request: post(`{ ${many(50, () => '... @include(if: true) { __typename }')} }`),
    outcome: answered,
  },
  {
    what: 'circular introspection',
    request: post(hostileDocuments.find(([what]) => what === 'the schema, in circles')![1]),
    outcome: answered,
  },
  { what: 'circular fragments', request: post('{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }'), outcome: answered },
  { what: 'field duplication', request: post(`{ ${many(500, () => '__typename')} }`), outcome: answered },
  { what: 'a query by GET, as a link or an image sends it', request: get('{ __typename }'), outcome: answered },
  { what: 'a query by GET, as a program sends it', request: get('{ __typename }', preflight), outcome: answered },
  { what: 'a mutation by GET', request: get(change), outcome: answered },
  { what: 'a mutation by GET, as a program sends it', request: get(change, preflight), outcome: answered },
  { what: 'a query as a form', request: form('{ __typename }'), outcome: answered },
  { what: 'a mutation as a form', request: form(change), outcome: answered },
  { what: 'a mutation as plain text', request: { ...post(change), headers: { 'Content-Type': 'text/plain' } }, outcome: answered },
  {
    what: "a mutation by another origin's page",
    request: { ...post(change), headers: { ...json, Origin: 'https://evil.test', 'Sec-Fetch-Site': 'cross-site' } },
    outcome: answered,
  },
  {
    what: 'a query under a hash that is not its own, of which none is kept',
    request: post('{ __typename }', { extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } }),
    outcome: answered,
  },
  { what: 'introspection', request: post(getIntrospectionQuery()), outcome: answered },
  { what: 'introspection of one type', request: post('{ __type(name: "Account") { fields { name } } }'), outcome: answered },
  {
    what: 'introspection without signing in',
    request: { ...post('{ __schema { types { name } } }'), login: undefined },
    outcome: answered,
  },
  {
    what: 'suggestions of fields',
    request: post('{ viewr { sid } }'),
    outcome: ({ body }) => (/did you mean/i.test(body) ? 'suggested' : 'not suggested'),
  },
  {
    what: 'suggestions of arguments, types and values',
    request: post('query($a: Accont) { accounts(frist: 1, filter: { statuss: ACTIV }) { nodes { ... on Acount { sid } } } }', {
      variables: { a: 1 },
    }),
    outcome: ({ body }) => (/did you mean/i.test(body) ? 'suggested' : 'not suggested'),
  },
  {
    what: 'GraphiQL',
    request: { target: '/graphiql', headers: { Accept: 'text/html' } },
    outcome: ({ status, body }) => (/graphiql/i.test(body) && status === 200 ? 'served' : `not served ${status}`),
  },
  {
    what: 'an explorer at the endpoint itself',
    request: { target: '/graphql', headers: { Accept: 'text/html' } },
    outcome: ({ status, body }) => (/<html|playground|graphiql/i.test(body) ? 'served' : `not served ${status}`),
  },
  {
    what: 'tracing',
    request: { ...post('{ viewer { sid } }'), headers: { ...json, 'Apollo-Federation-Include-Trace': 'ftv1', 'X-Apollo-Tracing': '1' } },
    outcome: ({ body }) => (/"extensions":\{"(tracing|ftv1)/.test(body) ? 'traced' : 'not traced'),
  },
  {
    what: 'what the server is made of, in headers',
    request: post('{ viewer { sid } }'),
    outcome: ({ head }) => (/^(x-powered-by|server|x-apollo-\S+):/im.test(head) ? 'told' : 'not told'),
  },
  ...(
    [
      ['in the document', post('{ viewer { sid }')],
      ['in the variables', post('query($n: Int!) { accounts(first: $n) { nodes { sid } } }', { variables: { n: { a: 1 } } })],
      ['in an id', post(`{ account(by: { sid: "AC' OR 1=1 --" }) { sid } }`)],
      ['in the body', { ...post(''), body: '{"query": }' }],
      ['in the path', { target: '/restcomm/2012-04-24/Accounts/%c0%af..%2f', login: admin }],
    ] satisfies [string, WireRequest][]
  ).map(([where, request]): Check => ({
    what: `details of a failure ${where}`,
    request,
    outcome: ({ status, body }) =>
      status >= 500 || /\.[jt]s:\d|stacktrace|\bat \S+ \(|node_modules|SELECT /.test(body) ? `told ${status}` : 'not told',
  })),
];

/** What must come of each check, by default and in production. One column stands for both where they agree. */
const expected: Record<string, string | [byDefault: string, inProduction: string]> = {
  'alias overloading': 'refused 400 GRAPHQL_VALIDATION_FAILED',
  'array batching': 'refused 400 BAD_USER_INPUT',
  'directive overloading': 'refused 400 GRAPHQL_VALIDATION_FAILED',
  'directive overloading with a real one': 'refused 400 GRAPHQL_VALIDATION_FAILED',
  'circular introspection': 'refused 400 GRAPHQL_VALIDATION_FAILED',
  'circular fragments': 'refused 400 GRAPHQL_VALIDATION_FAILED',
  'field duplication': 'refused 400 GRAPHQL_VALIDATION_FAILED',
  'a query by GET, as a link or an image sends it': 'refused 400 BAD_USER_INPUT',
  'a query by GET, as a program sends it': 'answered 200',
  'a mutation by GET': 'refused 400 BAD_USER_INPUT',
  'a mutation by GET, as a program sends it': 'refused 405 METHOD_NOT_ALLOWED',
  'a query as a form': 'refused 415 UNSUPPORTED_MEDIA_TYPE',
  'a mutation as a form': 'refused 415 UNSUPPORTED_MEDIA_TYPE',
  'a mutation as plain text': 'refused 415 UNSUPPORTED_MEDIA_TYPE',
  "a mutation by another origin's page": 'refused 403 FORBIDDEN',
  'a query under a hash that is not its own, of which none is kept': 'answered 200',
  introspection: ['answered 200', 'refused 400 GRAPHQL_VALIDATION_FAILED'],
  'introspection of one type': ['answered 200', 'refused 400 GRAPHQL_VALIDATION_FAILED'],
  'introspection without signing in': ['answered 200', 'refused 400 GRAPHQL_VALIDATION_FAILED'],
  'suggestions of fields': ['suggested', 'not suggested'],
  'suggestions of arguments, types and values': ['suggested', 'not suggested'],
  GraphiQL: ['served', 'not served 404'],
  'an explorer at the endpoint itself': 'not served 406',
  tracing: 'not traced',
  'what the server is made of, in headers': 'not told',
  'details of a failure in the document': 'not told',
  'details of a failure in the variables': 'not told',
  'details of a failure in an id': 'not told',
  'details of a failure in the body': 'not told',
  'details of a failure in the path': 'not told',
};

describe.each([
  ['by default', {}, 0],
  ['in production', { NODE_ENV: 'production' }, 1],
] as const)('what scanners for GraphQL look for is as declared %s:', (_configuration, environment, column) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ environment });
  });
  afterAll(() => gateway.stop());

  it.each(checks)('$what', async ({ what, request, outcome }) => {
    const wanted = expected[what];
    expect(outcome(await sendOnWire(gateway.url, request))).toBe(typeof wanted === 'string' ? wanted : wanted![column]);
  });

  it('none of the checks changes anything', async () => {
    expect(await gateway.database.query(`SELECT 1 FROM organization WHERE domain_name = 'scanned.test'`)).toEqual([]);
    const signedIn = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: basic(admin) },
      body: JSON.stringify({ query: change }),
    });
    expect(signedIn.status).toBe(200);
  });
});
