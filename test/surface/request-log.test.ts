import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { basic, postGraphql } from '../support/graphql-client.js';
import { send } from '../support/http-client.js';
import { eventually } from '../support/patience.js';
import { sendRest } from '../support/rest-client.js';

let gateway: TestGateway;
let root: string;
beforeAll(async () => {
  gateway = await startTestGateway();
  root = (await postGraphql(gateway.url, admin, '{ viewer { sid } }')).data!.viewer.sid;
});
afterAll(() => gateway.stop());

let requests = 0;

/** Sends a request with an ID of its own, and returns what is logged of it. */
async function logged(ask: (id: string) => Promise<unknown>): Promise<Record<string, unknown>> {
  const id = `request-${(requests += 1)}`;
  await ask(id);
  return eventually(() => {
    const lines = gateway.log.map((line) => JSON.parse(line)).filter(({ reqId }) => reqId === id);
    expect(lines).toHaveLength(1);
    return lines[0];
  });
}

const json = { 'content-type': 'application/json' };
const graphql = (body: object, login = admin) =>
  logged((id) =>
    send(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { ...json, authorization: basic(login), 'x-request-id': id },
      body: JSON.stringify(body),
    }),
  );

describe('the log has one line for each request, with', () => {
  const whole = { level: 30, method: 'POST', route: '/graphql', status: 200, msg: 'answered', milliseconds: expect.any(Number) };

  it('the operation, who asked, how it ended and how long it took', async () => {
    const named = await graphql({ query: 'query Tree { viewer { sid } }' });
    expect(named).toMatchObject({ ...whole, operation: 'query Tree', account: root });
    expect(await graphql({ query: '{ viewer { sid } }' })).toMatchObject({ ...whole, operation: 'query', account: root });
    const chosen = await graphql({ query: 'query A { viewer { sid } } mutation B { __typename }', operationName: 'B' });
    expect(chosen).toMatchObject({ ...whole, operation: 'mutation B', account: root });
  });

  it('the route, where it is REST', async () => {
    const line = await logged((id) => sendRest(gateway.url, admin, { path: '/Accounts.json', headers: { 'x-request-id': id } }));
    expect(line).toMatchObject({ ...whole, method: 'GET', route: '/2012-04-24/Accounts', account: root });
    expect(line).not.toHaveProperty('operation');
  });

  it('nobody, where nobody has signed in', async () => {
    const refused = await graphql({ query: 'query Tree { viewer { sid } }' }, { ...admin, secret: 'a wrong password' });
    expect(refused).toMatchObject({ ...whole, operation: 'query Tree', status: 401 });
    expect(refused).not.toHaveProperty('account');
  });
});

describe('what a client calls its operation', () => {
  it('takes little room in the log', async () => {
    const { operation } = await graphql({ query: `query ${'N'.repeat(10_000)} { viewer { sid } }` });
    expect(operation).toBe(`query ${'N'.repeat(100)}`);
  });

  it.each([
    ['a line break', 'A\n{"level":30,"msg":"answered","account":"ACforged"}'],
    ['quotes', 'A","account":"ACforged'],
    ['what a terminal obeys', 'A\u001b[2J'],
  ])('is not in the log where it has %s, which no name has', async (_what, name) => {
    for (const body of [
      { query: `query ${name} { viewer { sid } }` },
      { query: 'query A { viewer { sid } }', operationName: name },
      { query: `query A { viewer { sid } }`, operationName: 'A', variables: { [name]: name } },
    ]) {
      const line = await graphql(body);
      expect(['query A', undefined]).toContain(line.operation);
      expect([root, undefined]).toContain(line.account);
    }
    expect(gateway.log.filter((line) => line.includes('ACforged') || line.includes('\u001b'))).toEqual([]);
  });
});
