import type { ApolloServer, HTTPGraphQLRequest, HTTPGraphQLResponse } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  type ExecutionArgs,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  createSourceEventStream,
  execute,
} from 'graphql';
import type { Payer } from '../../domain/account.js';
import type { SignedIn } from '../../domain/actor.js';
import type { Event } from '../../domain/event.js';
import { detached, inSpan } from '../../tracing/tracer.js';
import { setRefusalHeaders } from '../http/request-error.js';
import type { Services } from '../services.js';
import { type Context, type StreamedOperation, contextOf } from './context.js';
import { contextWith } from './execution/context-with.js';
import type { ObserveBatch } from './execution/loaders.js';
import { asGraphqlError, describeError } from './graphql-error.js';
import { graphqlRequestOf } from './http-request.js';
import { retryAfterOf, send, sendRefusal, statusOfAnswer, stringifyAnswer } from './http-response.js';
import { mistakesShown } from './operation-lifecycle.js';
import { type OpenStream, OpenStreams, complete, eventStreamType, message } from './open-streams.js';
import type { StreamPlaces } from './stream-places.js';

export interface EventStreamOptions {
  apollo: ApolloServer<Context>;
  schema: GraphQLSchema;
  services: Services;
  observeBatch: ObserveBatch;
  /** The longest document, in characters. */
  maxLength: number;
  places: StreamPlaces;
}

/**
 * GraphQL over Server-Sent Events at `/graphql/stream`, one connection for each operation: the "distinct connections mode" of GraphQL over
 * SSE, with an `id:` for each event so that a client which was cut off goes on where it was (SPEC §7). Documents are parsed, validated, weighed
 * and their callers signed in as at `/graphql`, by the same server. What is refused before the stream begins is answered as there.
 */
export function eventStreams(fastify: FastifyInstance, options: EventStreamOptions): void {
  const open = new OpenStreams();
  fastify.addHook('preClose', (done) => {
    open.drain();
    done();
  });
  fastify.route({
    method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/graphql/stream',
    handler: (request, reply) => answer(request, reply, options, open),
    errorHandler: sendRefusal,
  });
}

async function answer(request: FastifyRequest, reply: FastifyReply, options: EventStreamOptions, open: OpenStreams): Promise<FastifyReply> {
  const ending = new AbortController();
  // From the beginning: a client may be gone before its stream is open, and what it took must not stay taken.
  reply.raw.once('close', () => ending.abort());
  if (request.raw.socket.destroyed) ending.abort();
  const subscription = await subscribe(request, reply, options, ending.signal);
  if (subscription === undefined) return reply;
  if (ending.signal.aborted) {
    request.slot?.finish();
    return reply.hijack();
  }

  const leave = options.places.take(subscription.payer);
  request.slot?.finish();
  const stream = open.open(reply, ending);
  // What it tells for days is not a part of its request's trace.
  await detached(() => tell(stream, subscription)).finally(leave);
  return reply;
}

/** Executes the operation for each event, until the stream ends. */
async function tell(stream: OpenStream, { operation, source, shown }: AcceptedSubscription): Promise<void> {
  try {
    for await (const event of source) {
      const result = await execute({ ...operation, rootValue: event });
      // Without its ID, so that the event comes again when the client comes back.
      if (result.errors !== undefined) {
        await stream.fail(shown(result.errors));
        break;
      }
      await stream.next(stringifyAnswer({ data: result.data ?? null }), event.id);
    }
  } catch (error) {
    await stream.fail(shown([asGraphqlError(error)]));
  } finally {
    stream.end();
  }
}

/** A subscription that was accepted. It may last for days, so it holds on to nothing that it does not need. */
interface AcceptedSubscription {
  operation: ExecutionArgs;
  source: AsyncIterable<Event>;
  /** Errors as the client is shown them. */
  shown: (errors: readonly GraphQLError[]) => GraphQLFormattedError[];
  payer: Payer;
}

/** Hands the request to Apollo. Undefined if it was answered: refused, or no subscription. */
async function subscribe(
  request: FastifyRequest,
  reply: FastifyReply,
  { apollo, schema, services, observeBatch, maxLength }: EventStreamOptions,
  signal: AbortSignal,
): Promise<AcceptedSubscription | undefined> {
  const httpGraphQLRequest = graphqlRequestOf(request, reply, maxLength, ['text/event-stream']);
  const { headers } = httpGraphQLRequest;
  headers.set('accept', 'application/json');
  // Apollo takes only queries by GET.
  const asPost = {
    method: 'POST',
    headers: headers.set('content-type', 'application/json'),
    search: '',
    body: parametersOf(httpGraphQLRequest),
  };
  const stream: StreamedOperation = { signal, isByGet: request.method === 'GET', lastEventId: lastEventIdOf(request) };
  const context = contextWith(contextOf(request, services, observeBatch), { stream });
  try {
    const answered = await executeBy(apollo, asPost, context);
    const { accepted } = stream;
    if (accepted === undefined) {
      if ((answered.status ?? 200) !== 200 || answered.body.kind !== 'complete') await send(reply, answered);
      else sendOnce(reply, answered.body.string);
      return undefined;
    }
    // Variables that the document does not declare would be kept for nothing. So would the body.
    request.body = undefined;
    const { document, operationName, variables } = accepted;
    const about = { schema, document, variables, requestId: request.id, report: accepted.context.report };
    const shown = (errors: readonly GraphQLError[]): GraphQLFormattedError[] =>
      errors.slice(0, mistakesShown).map((error) => describeError(error, about));
    const operation = { schema, document, operationName, variableValues: variables, contextValue: accepted.context };
    const source = await createSourceEventStream(operation);
    if ('errors' in source) {
      refuse(reply, shown(source.errors!), retryAfterOf(source.errors!));
      return undefined;
    }
    return { operation, source: source as AsyncIterable<Event>, shown, payer: (accepted.context.actor as SignedIn).account };
  } finally {
    context.cost.release();
  }
}

/** A function of its own: what its closures hold on to, the body among it, would else be held by `shown` for as long as the stream lasts. */
function executeBy(apollo: ApolloServer<Context>, httpGraphQLRequest: HTTPGraphQLRequest, context: Context): Promise<HTTPGraphQLResponse> {
  return inSpan('GraphQL', () => apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: async () => context }));
}

/** What the request asks for, wherever it says so. */
function parametersOf({ body, search }: HTTPGraphQLRequest): unknown {
  if (body !== undefined) return body;
  const given = Object.fromEntries(new URLSearchParams(search));
  const json = (name: string) => given[name] !== undefined && { [name]: JSON.parse(given[name]) as unknown };
  return { ...given, ...json('variables'), ...json('extensions') };
}

/** The header by which a client that comes back says which event it has last. */
function lastEventIdOf({ headers }: FastifyRequest): string | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

/** Refuses the operation as a whole, before a stream has begun. */
function refuse(reply: FastifyReply, errors: GraphQLFormattedError[], retryAfter: number | undefined): FastifyReply {
  const status = statusOfAnswer({ errors }) ?? 400;
  setRefusalHeaders(reply, { status });
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
  return reply.code(status).header('cache-control', 'no-store').send({ errors });
}

/** The answer to a query or mutation, as a stream of one result. */
function sendOnce(reply: FastifyReply, json: string): FastifyReply {
  return reply
    .header('content-type', eventStreamType)
    .header('cache-control', 'no-store')
    .send(message('next', json) + complete);
}
