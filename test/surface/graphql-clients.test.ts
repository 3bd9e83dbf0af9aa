import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type GraphqlError, basic } from '../support/graphql-client.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

const viewer = '{ viewer { emailAddress } }';
const answered = { status: 200, body: { data: { viewer: { emailAddress: admin.login } } } };

interface Sent {
  method?: string;
  search?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

async function send({ method = 'POST', search = '', headers = {}, body }: Sent) {
  const response = await fetch(`${gateway.url}/graphql${search}`, {
    method,
    headers: {
      authorization: basic(admin),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: (await response.json()) as { errors?: GraphqlError[] },
  };
}

const searchOf = (parameters: Record<string, unknown>): string =>
  `?${new URLSearchParams(
    Object.entries(parameters).map(([name, value]): [string, string] => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  )}`;
const preflight = { 'apollo-require-preflight': 'true' };

/** The same request by POST and by GET. */
const transports: [string, (parameters: Record<string, unknown>) => ReturnType<typeof send>][] = [
  ['by POST', (body) => send({ body })],
  ['by GET', (parameters) => send({ method: 'GET', search: searchOf(parameters), headers: preflight })],
];

describe('Accept', () => {
  it.each([
    ['application/json; charset=utf-8', 'application/json'],
    ['application/json;charset=utf8', 'application/json'],
    ['application/json; charset="UTF-8"; profile="a,b"', 'application/json'],
    ['application/graphql-response+json; charset=utf-8, application/json; charset=utf-8', 'application/graphql-response+json'],
    ['application/graphql-response+json;q=0.5;v=1, application/json;version=2;q=0.9', 'application/json'],
    ['multipart/mixed;deferSpec=20220824, application/json', 'application/json'],
    ['text/html;q=0.9, */*;q=0.1', 'application/json'],
    ['', 'application/json'],
  ])('%s is what it says without parameters', async (accept, type) => {
    for (const sent of [
      { body: { query: viewer } },
      { method: 'GET', search: searchOf({ query: viewer }), headers: preflight },
      { body: { query: '{ nothing }' } },
    ]) {
      const answer = await send({ ...sent, headers: { ...('headers' in sent && sent.headers), accept } });
      expect([answer.status, answer.type]).toEqual([JSON.stringify(sent).includes('nothing') ? 400 : 200, `${type}; charset=utf-8`]);
    }
  });

  it.each(['text/html', 'application/json;q=0', 'text/event-stream;charset=utf-8', 'application/xml; type="application/json"'])(
    '%s is not acceptable, with a sentence that says what is',
    async (accept) => {
      const answer = await send({ body: { query: viewer }, headers: { accept } });
      expect(answer.status).toBe(406);
      expect(answer.body.errors).toEqual([
        {
          message: 'Answers are available as application/json and application/graphql-response+json. Accept one of them.',
          extensions: { code: 'NOT_ACCEPTABLE' },
        },
      ]);
    },
  );
});

describe.each(transports)('%s', (_transport, ask) => {
  it('an empty operationName is none', async () => {
    for (const operationName of ['', undefined]) {
      expect(await ask({ query: viewer, ...(operationName !== undefined && { operationName }) })).toMatchObject(answered);
    }
  });

  it('the operation is chosen by its name, and a wrong one is told which there are', async () => {
    const query = `query A ${viewer} query B { viewer { sid } }`;
    expect(await ask({ query, operationName: 'A' })).toMatchObject(answered);
    for (const [operationName, message] of [
      ['C', 'The document has no operation of that name: A, B.'],
      ['', 'The document has several operations; operationName says which: A, B.'],
    ]) {
      const { status, body } = await ask({ query, operationName });
      expect([status, body.errors]).toEqual([400, [{ message, extensions: { code: 'BAD_USER_INPUT', field: 'operationName' } }]]);
    }
  });

  const persistedQuery = { version: 1, sha256Hash: createHash('sha256').update(viewer).digest('hex') };

  // Apollo Client goes by the message or the code, urql by the message alone.
  it('a persisted query is not supported, in the words by which clients send the document instead', async () => {
    for (const query of [undefined, '']) {
      const { status, body } = await ask({ ...(query !== undefined && { query }), extensions: { persistedQuery } });
      expect([status, body]).toEqual([
        400,
        { errors: [{ message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }] },
      ]);
    }
  });

  it('a hash beside the document is passed over', async () => {
    expect(await ask({ query: viewer, extensions: { persistedQuery, other: 1 } })).toMatchObject(answered);
  });

  it('each mistake in the form of a request has a sentence of its own', async () => {
    const mistakes: [Record<string, unknown>, RegExp][] = [
      [{ variables: {} }, /has no document/],
      [{ query: viewer, variables: [1] }, /^variables must be a JSON object\.$/],
      [{ query: viewer, extensions: [1] }, /^extensions must be a JSON object\.$/],
    ];
    for (const [parameters, message] of mistakes) {
      const { status, body } = await ask(parameters);
      expect([status, body]).toEqual([
        400,
        { errors: [{ message: expect.stringMatching(message), extensions: { code: 'BAD_USER_INPUT' } }] },
      ]);
    }
  });
});

describe('a query by GET', () => {
  const get = (search: string, headers: Record<string, string> = {}) => send({ method: 'GET', search, headers });

  it('says which header it needs, and is answered with it', async () => {
    const refused = await get(searchOf({ query: viewer }));
    expect([refused.status, refused.body.errors]).toEqual([
      400,
      [
        {
          message:
            'A query by GET needs a header that no link or form can send: Content-Type: application/json, or Apollo-Require-Preflight: true.',
          extensions: { code: 'BAD_USER_INPUT' },
        },
      ],
    ]);
    for (const headers of [preflight, { 'x-apollo-operation-name': 'A' }, { 'content-type': 'application/json; charset=utf-8' }]) {
      expect(await get(searchOf({ query: viewer }), headers)).toMatchObject(answered);
    }
    for (const headers of [
      { 'apollo-require-preflight': '' },
      { 'content-type': 'text/plain' },
      { 'content-type': ' text/plain;a="application/json' },
    ]) {
      expect(await get(searchOf({ query: viewer }), headers)).toMatchObject({ status: 400 });
    }
    expect(await get(searchOf({ query: viewer }), { ...preflight, 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
  });

  it('is told what is wrong with its URL', async () => {
    const twice = await get(`${searchOf({ query: viewer })}&query=x`, preflight);
    expect(twice).toMatchObject({ status: 400, body: { errors: [{ message: 'The URL has query more than once. Send it once.' }] } });
    const broken = await get(searchOf({ query: viewer, variables: '{' }), preflight);
    expect(broken).toMatchObject({ status: 400, body: { errors: [{ message: 'variables must be JSON in the URL, and is not.' }] } });
  });

  it('changes nothing', async () => {
    const query = 'mutation { createOrganization(input: { domainName: "get.test" }) { organization { sid } } }';
    const { status, body } = await get(searchOf({ query }), preflight);
    expect([status, body.errors![0]!.message, body.errors![0]!.extensions.code]).toEqual([
      405,
      'By GET there are only queries. Send this by POST.',
      'METHOD_NOT_ALLOWED',
    ]);
  });
});

it('another method is refused by the catalogue, and told which there are', async () => {
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    const response = await fetch(`${gateway.url}/graphql`, { method });
    expect([response.status, response.headers.get('allow'), await response.json()]).toEqual([
      405,
      'GET, POST',
      { errors: [{ message: expect.any(String), extensions: { code: 'METHOD_NOT_ALLOWED' } }] },
    ]);
  }
});

describe('a message', () => {
  let closed: TestGateway;
  beforeAll(async () => {
    closed = await startTestGateway({ config: { production: true, graphiql: false } });
  });
  afterAll(() => closed.stop());

  /** Whatever a client may do wrong before anything is looked at in the database. */
  const wrong: [string, () => Promise<{ body: { errors?: GraphqlError[] } }>][] = [
    ['no body', () => send({})],
    ['an empty body', () => send({ body: {} })],
    ['a list of operations', () => send({ body: [{ query: viewer }] })],
    ['a document as a tree', () => send({ body: { query: { kind: 'Document', definitions: [] } } })],
    ['a document that is no text', () => send({ body: { query: 1 } })],
    ['variables in a text', () => send({ body: { query: viewer, variables: '{}' } })],
    ['extensions in a text', () => send({ body: { query: viewer, extensions: '{}' } })],
    ['an operation name that is no text', () => send({ body: { query: viewer, operationName: 1 } })],
    ['no operation at all', () => send({ body: { query: 'fragment F on Account { sid }' } })],
    ['a subscription', () => send({ body: { query: 'subscription { viewer { sid } }' } })],
    ['too many tokens', () => send({ body: { query: `{ viewer { ${'sid '.repeat(3000)} } }` } })],
    ['a document that is cut off', () => send({ body: { query: '{ viewer {' } })],
    ['@defer', () => send({ body: { query: '{ ... @defer { viewer { sid } } }' } })],
  ];

  it.each(wrong)('about %s is about the request, and never about code', async (_what, work) => {
    const { errors } = (await work()).body;
    expect(errors).not.toHaveLength(0);
    for (const { message } of errors!) expect(message).not.toMatch(/apollo|graphql-js|`|function|library|pass |more that|aborted/i);
  });

  it('about introspection that is off says so, and nothing of how to turn it on', async () => {
    for (const query of ['{ __schema { queryType { name } } }', '{ __type(name: "Account") { name } }']) {
      const response = await fetch(`${closed.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      const { errors } = (await response.json()) as { errors: GraphqlError[] };
      expect([response.status, errors.map(({ message, extensions }) => [message, extensions])]).toEqual([
        400,
        [
          [
            'Introspection is off at this gateway. Its schema is in the file schema.graphql of the project.',
            { code: 'GRAPHQL_VALIDATION_FAILED' },
          ],
        ],
      ]);
    }
  });
});
