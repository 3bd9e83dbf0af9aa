import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client,
  type CombinedError,
  type ExecutionResult,
  type SubscriptionForwarder,
  type SubscriptionOperation,
  cacheExchange,
  fetchExchange,
  subscriptionExchange,
} from '@urql/core';
import { retryExchange } from '@urql/exchange-retry';
import { NetworkError, createClient } from 'graphql-sse';

type EventData = { accountEvents?: { id?: string } };
type Sink = Parameters<ReturnType<SubscriptionForwarder>['subscribe']>[0];

const { GATEWAY_URL: url = 'http://127.0.0.1:4000', LOGIN, PASSWORD } = process.env;
if (!LOGIN || !PASSWORD) throw new Error('Set LOGIN and PASSWORD to those of an Administrator.');
const headers = { authorization: `Basic ${Buffer.from(`${LOGIN}:${PASSWORD}`).toString('base64')}` };

/** A client of the gateway: queries and mutations by POST, subscriptions by Server-Sent Events. */
export const client = new Client({
  url: `${url}/graphql`,
  fetchOptions: { headers },
  // By GET, the gateway would want another header.
  preferGetMethod: false,
  exchanges: [
    cacheExchange,
    // When the network fails, nobody knows whether the change was made. Only with an idempotency key is it safe to send it again.
    retryExchange({
      retryIf: ({ networkError }, { kind, variables }) =>
        networkError !== undefined && (kind === 'query' || variables?.['input']?.idempotencyKey !== undefined),
    }),
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (operation) => ({
        subscribe(sink) {
          const ending = new AbortController();
          follow(operation, sink, ending.signal).catch((error) => sink.error(error));
          return { unsubscribe: () => ending.abort() };
        },
      }),
    }),
  ],
});

// No attempts of its own: they would begin again behind the first `$after`.
const streams = createClient({ url: `${url}/graphql/stream`, headers, retryAttempts: 0 });

/**
 * Goes on behind the last event that came when the connection was cut or the gateway restarted. For that the document has a variable `$after`,
 * and selects the event's `id`.
 */
async function follow({ query = '', variables }: SubscriptionOperation, sink: Sink, signal: AbortSignal): Promise<void> {
  let after = variables?.['after'];
  let results: ReturnType<typeof streams.iterate<EventData, Record<string, unknown>>> | undefined;
  signal.addEventListener('abort', () => void results?.return?.(undefined));
  while (!signal.aborted) {
    results = streams.iterate({ query, variables: { ...variables, after } });
    try {
      for await (const result of results) {
        after = result.data?.accountEvents?.id ?? after;
        sink.next(result);
      }
      return sink.complete();
    } catch (error) {
      const { response } = error as NetworkError<Response>;
      if (response !== undefined && response.status < 500 && response.status !== 429) {
        // Refused, and it would be again. The answer is that of a query.
        sink.next((await response.json()) as ExecutionResult);
        return sink.complete();
      }
      const seconds = Number(response?.headers.get('retry-after') ?? 1);
      await sleep(1000 * seconds, undefined, { signal }).catch(() => {});
    }
  }
}

/** The codes of docs/errors.md that this program deals with. */
type ErrorCode = 'EMAIL_IN_USE' | 'VERSION_CONFLICT';

/** Whether the gateway refused it with this code. */
export const isRefusal = (error: CombinedError | undefined, code: ErrorCode): boolean =>
  error?.graphQLErrors.some(({ extensions }) => extensions['code'] === code) ?? false;
