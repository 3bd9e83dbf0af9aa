import { setTimeout as sleep } from 'node:timers/promises';
import { ApolloClient, ApolloLink, InMemoryCache, Observable, gql } from '@apollo/client';
import { Client, subscriptionExchange } from '@urql/core';
import { EventSource } from 'eventsource';
import { print } from 'graphql';
import { type ExecutionResult, type Client as SseClient, createClient } from 'graphql-sse';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type CuttableProxy, startCuttableProxy } from '../support/cuttable-proxy.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { eventually } from '../support/patience.js';
import { create } from '../support/tree.js';

let database: TestDatabase;
/** Changes things while the one that streams is away. */
let other: TestGateway;
let streaming: TestGateway;
let proxy: CuttableProxy;
beforeAll(async () => {
  database = await cloneDatabase();
  other = await startTestGateway({ database });
  streaming = await startTestGateway({ database });
  proxy = await startCuttableProxy(streaming.url);
});
afterAll(async () => {
  await proxy.stop();
  await streaming.stop();
  await other.stop();
  await database.drop();
});

interface SeenEvent {
  id: string;
  data: { after: { friendlyName: string } };
}

/** What a client follows, and as whom. */
interface Followed {
  url: string;
  login: Login;
  sid: string;
  /** The last event that it has. */
  after: string;
}

/** Follows an account with a client of somebody else, whatever happens to the connection. Returns what ends that. */
type Follow = (followed: Followed, onEvent: (event: SeenEvent) => void) => () => void;

const document = `subscription Follow($sid: ID!, $after: ID) { accountEvents(accountSid: $sid, after: $after) { id data { after } } }`;
const streamOf = (url: string) => `${url}/graphql/stream`;

/**
 * For the clients that send no `Last-Event-ID`: subscribes again with the last event's ID as `after`. They must not try again by themselves,
 * since that would be from the first `after` on.
 */
function byAfter(subscribe: (followed: Followed, onEvent: (event: SeenEvent) => void, signal: AbortSignal) => Promise<void>): Follow {
  return (followed, onEvent) => {
    const ending = new AbortController();
    let { after } = followed;
    const takeNote = (event: SeenEvent): void => {
      after = event.id;
      onEvent(event);
    };
    void (async () => {
      while (!ending.signal.aborted) {
        await subscribe({ ...followed, after }, takeNote, ending.signal).catch(() => {});
        await sleep(50);
      }
    })();
    return () => ending.abort();
  };
}

const sseClient = ({ url, login }: Followed): SseClient =>
  createClient({ url: streamOf(url), headers: { authorization: basic(login) }, retryAttempts: 0 });

const byGraphqlSse = byAfter(async (followed, onEvent, signal) => {
  const { sid, after } = followed;
  const events = sseClient(followed).iterate<{ accountEvents: SeenEvent }>({ query: document, variables: { sid, after } });
  signal.addEventListener('abort', () => void events.return!());
  for await (const { data } of events) onEvent(data!.accountEvents);
});

const byApolloClient = byAfter((followed, onEvent, signal) => {
  const { sid, after } = followed;
  const sse = sseClient(followed);
  const link = new ApolloLink(
    ({ query, variables, operationName }) =>
      new Observable<any>((observer) => sse.subscribe({ query: print(query), variables, operationName: operationName! }, observer)),
  );
  const apollo = new ApolloClient({ link, cache: new InMemoryCache() });
  return new Promise((complete, fail) => {
    const subscription = apollo.subscribe<{ accountEvents: SeenEvent }>({ query: gql(document), variables: { sid, after } }).subscribe({
      next: ({ data, error }) => (error === undefined ? onEvent(data!.accountEvents) : fail(error)),
      error: fail,
      complete,
    });
    signal.addEventListener('abort', () => subscription.unsubscribe());
  });
});

const byUrql = byAfter((followed, onEvent, signal) => {
  const { sid, after } = followed;
  const sse = sseClient(followed);
  const client = new Client({
    url: followed.url,
    preferGetMethod: false,
    exchanges: [
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: sse.subscribe({ query: query!, variables: variables as Record<string, unknown> }, sink as Sink),
          }),
        }),
      }),
    ],
  });
  return new Promise((_complete, fail) => {
    const { unsubscribe } = client.subscription<{ accountEvents: SeenEvent }>(document, { sid, after }).subscribe(({ data, error }) => {
      if (error === undefined) onEvent(data!.accountEvents);
      else fail(error);
    });
    signal.addEventListener('abort', unsubscribe);
  });
});
type Sink = { next(result: ExecutionResult<any, any>): void; error(error: unknown): void; complete(): void };

/** It comes back by itself, and then with `Last-Event-ID`. */
const byEventSource: Follow = ({ url, login, sid, after }, onEvent) => {
  const search = new URLSearchParams({ query: document, variables: JSON.stringify({ sid, after }) });
  const source = new EventSource(`${streamOf(url)}?${search}`, {
    fetch: (input, init) =>
      fetch(input, { ...init, headers: { ...init.headers, authorization: basic(login), 'apollo-require-preflight': 'true' } }),
  });
  source.addEventListener('next', ({ data }) => onEvent(JSON.parse(data).data.accountEvents));
  source.addEventListener('complete', () => source.close());
  return () => source.close();
};

it.each<[name: string, follow: Follow]>([
  ["graphql-sse's client", byGraphqlSse],
  ['Apollo Client', byApolloClient],
  ['urql', byUrql],
  ['eventsource', byEventSource],
])('%s has every event once, whether the connection is cut or the gateway restarted', async (_name, follow) => {
  const { sid, login } = await create(graphqlSurface(other.url));
  const rename = async (name: string, url = other.url): Promise<void> => {
    const { errors } = await postGraphql(
      url,
      admin,
      `mutation { updateAccount(input: { sid: "${sid}", friendlyName: "${name}" }) { account { sid } } }`,
    );
    expect(errors).toBeUndefined();
  };
  const eventsAfter = async (after?: string): Promise<string[]> => {
    const { data } = await postGraphql(
      other.url,
      login,
      `query($after: ID) { events(accountSid: "${sid}", after: $after) { nodes { id } } }`,
      {
        after,
      },
    );
    return data!.events.nodes.map(({ id }: { id: string }) => id);
  };
  const after = (await eventsAfter()).at(-1)!;
  const seen: SeenEvent[] = [];
  onTestFinished(follow({ url: proxy.url, login, sid, after }, (event) => seen.push(event)));
  const hasSeen = (...names: string[]) => eventually(() => expect(seen.map(({ data }) => data.after.friendlyName)).toEqual(names));

  await rename('one', streaming.url);
  await hasSeen('one');

  const { connections } = proxy;
  proxy.leadTo(undefined);
  proxy.cut();
  await rename('while cut off');
  await eventually(() => expect(proxy.connections).toBeGreaterThan(connections));
  proxy.leadTo(streaming.url);
  await hasSeen('one', 'while cut off');

  await streaming.stop();
  await rename('while it was away');
  streaming = await startTestGateway({ database });
  proxy.leadTo(streaming.url);
  await rename('and after');
  await hasSeen('one', 'while cut off', 'while it was away', 'and after');
  expect(seen.map(({ id }) => id)).toEqual(await eventsAfter(after));
});
