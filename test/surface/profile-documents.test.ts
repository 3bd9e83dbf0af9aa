import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { basic, byExecutor, postGraphql } from '../support/graphql-client.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

/** Sends a body as it stands and reads the answer as it comes. */
async function sent(body: string): Promise<string> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: basic(admin) },
    body,
  });
  return response.text();
}

const byRest = async (sid: string): Promise<string> =>
  (await fetch(`${gateway.url}/2012-04-24/Profiles/${sid}`, { headers: { authorization: basic(admin) } })).text();

const written = '{"data":{"of":{"profile":{"document":';
const documentIn = (answer: string): string => answer.slice(answer.indexOf(written) + written.length, answer.lastIndexOf(',"sid"'));
const sidIn = (answer: string): string => /"sid":"(PR[0-9a-f]{32})"/.exec(answer)![1]!;
const fields = '{ profile { document sid } }';

/** What one document is, and what becomes of it where it is read. */
async function readings(answer: string): Promise<string[]> {
  const sid = sidIn(answer);
  const queries = [
    `{ of: viewer { sid } a: profile(sid: "${sid}") { document } }`,
    `{ a: node(id: "${sid}") { ... on Profile { document } } }`,
  ];
  const texts = await Promise.all(queries.flatMap((query) => [query, byExecutor(query)]).map((query) => sent(JSON.stringify({ query }))));
  return [documentIn(answer), await byRest(sid), ...texts.map((text) => /"a":\{"document":(.*)\}\}\}\n$/s.exec(text)![1]!)];
}

describe('a document reads back to the letter, by its plan, by the executor and by REST', () => {
  it.each([
    ['big integers and floats', '{"big":12345678901234567890,"f":1.0,"e":1E+2,"z":-0,"long":0.1000000000000000055511151231257827}'],
    ['a number that no program holds', '{"a":1e400,"b":[-1e-400]}'],
    ['spaces, lines and escapes', '{ "a" :\n\t[ 1.0 , {"\\u0062\\/": "\\ud83d\\ude00 \\" \\\\"} ] ,\r\n "": {} }'],
    ['a name that comes twice', '{"a":1,"a":2.0,"__proto__":{"x":1.0},"constructor":[]}'],
    ['what looks like the body around it', '{"query":"{ x }","variables":{"document":{"document":3.0}}}'],
    ['other alphabets', '{"name":"Zoë 😀 \u2028 名"}'],
  ])('from a variable: %s', async (_what, document) => {
    const query = `mutation($document: JSONObject!) { of: createProfile(input: { document: $document }) ${fields} }`;
    const answer = await sent(`{"query":${JSON.stringify(query)},"variables":{"document":${document}}}`);
    for (const reading of await readings(answer)) expect(reading).toBe(document);
  });

  it('from a variable that is the whole input, among other bodies of the same shape', async () => {
    const query = `mutation A($input: CreateProfileInput!, $other: JSONObject) { of: createProfile(input: $input) ${fields} other: createProfile(input: { document: { of: $other } }) ${fields} }`;
    const answer = await sent(
      `{"operationName":"A","extensions":{"document":{"f":2.0}},"variables":{"unused":[{"f":3.0}],"other":{"o":5.0},"input":{"document":{"f":4.0},"document":{"f":1.0}}},"query":${JSON.stringify(query)}}`,
    );
    expect(answer).toMatch(/"document":\{"f":1\.0\}/);
    expect(answer).toMatch(/"other":\{"profile":\{"document":\{"of":\{"o":5\.0\}\}/);
  });

  it('from a literal, with variables inside of it', async () => {
    const literal = `{ big: 12345678901234567890, f: 1.0, e: -1.5e+10, list: [2.0, null, true, RED, "a\\"b\\u00e9"], block: """x\ny""", in: { v: $v, absent: $absent, n: $n, list: [$absent, $v] } }`;
    const query = `mutation($v: JSONObject, $n: Int, $absent: String) { of: createProfile(input: { document: ${literal} }) ${fields} }`;
    const answer = await sent(`{"query":${JSON.stringify(query)},"variables":{"v":{"o":5.00},"n":7}}`);
    const document =
      '{"big":12345678901234567890,"f":1.0,"e":-1.5e+10,"list":[2.0,null,true,"RED","a\\"bé"],"block":"x\\ny","in":{"v":{"o":5.00},"n":7,"list":[null,{"o":5.00}]}}';
    for (const reading of await readings(answer)) expect(reading).toBe(document);
  });

  it('from a default in the document, and from REST', async () => {
    const query = `mutation($document: JSONObject! = { f: 1.0 }) { of: createProfile(input: { document: $document }) ${fields} }`;
    const answer = await sent(JSON.stringify({ query }));
    expect(documentIn(answer)).toBe('{"f":1.0}');
    const document = '{"f": 2.00}';
    await fetch(`${gateway.url}/2012-04-24/Profiles/${sidIn(answer)}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: basic(admin) },
      body: document,
    });
    expect((await readings(answer)).slice(1)).toEqual(Array.from({ length: 5 }, () => document));
  });

  it('beside an error elsewhere in the answer', async () => {
    const create = `mutation { of: createProfile(input: { document: { f: 1.0 } }) ${fields} }`;
    const sid = sidIn(await sent(JSON.stringify({ query: create })));
    const answer = await sent(
      JSON.stringify({ query: `{ a: profile(sid: "${sid}") { document } viewer { subAccounts(first: 0) { totalCount } } }` }),
    );
    expect(JSON.parse(answer)).toMatchObject({ errors: [{ extensions: { code: 'INVALID_PAGE' } }] });
    expect(answer).toContain('"a":{"document":{"f":1.0}}');
  });
});

it('two documents that differ by a digit are two requests, for an idempotency key', async () => {
  const query = `mutation($document: JSONObject!) { createProfile(input: { document: $document, idempotencyKey: "to-the-letter" }) { profile { document } } }`;
  const change = (document: string) => sent(`{"query":${JSON.stringify(query)},"variables":{"document":${document}}}`);
  const first = await change('{"n":12345678901234567890}');
  expect(await change('{"n":12345678901234567890}')).toBe(first);
  expect(await change('{"n":12345678901234567891}')).toContain('IDEMPOTENCY_MISMATCH');
});

it('what the history tells of before and after is as it was written', async () => {
  const { data } = await postGraphql(gateway.url, admin, '{ viewer { history(last: 100) { nodes { before after record } } } }');
  for (const { after, record } of data!.viewer.history.nodes) {
    expect(JSON.parse(record)[7]).toBe(after === null ? null : JSON.stringify(after));
  }
});
