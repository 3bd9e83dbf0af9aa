import { Agent, request } from 'node:http';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { basic, postGraphql } from '../support/graphql-client.js';
import { hostileDocuments } from '../support/hostile-documents.js';
import { processorTime } from '../support/processor-time.js';
import { callsIn, statementsOf } from '../support/statements.js';

let gateway: TestGateway;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(async () => {
  agent.destroy();
  await gateway.stop();
});

interface Answer {
  status: number;
  body: { data?: unknown; errors?: { message: string; extensions: { code: string } }[] };
}

/** Sends a request with as little work on this side as can be: both sides share the process that is measured. */
function send(method: string, target: string, headers: Record<string, string>, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${gateway.url}${target}`,
      { method, agent, headers: { authorization: basic(admin), ...headers, ...(body && { 'content-length': body.length }) } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(Buffer.concat(chunks).toString()) }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const json = { 'content-type': 'application/json' };
const eventStream = 'text/event-stream';
const bodyOf = (query: string, variables: object = {}): Buffer => Buffer.from(JSON.stringify({ query, variables }));
const targetOf = (query: string): string => `/graphql?query=${encodeURIComponent(query)}`;
/** What a URL has room for: Node.js takes 16 KiB of headers. */
const fitsUrl = (query: string): boolean => targetOf(query).length < 15_000;

/** A document as clients write it that add fields to every fragment; what else a fragment selects is spread over few of them. */
function components(count: number, field: string, type: string, added: string, own: string): string {
  const fragments = Array.from({ length: count }, (_, n) => `fragment F${n} on ${type} { ${n < 20 ? added : added.replace(own, '')} }`);
  return `{ ${field} { __typename id ${fragments.map((_, n) => `...F${n}`).join(' ')} } } ${fragments.join(' ')}`;
}

/** The processor time of the quickest of some tries: whatever else runs can only add to it. */
async function leastTime(work: () => Promise<unknown>, tries: number, enough = 0): Promise<number> {
  let least = Infinity;
  for (let count = 0; count < tries && (count < 3 || least >= enough); count++) least = Math.min(least, await processorTime(work));
  return least;
}

/** What a refusal may take, whatever the machine: as much as so many of the smallest answers. */
const smallestAnswers = 150;
let allowed: number;
beforeAll(async () => {
  allowed = smallestAnswers * (await leastTime(() => send('POST', '/graphql', json, bodyOf('{ __typename }')), 50));
});

/** Sends what must be refused; checks that it costs neither a statement nor much time. */
async function refused(work: () => Promise<Answer>): Promise<Answer> {
  let answer: Answer | undefined;
  const statements = await statementsOf(gateway.database, async () => {
    answer = await work();
  });
  expect(callsIn(statements)).toBe(0);
  expect(await leastTime(work, 15, allowed)).toBeLessThan(allowed);
  return answer!;
}

const preflight = { 'apollo-require-preflight': '1' };
const transports: [string, (document: string) => Promise<Answer>, typeof hostileDocuments][] = [
  ['by POST', (document) => send('POST', '/graphql', json, bodyOf(document)), hostileDocuments],
  ['by GET', (document) => send('GET', targetOf(document), preflight), hostileDocuments.filter(([, document]) => fitsUrl(document))],
  [
    'to who would take a stream of events as well',
    (document) => send('POST', '/graphql', { ...json, accept: `${eventStream}, application/json;q=0.5` }, bodyOf(document)),
    hostileDocuments,
  ],
];

describe.each(transports)('refused at once %s:', (_transport, ask, documents) => {
  it.each(documents)('%s', async (_what, document, reason) => {
    const { status, body } = await refused(() => ask(document));
    expect(body.errors!.map(({ message }) => message).join('\n')).toMatch(reason);
    expect(body.errors![0]!.extensions.code).toMatch(/^(GRAPHQL_PARSE_FAILED|GRAPHQL_VALIDATION_FAILED)$/);
    expect(body.errors!.length).toBeLessThanOrEqual(5);
    expect(body).not.toHaveProperty('data');
    expect(status).toBe(400);
  });
});

describe('variables', () => {
  const nodes = 'query($ids: [ID!]!) { nodes(ids: $ids) { id } }';
  const listOf = (length: number, item: string): string => Array.from({ length }, () => item).join(',');

  it.each<[string, string, string]>([
    ['ids by the thousand', nodes, `{"ids":[${listOf(24_000, '"AC"')}]}`],
    ['numbers by the thousand', nodes, `{"ids":[${listOf(24_000, '1')}]}`],
    ['nothing by the thousand', nodes, `{"ids":[${listOf(24_000, 'null')}]}`],
    [
      'fields by the thousand that an input does not have',
      'query($by: AccountBy!) { account(by: $by) { sid } }',
      `{"by":{${Array.from({ length: 24_000 }, (_, index) => `"k${index}":1`).join(',')}}}`,
    ],
  ])('%s are refused at once', async (_what, query, variables) => {
    const body = Buffer.from(`{"query":${JSON.stringify(query)},"variables":${variables}}`);
    const answer = await refused(() => send('POST', '/graphql', json, body));
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] } });
    expect(answer.body.errors![0]!.message).toBe('The variables have more than 2000 values.');
  });

  it.each([
    ['numbers', Array.from({ length: 1_000_000 }, () => '1').join(',')],
    ['lists', Array.from({ length: 500_000 }, () => '[]').join(',')],
    ['names', `{${Array.from({ length: 150_000 }, (_, index) => `"k${index}":1`).join(',')}}`],
  ])('are refused unread when the body is a megabyte of %s', async (_what, values) => {
    const body = Buffer.from(`{"query":"{ __typename }","variables":{"unused":[${values}]}}`);
    const answer = await refused(() => send('POST', '/graphql', json, body));
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ message: 'The body has more than 25000 values.' }] } });
  });

  it('may hold a long document, which is one value', async () => {
    const settings = Array.from({ length: 20_000 }, (_, index) => index);
    const create = 'mutation($document: JSONObject!) { createProfile(input: { document: $document }) { profile { sid } } }';
    expect((await postGraphql(gateway.url, admin, create, { document: { settings } })).errors).toBeUndefined();
  });

  it('are not looked at where no operation asks for them', async () => {
    const { data } = await postGraphql(gateway.url, admin, '{ __typename }', { unused: Array.from({ length: 5000 }, () => 1) });
    expect(data).toEqual({ __typename: 'Query' });
  });
});

describe('who takes nothing but a stream of events', () => {
  const accept = eventStream;

  it.each<[string, () => Promise<Answer>]>([
    ['a query by POST', () => send('POST', '/graphql', { ...json, accept }, bodyOf('{ viewer { sid } }'))],
    ['a query by GET', () => send('GET', targetOf('{ viewer { sid } }'), { ...preflight, accept })],
    ['a hostile document', () => send('POST', '/graphql', { ...json, accept }, bodyOf(hostileDocuments[0]![1]))],
    [
      'a mutation, which is not carried out',
      () =>
        send(
          'POST',
          '/graphql',
          { ...json, accept },
          bodyOf('mutation { createOrganization(input: { domainName: "sse.test" }) { organization { sid } } }'),
        ),
    ],
  ])('is told that there is none: %s', async (_what, work) => {
    expect(await refused(work)).toMatchObject({ status: 406, body: { errors: [{ extensions: { code: 'NOT_ACCEPTABLE' } }] } });
    expect(await gateway.database.query(`SELECT 1 FROM organization WHERE domain_name = 'sse.test'`)).toEqual([]);
  });
});

describe('who could take too much is told which field it is, and what helps:', () => {
  it.each([
    ['{ viewer { ancestors { profile { document } } } }', 'viewer.ancestors.profile.document', 'Ask for fewer documents at once: '],
    [
      '{ accounts { nodes { children: subAccounts(first: 100) { nodes { subAccounts { nodes { sid } } } } } } }',
      'accounts.nodes.children.nodes.subAccounts.nodes',
      'Ask for shorter pages, by first.',
    ],
    [
      `{ ${Array.from({ length: 9 }, (_, n) => `a${n}: accounts(first: ${n + 1}, filter: { text: "text" }) { nodes { ...F } }`).join(' ')} } fragment F on Account { sid }`,
      'a0',
      'Search fewer lists at once.',
    ],
  ])('%s', async (query, path, advice) => {
    const { status, body } = await refused(() => send('POST', '/graphql', json, bodyOf(query)));
    expect(status).toBe(400);
    expect(body.errors![0]!.message).toContain(`Its costliest field is ${path} (`);
    expect(body.errors![0]!.message).toContain(advice);
  });
});

describe('a request that is just as large as is allowed is answered, and one that is larger by one is refused, by its', () => {
  /** As long as the braces and names in it, each of which is a token. */
  function documentOfTokens(count: number): string {
    const fields = ['sid', 'status', 'type', 'role', 'friendlyName', 'emailAddress', 'dateCreated', 'dateUpdated', 'version', 'uri', 'id'];
    let text = '{ viewer {';
    let [used, open] = [3, 2];
    for (;;) {
      const left = count - used - open;
      const here = left > 204 ? 200 : left;
      for (let index = 0; index < here; index++) text += ` ${fields[index % fields.length]}`;
      used += here;
      if (used + open === count) return text + ' }'.repeat(open);
      text += ' parent {';
      used += 2;
      open += 1;
    }
  }
  const spaces = (text: string, length: number): string => text + ' '.repeat(length - text.length);
  const body = (query: string, more: object = {}): string => JSON.stringify({ query, ...more });
  const bodyOfBytes = (bytes: number): string => {
    const rest = body('{ viewer { sid } }', { extensions: { of: '' } }).length;
    return body('{ viewer { sid } }', { extensions: { of: 'x'.repeat(bytes - rest) } });
  };

  it.each<[string, number, (size: number) => string, number, string]>([
    ['tokens', 2000, (count) => body(documentOfTokens(count)), 400, 'GRAPHQL_PARSE_FAILED'],
    ['characters', 65_536, (length) => body(spaces('{ viewer { sid } }', length)), 413, 'PAYLOAD_TOO_LARGE'],
    ['bytes', 2_097_152, bodyOfBytes, 413, 'PAYLOAD_TOO_LARGE'],
  ])('%s', async (_what, limit, bodyOfSize, status, code) => {
    const ask = (size: number): Promise<Answer> => send('POST', '/graphql', json, Buffer.from(bodyOfSize(size)));
    const just = await ask(limit);
    expect([just.status, just.body.errors]).toEqual([200, undefined]);
    const more = await ask(limit + 1);
    expect([more.status, more.body.errors![0]!.extensions.code]).toEqual([status, code]);
  });
});

describe('what people ask for', () => {
  it.each([
    [
      'fifty accounts with fifty each, and their organizations',
      '{ accounts { nodes { organization { sid } subAccounts { nodes { organization { sid } } } } } }',
    ],
    [
      'three levels of twenty',
      '{ accounts(first: 20) { nodes { subAccounts(first: 20) { nodes { subAccounts(first: 20) { nodes { sid } } } } } } }',
    ],
    ['how many are below each of fifty', '{ accounts { totalCount nodes { descendantCount } } }'],
    [
      'a search or two',
      '{ accounts(filter: { text: "abc" }) { totalCount nodes { sid } } viewer { descendants(filter: { text: "bcd" }) { nodes { sid } } } }',
    ],
    [
      'one thing by twenty fragments',
      `{ viewer { ${Array.from({ length: 20 }, (_, n) => `...F${n}`).join(' ')} } } ${Array.from({ length: 20 }, (_, n) => `fragment F${n} on Account { sid status }`).join(' ')}`,
    ],
    [
      'the active ones below each of fifty, and how many these are',
      '{ accounts { nodes { subAccounts(filter: { status: ACTIVE }) { totalCount nodes { sid } } } } }',
    ],
    ['one thing by as many components as there may be fragments', components(100, 'viewer', 'Account', '__typename id sid', 'sid')],
    ['one thing by 28 components, by fragments without a name', `{ viewer { ${'... { __typename id } '.repeat(28)} } }`],
    ['its profile', '{ viewer { profile { document } } }'],
    ['the schema, as tools ask for it', getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true, oneOf: true })],
  ])('%s is answered', async (_what, query) => {
    const answer = await postGraphql(gateway.url, admin, query);
    expect(answer.errors).toBeUndefined();
    expect(answer.status).toBe(200);
  });

  it('of the schema is answered without signing in, and not again and again in one document', async () => {
    const { data } = await postGraphql(gateway.url, undefined, getIntrospectionQuery());
    expect(data!.__schema.types.length).toBeGreaterThan(50);
    const [, again] = hostileDocuments.find(([what]) => what === 'the schema, again and again')!;
    const { status, errors } = await postGraphql(gateway.url, undefined, again);
    expect([status, errors![0]!.extensions.code]).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
  });
});
