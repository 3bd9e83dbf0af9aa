import type { Socket } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { openStream } from '../support/stream.js';
import { type Created, create } from '../support/tree.js';
import { openPausedSocket, sendOnWire } from '../support/wire.js';

/** Milliseconds, where a gateway of its own waits for a minute. */
const unreadMilliseconds = 2_000;
let gateway: TestGateway;
beforeAll(async () => {
  // What is tried here is not how soon one tree has used up its budget.
  const environment = { MAX_STREAMS_PER_TREE: '300', ACCOUNT_COST_PER_MINUTE: '1000000000' };
  gateway = await startTestGateway({ environment, config: { unreadMilliseconds } });
});
afterAll(() => gateway.stop());

const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);
const change = async (mutation: string): Promise<void> =>
  expect((await postGraphql(gateway.url, admin, `mutation { ${mutation} }`)).errors).toBeUndefined();
const rename = (sid: string, name: string) =>
  change(`updateAccount(input: { sid: "${sid}", friendlyName: "${name}" }) { account { sid } }`);
const openStreams = async (): Promise<string | undefined> =>
  /^gateway_streams_open (\d+)$/m.exec(await (await fetch(gateway.metricsUrl)).text())?.[1];
const expectOpen = (count: number) => eventually(async () => expect(await openStreams()).toBe(String(count)));

const subscription = (sid: string, more = '', selection = 'id') =>
  `subscription { accountEvents(accountSid: "${sid}"${more}) { ${selection} } }`;

/** The bytes of a request for a stream. */
function requestFor({ login }: { login: Login }, query: string, variables: Record<string, unknown> = {}): string {
  const body = JSON.stringify({ query, variables });
  const headers = ['Host: gateway', `Authorization: ${basic(login)}`, 'Accept: text/event-stream', 'Content-Type: application/json'];
  return `POST /graphql/stream HTTP/1.1\r\n${headers.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

async function connectAndSend(bytes: string): Promise<Socket> {
  const socket = await openPausedSocket(gateway.url);
  onTestFinished(() => void socket.destroy());
  socket.write(bytes);
  return socket;
}

describe('a client that', () => {
  it('never reads is cut off, and no more is made for it than fits between the two', async () => {
    const top = await make();
    await plant(gateway.database, { below: top.sid, widths: [399] });
    for (let round = 0; round < 30; round++) {
      for (const status of ['SUSPENDED', 'ACTIVE']) {
        await change(`setAccountStatus(input: { sid: "${top.sid}", status: ${status} }) { reachedCount }`);
      }
    }
    const copies = Array.from({ length: 28 }, (_, number) => `a${number}: reached`).join(' ');
    const query = subscription(top.sid, `, after: "${top.sid}:0"`, `id data { ${copies} }`);
    const socket = await connectAndSend(requestFor(top, query));
    await expectOpen(1);
    await expectOpen(0);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    socket.resume();
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
    expect(bytes).toBeGreaterThan(0);
    // All that happened is 60 events of 400 kB.
    expect(bytes).toBeLessThan(12_000_000);
  });

  it('comes and goes a thousand times, at any moment, leaves nothing open', async () => {
    const top = await make();
    const bytes = requestFor(top, subscription(top.sid));
    const goAway = [
      async () => {},
      () => setImmediate(),
      () => sleep(3),
      () => sleep(10),
      (socket: Socket) => new Promise((resolve) => socket.resume().once('data', resolve).once('close', resolve)),
    ];
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const socket = await openPausedSocket(gateway.url);
          socket.write(bytes);
          await goAway[index % goAway.length]!(socket);
          socket.destroy();
        }),
      );
    }
    await expectOpen(0);
    const stream = await openStream(gateway.url, { login: top.login, query: subscription(top.sid) });
    expect(stream.status).toBe(200);
    stream.close();
    await expectOpen(0);
  });

  it('sends much with its request does not make the gateway keep it', async () => {
    const top = await make();
    const count = 50;
    const megabyte = 1024 * 1024;
    const query = `${subscription(top.sid)} # ${'a long comment '.repeat(3_000)}`;
    const heap = async (): Promise<number> => {
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc') as () => void;
      for (let times = 0; times < 3; times++) {
        collect();
        await sleep(10);
      }
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const openOne = async (number: number): Promise<void> => {
      await connectAndSend(requestFor(top, `${query} ${number}`, { undeclared: `${number} ${'x'.repeat(1.5 * megabyte)}` }));
    };
    await openOne(0);
    await expectOpen(1);
    const before = await heap();
    for (let number = 1; number <= count; number++) {
      await openOne(number);
      await expectOpen(number + 1);
    }
    expect((await heap()) - before).toBeLessThan((count * megabyte) / 4);
  });
});

