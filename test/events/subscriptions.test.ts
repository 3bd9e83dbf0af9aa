import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { assertAsyncProperty } from '../support/property.js';
import { type StreamMessage, type TestStream, openStream } from '../support/stream.js';
import { type Created, create, missingSid } from '../support/tree.js';

let gateway: TestGateway;
let other: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { MAX_STREAMS_PER_TREE: '12' } });
  other = await startTestGateway({ database: gateway.database });
});
afterAll(async () => {
  await other.stop();
  await gateway.stop();
});

const ask = async (query: string, login: Login = admin, url = gateway.url): Promise<any> => {
  const { data, errors } = await postGraphql<any>(url, login, query);
  expect(errors).toBeUndefined();
  return data;
};
const change = (mutation: string, login?: Login, url?: string) => ask(`mutation { ${mutation} }`, login, url);
const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);
const rename = (sid: string, name: string, url?: string) =>
  change(`updateAccount(input: { sid: "${sid}", friendlyName: "${name}" }) { account { sid } }`, admin, url);
const setStatus = (sid: string, status: string) => change(`setAccountStatus(input: { sid: "${sid}", status: ${status} }) { reachedCount }`);

const subscription = (sid: string, more = '', selection = 'id type data { account { sid } after reached }') =>
  `subscription { accountEvents(accountSid: "${sid}" ${more}) { ${selection} } }`;
const open = (
  sid: string,
  { login = admin as Login, more = '', lastEventId = undefined as string | undefined, url = gateway.url } = {},
): Promise<TestStream> => openStream(url, { login, query: subscription(sid, more), lastEventId });
const eventsIn = ({ messages }: TestStream) => messages.filter(({ event }) => event === 'next').map(({ data }) => data.data?.accountEvents);
const namesIn = (stream: TestStream) => eventsIn(stream).map((event) => event?.data.after.friendlyName);

describe('a stream', () => {
  it('has what happens from then on, each event as events() has it, with its ID', async () => {
    const { sid, login } = await make();
    const stream = await open(sid, { login });
    for (const name of ['one', 'two']) await rename(sid, name);
    await eventually(() => expect(eventsIn(stream)).toHaveLength(2));
    const { nodes } = (await ask(`{ events(accountSid: "${sid}") { nodes { id type data { account { sid } after reached } } } }`, login))
      .events;
    expect(eventsIn(stream)).toEqual(nodes.slice(-2));
    expect(stream.messages.map(({ event, id }) => [event, id])).toEqual(nodes.slice(-2).map(({ id }: { id: string }) => ['next', id]));
    stream.close();
  });

  it('has what another instance changed', async () => {
    const { sid } = await make();
    const stream = await open(sid);
    await rename(sid, 'elsewhere', other.url);
    await eventually(() => expect(namesIn(stream)).toEqual(['elsewhere']));
    stream.close();
  });

  it('goes on behind the event that the client names, by argument or by header, however long ago', async () => {
    const top = await make();
    await plant(gateway.database, { below: top.sid, widths: [450] });
    for (const status of ['SUSPENDED', 'ACTIVE']) await setStatus(top.sid, status);
    const { nodes } = (await ask(`{ events(accountSid: "${top.sid}") { nodes { id } } }`)).events;
    const ids = nodes.map(({ id }: { id: string }) => id);
    expect(ids).toHaveLength(5);
    for (const [index, id] of ids.entries()) {
      for (const options of [{ more: `, after: "${id}"` }, { lastEventId: id }, { more: `, after: "${ids[0]}"`, lastEventId: id }]) {
        const stream = await open(top.sid, options);
        const rest = ids.slice(index + 1);
        await eventually(() => expect(stream.messages.map((message) => message.id)).toEqual(rest));
        stream.close();
      }
    }
  });

  it('has only the types that are asked for', async () => {
    const { sid } = await make();
    const stream = await open(sid, { more: ', types: [ACCOUNT_SUSPENDED]' });
    await rename(sid, 'not told');
    await setStatus(sid, 'SUSPENDED');
    await eventually(() => expect(eventsIn(stream).map(({ type }) => type)).toEqual(['ACCOUNT_SUSPENDED']));
    stream.close();
  });

  it('cut at random and taken up again has every event once', async () => {
    const { sid } = await make();
    await assertAsyncProperty(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }), async (cuts) => {
        const got: StreamMessage[] = [];
        const total = cuts.reduce((sum, each) => sum + each, 0);
        const before = (await ask(`{ events(accountSid: "${sid}", first: 100) { pageInfo { endCursor } } }`)).events.pageInfo.endCursor;
        const writing = (async () => {
          for (let count = 0; count < total; count++) await rename(sid, `${Math.random()}`);
        })();
        for (const cut of cuts) {
          const stream = await open(sid, { lastEventId: got.at(-1)?.id ?? before });
          await eventually(() => expect(stream.messages.length).toBeGreaterThanOrEqual(cut));
          stream.close();
          got.push(...stream.messages.slice(0, cut));
        }
        await writing;
        const { nodes } = (await ask(`{ events(accountSid: "${sid}", after: "${before}", first: 100) { nodes { id } } }`)).events;
        expect(got.map(({ id }) => id)).toEqual(nodes.map(({ id }: { id: string }) => id));
        // Pages hold a hundred.
        if (nodes.length + Number(before.split(':')[1]) > 70) await setStatus(sid, 'SUSPENDED').then(() => setStatus(sid, 'ACTIVE'));
      }),
      { numRuns: 6 },
    );
  });
});

