import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { ErrorLink } from '@apollo/client/link/error';
import { RetryLink } from '@apollo/client/link/retry';
import { relayStylePagination } from '@apollo/client/utilities';
import { OperationTypeNode } from 'graphql';
import { throwError } from 'rxjs';
import { type Refusal, refusalIn } from './errors.js';
import { eventStreamLink } from './event-stream-link.js';

/** Where the gateway is, and how to sign in: by HTTP Basic authentication, with a SID or e-mail address and a password or AuthToken. */
export interface Gateway {
  url: string;
  authorization: string;
}

/** Reads GATEWAY_URL, LOGIN and PASSWORD. */
export function gatewayOfEnvironment(): Gateway {
  const { GATEWAY_URL: url = 'http://127.0.0.1:4000', LOGIN, PASSWORD } = process.env;
  if (!LOGIN || !PASSWORD) throw new Error('Set LOGIN and PASSWORD to those of an Administrator.');
  return { url, authorization: `Basic ${Buffer.from(`${LOGIN}:${PASSWORD}`).toString('base64')}` };
}

/**
 * Pages of one list are joined in the cache. `keyArgs` names the arguments that make it another list: whatever chooses or orders its
 * entries. Those that choose a page of it (`first`, `after`, `last`, `before`) are not among them. An argument that is left out here mixes
 * lists up, as the tour shows; one too many keeps pages apart. Select `edges`, since `nodes` are not joined.
 */
export const accountCache = (): InMemoryCache =>
  new InMemoryCache({
    typePolicies: {
      Query: { fields: { accounts: relayStylePagination(['filter', 'orderBy', 'organization']) } },
      Account: {
        fields: {
          subAccounts: relayStylePagination(['filter', 'orderBy']),
          descendants: relayStylePagination(['filter', 'maxDepth']),
          history: relayStylePagination(['includeDescendants']),
        },
      },
    },
  });

/** Refusals that pass by themselves. */
const passing = new Set<Refusal['code'] | undefined>(['OVERLOADED', 'UNAVAILABLE', 'IDEMPOTENCY_IN_FLIGHT']);

/** A client of the gateway: queries and mutations by POST, subscriptions by Server-Sent Events. */
export function connect(gateway: Gateway, cache = accountCache()): ApolloClient {
  const { url, authorization } = gateway;
  // When the network fails, nobody knows whether the change was made. Only with an idempotency key is it safe to send it again.
  const isSafeToRepeat = ({ operationType, variables }: ApolloLink.Operation): boolean =>
    operationType === OperationTypeNode.QUERY || variables['input']?.idempotencyKey !== undefined;
  const retries = new RetryLink({
    attempts: { max: 5, retryIf: (_error, operation) => isSafeToRepeat(operation) },
    delay: (attempt, operation) => {
      const seconds = Number(operation.getContext()['response']?.headers.get('retry-after') ?? 0);
      return Math.max(1000 * seconds, 100 * 2 ** attempt);
    },
  });
  // Refusals are answers. Those that pass are made failures here, so that they are tried again too.
  const failures = new ErrorLink(({ error }) => {
    if (passing.has(refusalIn(error)?.code)) return throwError(() => error);
  });
  const requests = ApolloLink.from([retries, failures, new HttpLink({ uri: `${url}/graphql`, headers: { authorization } })]);
  const isSubscription = ({ operationType }: ApolloLink.Operation): boolean => operationType === OperationTypeNode.SUBSCRIPTION;
  return new ApolloClient({ link: ApolloLink.split(isSubscription, eventStreamLink(gateway), requests), cache });
}
