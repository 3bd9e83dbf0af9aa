import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestGateway } from '../support/gateway.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { type Ask, codeOf, startWithUpstreams } from '../support/subresources.js';
import { telephony } from '../support/telephony.js';
import { type Created, create } from '../support/tree.js';
import { type TestUpstream, startUpstream } from '../support/upstream.js';

let upstream: TestUpstream;
/** How the upstream answers, where not as a telephony service does. */
let answering: RequestListener | undefined;
let gateway: TestGateway & { ask: Ask };
let agent: Created;
let parent: Created;
beforeAll(async () => {
  const { listener } = telephony();
  upstream = await startUpstream((request, response) => (answering ?? listener)(request, response));
  gateway = await startWithUpstreams({ '*': { url: `${upstream.url}/restcomm` } });
  parent = await create(graphqlSurface(gateway.url));
  agent = await create(graphqlSurface(gateway.url), { parent: parent.sid, role: 'ProvisioningAgent' });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});
beforeEach(() => {
  answering = undefined;
  upstream.seen.length = 0;
});

const messages = (more = ''): string => `/Accounts/${agent.sid}/SMS/Messages${more}`;
const byAgent = (more = '', init?: RequestInit): Promise<Response> => gateway.ask(agent.login, messages(more), init);

describe('a ProvisioningAgent', () => {
  it('sends a message, and reads its own and all others without their text, in JSON and in XML', async () => {
    const form = { method: 'POST', body: new URLSearchParams({ From: '1', To: '2', Body: 'the secret' }) };
    const sent = (await (await byAgent('.json', form)).json()) as Record<string, string>;
    expect(sent).toMatchObject({ from: '1', to: '2', body: null, status: 'sending' });
    expect(await (await byAgent('', form)).text()).toContain('<To>2</To><Body/><Status>');
    expect(await (await byAgent(`/${sent.sid}.json`)).json()).toEqual(sent);
    const list = (await (await byAgent('.json')).json()) as { total: number; messages: object[] };
    expect(list).toMatchObject({ total: 2, messages: [sent, { body: null }] });
    expect(await (await byAgent()).text()).not.toContain('secret');
    // Whoever is above reads it.
    expect(await (await gateway.ask(parent.login, messages('.json'))).text()).toContain('the secret');
  });

  it('gets none of the headers that tell of the text, and its request asks for an answer that can be redacted', async () => {
    answering = (_request, response) =>
      response
        .writeHead(200, {
          'content-type': 'application/json; charset=utf-8',
          'content-length': '14',
          etag: '"of the text"',
          'accept-ranges': 'bytes',
          'content-md5': 'x',
          'cache-control': 'no-cache',
        })
        .end('{"body":"123"}');
    const headers = {
      'accept-encoding': 'gzip',
      range: 'bytes=0-5',
      'if-none-match': '"guess"',
      'if-match': '"guess"',
      'if-range': '"guess"',
    };
    const answer = await byAgent('.json', { headers });
    expect([answer.status, await answer.text()]).toEqual([200, '{"body":null}']);
    expect(['content-length', 'etag', 'accept-ranges', 'content-md5'].filter((name) => answer.headers.has(name))).toEqual([]);
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    const [seen] = upstream.seen;
    expect(seen!.headers).toMatchObject({ 'accept-encoding': 'identity' });
    expect(Object.keys(seen!.headers).filter((name) => name === 'range' || name.startsWith('if-'))).toEqual([]);
    const head = await byAgent('.json', { method: 'HEAD' });
    expect([head.status, head.headers.has('content-length')]).toEqual([200, false]);
  });

  it.each(['?Body=the', '?body=the', '?%42ody=x', '?SortBy=Body', '?a=b;Body=x'])(
    'cannot ask for messages by their text: %s',
    async (query) => {
      expect(await codeOf(await byAgent(`.json${query}`))).toBe('FORBIDDEN');
      expect(upstream.seen).toEqual([]);
      expect((await gateway.ask(parent.login, messages(`.json${query}`))).status).toBe(200);
    },
  );

  const json = { 'content-type': 'application/json' };
  const hostile: [string, RequestListener][] = [
    ['of another type', (_request, response) => response.setHeader('content-type', 'text/csv').end('secret')],
    ['of no type', (_request, response) => response.end('{"body":"secret"}')],
    ['in another encoding', (_request, response) => response.setHeader('content-type', 'application/json; charset=utf-16').end('secret')],
    [
      'that is compressed',
      (_request, response) => response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync('secret')),
    ],
    ['that is a part', (_request, response) => response.writeHead(206, { ...json, 'content-range': 'bytes 0-5/9' }).end('secret')],
    ['that is malformed', (_request, response) => response.writeHead(200, json).end('{"from":"secret"')],
    ['that breaks off', (_request, response) => response.writeHead(200, json).write('{"from":"secret"', () => response.destroy())],
    ['of a mistake, as a page', (_request, response) => response.writeHead(500, { 'content-type': 'text/html' }).end('<p>secret')],
    [
      'with a doctype',
      (_request, response) => response.setHeader('content-type', 'application/xml').end('<!DOCTYPE a [<!ENTITY x "secret">]><a>&x;</a>'),
    ],
  ];
  it.each(hostile)('gets nothing of an answer %s', async (_what, listener) => {
    answering = listener;
    const answer = await byAgent('.json');
    const text = await answer.text();
    expect([answer.status, JSON.parse(text).error]).toEqual([502, 'UPSTREAM_UNAVAILABLE']);
    expect(text).not.toContain('secret');
  });

  it('gets a long answer as it comes, and a broken connection where it turns out to be malformed', async () => {
    const message = `{"from":"1","body":"secret"},`;
    const count = Math.ceil(3_000_000 / message.length);
    for (const end of ['{}]}', '{}]']) {
      answering = (_request, response) => response.writeHead(200, json).end(`{"messages":[${message.repeat(count)}${end}`);
      const answer = await byAgent('.json');
      expect(answer.status).toBe(200);
      const text = await answer.text().catch((error: Error) => error.message);
      if (end === '{}]') expect(text).toBe('terminated');
      else expect((JSON.parse(text) as { messages: object[] }).messages).toHaveLength(count + 1);
      expect(text).not.toContain('secret');
    }
  });

  it('reads e-mail messages and notifications without their texts too, and everything else as it is', async () => {
    const body =
      '{"body":"secret","subject":"secret","message_text":"secret","request_variables":"secret","response_body":"secret","other":"seen"}';
    answering = (_request, response) => response.writeHead(200, json).end(body);
    const answerAt = async (path: string): Promise<string> =>
      (await gateway.ask(agent.login, `/Accounts/${agent.sid}/${path}.json`)).text();
    expect(await answerAt('Email/Messages')).toBe(body.replace('"secret"', 'null').replace('"secret"', 'null'));
    expect(await answerAt('Notifications/NO1')).toBe(
      body.replace(/(?<="(?:message_text|request_variables|response_body)":)"secret"/g, 'null'),
    );
    expect(await answerAt('Calls')).toBe(body);
  });
});