it('the gateway ends though streams are being opened', async () => {
  const top = await make();
  for (const milliseconds of [0, 5, 15, 40]) {
    const ending = await startTestGateway({ database: gateway.database });
    const opening = Promise.allSettled(
      Array.from({ length: 20 }, () => openStream(ending.url, { login: top.login, query: subscription(top.sid) })),
    );
    await sleep(milliseconds);
    await ending.stop();
    for (const opened of await opening) if (opened.status === 'fulfilled') await opened.value.ended;
  }
});

describe('Last-Event-ID', () => {
  it.each([
    ['is no ID', () => 'nonsense'],
    ['has no position', (sid: string) => `${sid}:`],
    ['has a position below 0', (sid: string) => `${sid}:-1`],
    ["has a position beyond PostgreSQL's integers", (sid: string) => `${sid}:2147483648`],
    ['has a position beyond all integers', (sid: string) => `${sid}:${'9'.repeat(400)}`],
    ['is of an event that has not happened', (sid: string) => `${sid}:999999999`],
    ['is there twice', (sid: string) => `${sid}:1, ${sid}:1`],
    ['is not in ASCII', (sid: string) => `${sid}:é`],
  ])('that %s is refused, and so is the same as `after`', async (_what, idOf) => {
    const { sid, login } = await make();
    const id = idOf(sid);
    const of = async (more: string, lastEventId?: string) => {
      const { status, body } = await openStream(gateway.url, { login, query: subscription(sid, more), lastEventId });
      const { message, extensions } = body.errors[0];
      return [status, extensions, message.split(' ')[0]];
    };
    expect(await of('', id)).toEqual([400, { code: 'BAD_USER_INPUT', field: 'Last-Event-ID' }, 'Last-Event-ID']);
    expect(await of(`, after: ${JSON.stringify(id)}`)).toEqual([400, { code: 'BAD_USER_INPUT', field: 'after' }, 'after']);
  });

  it('of part 0, or past all parts, is a place like any other', async () => {
    const { sid, login } = await make();
    await rename(sid, 'changed');
    for (const [id, ids] of [
      [`${sid}:0`, [`${sid}:1`, `${sid}:2`]],
      [`${sid}:1:0`, [`${sid}:1`, `${sid}:2`]],
      [`${sid}:1:999999`, [`${sid}:2`]],
    ] as const) {
      const stream = await openStream(gateway.url, { login, query: subscription(sid), lastEventId: id });
      await eventually(() => expect(stream.messages.map((message) => message.id)).toEqual(ids));
      stream.close();
    }
  });
});

