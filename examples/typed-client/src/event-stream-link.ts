import { setTimeout as sleep } from 'node:timers/promises';
import { ApolloLink, Observable } from '@apollo/client';
import { print } from 'graphql';
import { NetworkError, createClient } from 'graphql-sse';
import type { Observer } from 'rxjs';
import type { Gateway } from './gateway.js';

type EventData = { accountEvents?: { id?: string } };

/**
 * Sends subscriptions to `/graphql/stream`, and goes on where it was when the connection was cut or the gateway restarted: behind the last event
 * that came, so that none is left out and none comes twice. For that the document has a variable `$after`, and selects the event's `id`.
 */
export function eventStreamLink({ url, authorization }: Gateway): ApolloLink {
  // No attempts of its own: they would begin again behind the first `$after`.
  const streams = createClient({ url: `${url}/graphql/stream`, headers: { authorization }, retryAttempts: 0 });

  async function follow(operation: ApolloLink.Operation, observer: Observer<ApolloLink.Result>, signal: AbortSignal): Promise<void> {
    const { query, operationName = '', variables } = operation;
    let after: unknown = variables['after'];
    let failures = 0;
    let results: ReturnType<typeof streams.iterate<EventData, Record<string, unknown>>> | undefined;
    signal.addEventListener('abort', () => void results?.return?.(undefined));
    while (!signal.aborted) {
      const request = { query: print(query), operationName, variables: { ...variables, after } };
      results = streams.iterate(request);
      try {
        for await (const result of results) {
          after = result.data?.accountEvents?.id ?? after;
          failures = 0;
          observer.next(result);
        }
        // The gateway has ended it for good. The last result says why.
        return observer.complete();
      } catch (error) {
        const { response } = error as NetworkError<Response>;
        if (response !== undefined && response.status < 500 && response.status !== 429) {
          // Refused, and it would be again. The answer is like that to a query.
          observer.next((await response.json()) as ApolloLink.Result);
          return observer.complete();
        }
        const seconds = Number(response?.headers.get('retry-after') ?? Math.min(30, 0.25 * 2 ** failures++));
        await sleep(1000 * seconds, undefined, { signal }).catch(() => {});
      }
    }
  }

  return new ApolloLink(
    (operation) =>
      new Observable((observer) => {
        const ending = new AbortController();
        follow(operation, observer, ending.signal).catch((error: unknown) => observer.error(error));
        return () => ending.abort();
      }),
  );
}