describe('a subscriber who may no longer be told', () => {
  it.each([
    ['is suspended', (sid: string) => setStatus(sid, 'SUSPENDED'), 'ACCOUNT_NOT_ACTIVE'],
    ['is demoted', (sid: string) => change(`updateAccount(input: { sid: "${sid}", role: DEVELOPER }) { account { sid } }`), 'FORBIDDEN'],
    ['is closed', (sid: string) => change(`closeAccount(input: { sid: "${sid}" }) { reachedCount }`), 'ACCOUNT_NOT_ACTIVE'],
    [
      'has a new password',
      (sid: string) => change(`updateAccount(input: { sid: "${sid}", password: "another decent password" }) { account { sid } }`),
      'UNAUTHENTICATED',
    ],
  ])('because it %s, gets no further event, but the reason and the end', async (_what, switchOff, code) => {
    const { sid, login } = await make();
    const stream = await open(sid, { login });
    await rename(sid, 'told');
    await eventually(() => expect(namesIn(stream)).toEqual(['told']));
    await switchOff(sid);
    await stream.ended;
    const [first, ...rest] = stream.messages;
    expect(first!.data.errors).toBeUndefined();
    expect(rest).toMatchObject([{ event: 'next', id: undefined, data: { errors: [{ extensions: { code } }] } }, { event: 'complete' }]);
  });
});

describe('is refused before it begins:', () => {
  it.each([
    ['an account out of sight', (stranger: Created) => subscription(stranger.sid), 403, 'FORBIDDEN'],
    ['none', () => subscription(missingSid()), 403, 'FORBIDDEN'],
    ['a malformed account', () => subscription('AC12'), 400, 'BAD_USER_INPUT'],
    [
      'the event of another tree',
      (_stranger: Created, own: Created) => subscription(own.sid, `, after: "${'AC'.padEnd(34, 'a')}:1"`),
      400,
      'BAD_USER_INPUT',
    ],
    [
      'a document that does not fit',
      (_stranger: Created, own: Created) => subscription(own.sid, '', 'nothing'),
      400,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['what is no document', () => 'subscription {', 400, 'GRAPHQL_PARSE_FAILED'],
  ])('%s', async (_what, query, status, code) => {
    const [stranger, own] = [await make(), await make()];
    const stream = await openStream(gateway.url, { login: own.login, query: query(stranger, own) });
    expect([stream.status, stream.body?.errors[0].extensions.code]).toEqual([status, code]);
  });

  it('nobody, and whoever is no Administrator', async () => {
    const { sid } = await make();
    const developer = await make({ parent: sid, role: 'Developer' });
    const of = async (login: Login | undefined) => {
      const { status, body } = await openStream(gateway.url, { login, query: subscription(sid) });
      return [status, body?.errors[0].extensions.code];
    };
    expect(await of(undefined)).toEqual([401, 'UNAUTHENTICATED']);
    expect(await of({ login: sid, secret: 'wrong' })).toEqual([401, 'UNAUTHENTICATED']);
    expect(await of(developer.login)).toEqual([403, 'FORBIDDEN']);
  });

  it('one more than a tree may have, until another one is closed', async () => {
    const { sid, login } = await make();
    const streams = [];
    for (let count = 0; count < 12; count++) streams.push(await open(sid, { login }));
    const refused = await open(sid, { login });
    expect([refused.status, refused.body?.errors[0].extensions.code]).toEqual([429, 'RATE_LIMITED']);
    expect((await open((await make()).sid)).status).toBe(200);
    streams[0]!.close();
    await eventually(async () => {
      const again = await open(sid, { login });
      expect(again.status).toBe(200);
      streams.push(again);
    });
    for (const stream of streams) stream.close();
  });

  it('a subscription at /graphql, with the way to where it is streamed', async () => {
    const { errors, status } = await postGraphql(gateway.url, admin, subscription(missingSid()));
    expect([status, errors![0]!.extensions.code]).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
    expect(errors![0]!.message).toContain('/graphql/stream');
  });
});

it('a query is answered there too, as a stream of one result', async () => {
  const stream = await openStream(gateway.url, { login: admin, query: '{ viewer { isSuperAdmin } }' });
  await stream.ended;
  expect(stream.messages).toEqual([
    { event: 'next', id: undefined, data: { data: { viewer: { isSuperAdmin: true } } } },
    { event: 'complete', id: undefined, data: undefined },
  ]);
});

it('streams hold no slot of the requests that run at once', async () => {
  const small = await startTestGateway({ database: gateway.database, environment: { MAX_REQUESTS: '2' } });
  const { sid } = await make();
  const streams: TestStream[] = [];
  for (let count = 0; count < 5; count++) streams.push(await open(sid, { url: small.url }));
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect((await postGraphql(small.url, admin, '{ viewer { sid } }')).status).toBe(200);
  // It is drained without `complete`, so that clients come back.
  await small.stop();
  for (const stream of streams) {
    await stream.ended;
    expect(stream.messages).toEqual([]);
  }
});

it('an open stream answers with the type of event streams, and says at once that it has begun', async () => {
  const { sid } = await make();
  const byGet = (query: string) =>
    fetch(`${gateway.url}/graphql/stream?${new URLSearchParams({ query })}`, {
      headers: { accept: 'text/event-stream', 'apollo-require-preflight': 'true', authorization: basic(admin) },
    });
  expect((await byGet(`mutation { closeAccount(input: { sid: "${sid}" }) { reachedCount } }`)).status).toBe(405);
  const response = await byGet(subscription(sid));
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(response.headers.get('x-request-id')).not.toBeNull();
  const reader = response.body!.getReader();
  expect(Buffer.from((await reader.read()).value!).toString()).toBe(':\n\n');
  await reader.cancel();
});