describe('a subscription', () => {
  const root = 'accountEvents(accountSid: $sid)';
  it.each([
    ['two root fields', `($sid: ID!) { ${root} { id } other: ${root} { id } }`],
    ['two root fields by fragments', `($sid: ID!) { ...A ... { b: ${root} { id } } } fragment A on Subscription { a: ${root} { id } }`],
    ['no field but __typename', '{ __typename }'],
    ['a root field that is skipped', `($sid: ID!) { ${root} @skip(if: true) { id } }`],
    ['a root field on a condition by a variable', `($sid: ID!, $yes: Boolean!) { ${root} @include(if: $yes) { id } }`],
    ['a fragment at its root that is skipped', `($sid: ID!) { ...A @skip(if: true) } fragment A on Subscription { ${root} { id } }`],
    [
      'a condition in fragments that lead to each other',
      `($sid: ID!) { ...A } fragment A on Subscription { ...B } fragment B on Subscription { ...A ... @include(if: true) { ${root} { id } } }`,
    ],
  ])('with %s is refused, at /graphql too', async (_what, rest) => {
    const { sid, login } = await make();
    const [query, variables] = [`subscription ${rest}`, { sid, yes: true }];
    const headers = { Accept: 'text/event-stream', 'Content-Type': 'application/json' };
    const answer = await sendOnWire(gateway.url, {
      method: 'POST',
      target: '/graphql/stream',
      login,
      headers,
      body: JSON.stringify({ query, variables }),
    });
    expect([answer.status, JSON.parse(answer.body).errors[0].extensions]).toEqual([400, { code: 'GRAPHQL_VALIDATION_FAILED' }]);
    const atGraphql = await postGraphql(gateway.url, login, query, variables);
    expect([atGraphql.status, atGraphql.errors![0]!.extensions]).toEqual([400, { code: 'GRAPHQL_VALIDATION_FAILED' }]);
  });

  it.each([
    ['an alias', (sid: string) => `subscription { mine: accountEvents(accountSid: "${sid}", after: "${sid}:1") { id } }`],
    [
      'a fragment',
      (sid: string) => `subscription { ...A } fragment A on Subscription { accountEvents(accountSid: "${sid}", after: "${sid}:1") { id } }`,
    ],
    ['a condition below its root', (sid: string) => subscription(sid, `, after: "${sid}:1"`, 'id type @skip(if: true)')],
    ['null for what it leaves out', (sid: string) => subscription(sid, ', types: null, after: null')],
    ['a long comment', (sid: string) => `# ${'long '.repeat(1_000)}\n${subscription(sid, `, after: "${sid}:1"`)}`],
  ])('may have %s', async (_what, queryOf) => {
    const { sid, login } = await make();
    const stream = await openStream(gateway.url, { login, query: queryOf(sid) });
    expect(stream.status).toBe(200);
    await rename(sid, 'changed');
    await eventually(() => expect(stream.messages).toHaveLength(1));
    const [{ id, data }] = stream.messages as [(typeof stream.messages)[0]];
    expect([id, Object.values(data.data)]).toEqual([`${sid}:2`, [{ id: `${sid}:2` }]]);
    stream.close();
  });

  it('by GET needs a header that no page of another site can send', async () => {
    const { sid, login } = await make();
    const get = (method: string, headers: Record<string, string>) =>
      sendOnWire(gateway.url, {
        method,
        target: `/graphql/stream?${new URLSearchParams({ query: subscription(sid) })}`,
        login,
        headers: { Accept: 'text/event-stream', ...headers },
      });
    const { status, body } = await get('GET', {});
    expect([status, JSON.parse(body).errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
    expect((await get('GET', { 'Sec-Fetch-Site': 'cross-site', 'Last-Event-ID': `${sid}:1` })).status).toBe(400);
    for (const method of ['HEAD', 'OPTIONS', 'DELETE']) {
      const refused = await get(method, { 'Apollo-Require-Preflight': 'true' });
      expect([refused.status, refused.headers.Allow]).toEqual([405, 'GET, POST']);
    }
    await expectOpen(0);
  });
});

it('null is no argument of events() either', async () => {
  const { sid, login } = await make();
  const { data } = await postGraphql(
    gateway.url,
    login,
    `{ events(accountSid: "${sid}", after: null, types: null, first: null) { nodes { id } } }`,
  );
  expect(data!.events.nodes).toEqual([{ id: `${sid}:1` }]);
});
