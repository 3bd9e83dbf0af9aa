import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type RestRequest, mount, parseXml, sendRest } from '../support/rest-client.js';
import { missingSid } from '../support/tree.js';

let gateway: TestGateway;
/** Users reach it by another address. */
let published: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  published = await startTestGateway({ database: gateway.database, environment: { PUBLIC_URL: 'https://gateway.test/base' } });
});
afterAll(async () => {
  await published.stop();
  await gateway.stop();
});

/** What Twilio's SDKs decode a refusal into: Go's by encoding/json, which refuses all of it when a type is wrong; PHP's by index. */
interface RestException {
  code: number;
  message: string;
  more_info: string;
  status: number;
}

/** @throws Error where Go would not decode it */
function decodedAsByGo(text: string): RestException {
  const body = JSON.parse(text) as Record<string, unknown>;
  const types = { code: 'integer', status: 'integer', message: 'string', more_info: 'string' };
  for (const [name, type] of Object.entries(types)) {
    const value = body[name];
    const actual = Number.isInteger(value) ? 'integer' : typeof value;
    if (actual !== type) throw new Error(`json: cannot unmarshal ${actual} into field ${name} of type ${type}`);
  }
  return body as unknown as RestException;
}

const refused: [string, number, number, RestRequest][] = [
  ['UNAUTHENTICATED', 20003, 401, { path: '/Accounts', headers: { authorization: 'Basic bm9ib2R5Om5vdGhpbmc=' } }],
  ['ACCOUNT_NOT_FOUND', 70001, 404, { path: `/Accounts/${missingSid()}` }],
  ['INVALID_PAGE', 70014, 400, { path: '/Accounts?Page=-1' }],
  ['MISSING_PARAMETER', 70015, 400, { path: '/Accounts', method: 'POST', form: {} }],
  ['NOT_FOUND', 20404, 404, { path: '/Nothing' }],
];

describe.each(refused)('the refusal %s', (error, code, status, request) => {
  it('has its number, and a name, in JSON that a strict client can decode', async () => {
    const json = { ...request, path: request.path.replace(/(?=\?|$)/, '.json') };
    const { text, status: answered } = await sendRest(gateway.url, admin, json);
    const { message, ...told } = decodedAsByGo(text);
    expect(told).toEqual({
      code,
      error,
      status,
      more_info: `/docs/errors#${error}`,
      ...('field' in told && { field: expect.any(String) }),
    });
    expect([answered, message]).toEqual([status, expect.stringMatching(/\.$/)]);
  });

  it('has the same in XML', async () => {
    const { text } = await sendRest(gateway.url, admin, request);
    expect(text).toMatch(/^<RestcommResponse><Message>[^<]+<\/Message><Code>\d{5}<\/Code><Error>[A-Z_]+<\/Error><Status>\d{3}<\/Status>/);
    expect(parseXml(text).RestcommResponse).toMatchObject({
      Code: String(code),
      Error: error,
      Status: String(status),
      MoreInfo: `/docs/errors#${error}`,
    });
  });

  it('leads to the documentation by the address that users have', async () => {
    const { text } = await sendRest(published.url, admin, request);
    expect(parseXml(text).RestcommResponse.MoreInfo).toBe(`https://gateway.test/base/docs/errors#${error}`);
  });
});

it('the documentation that a refusal leads to is a page with an anchor for its code', async () => {
  const { text } = await sendRest(gateway.url, admin, { path: '/Accounts.json?Page=-1' });
  const { pathname, hash } = new URL(decodedAsByGo(text).more_info, gateway.url);
  const response = await fetch(gateway.url + pathname);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(await response.text()).toContain(` id="${hash.slice(1)}"`);
});

it('what is out of reach of every surface is refused in the same form', async () => {
  for (const path of ['/nothing', `/${'%ff'}`, `${mount}x`]) {
    const response = await fetch(gateway.url + path);
    expect(decodedAsByGo(await response.text()).status).toBe(response.status);
  }
});
