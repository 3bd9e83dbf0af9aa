import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled, ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import type { FastifyInstance } from 'fastify';
import { inSpan } from '../../tracing/tracer.js';
import type { Services } from '../services.js';
import { type Context, contextOf } from './context.js';
import { DocumentStore } from './execution/document-store.js';
import { limitRules } from './execution/limits.js';
import type { ObserveBatch } from './execution/loaders.js';
import { PlanShadow, type ShadowResult } from './execution/plan-shadow.js';
import { unconditionalSubscriptions } from './execution/subscription-document.js';
import { formatPublicError } from './graphql-error.js';
import { eventStreams } from './event-stream.js';
import type { StreamPlaces } from './stream-places.js';
import { graphqlRequestOf } from './http-request.js';
import { send, sendRefusal, stringifyAnswer } from './http-response.js';
import { type OperationOptions, mistakesShown, operationLifecycle } from './operation-lifecycle.js';

interface GraphqlOptions extends Omit<OperationOptions, 'shadow'> {
  services: Services;
  streamPlaces: StreamPlaces;
  introspection: boolean;
  /** Whether messages may suggest names of the schema. */
  suggestions: boolean;
  observeBatch: ObserveBatch;
  /** Of how many planned answers one is compared with the executor's, from 0 to 1. */
  planShadowShare: number;
  observeShadow: (result: ShadowResult) => void;
}

/**
 * GraphQL over HTTP at `/graphql`. A document is parsed, validated and weighed before anything is read. Only then is the
 * caller looked up, so a document that is refused costs no statement.
 */
export async function graphqlApi(fastify: FastifyInstance, options: GraphqlOptions): Promise<void> {
  const { schema, limits, services, observeBatch } = options;
  const shadow = new PlanShadow<Context>({
    schema,
    share: options.planShadowShare,
    observe: options.observeShadow,
    warn: (details, message) => fastify.log.warn(details, message),
  });
  const apollo = new ApolloServer<Context>({
    schema,
    introspection: options.introspection,
    hideSchemaDetailsFromClientErrors: !options.suggestions,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    documentStore: new DocumentStore(),
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: limits.tokens },
    validationRules: [...limitRules(limits), unconditionalSubscriptions],
    validationOptions: { maxErrors: mistakesShown },
    // For a request that never becomes an operation, should there be one. Errors of operations are described in operation-lifecycle.ts.
    formatError: ({ message }) => formatPublicError({ code: 'BAD_USER_INPUT', message }),
    stringifyResult: stringifyAnswer,
    plugins: [
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      operationLifecycle({ ...options, shadow }),
    ],
    logger: { debug() {}, info() {}, warn: (message) => fastify.log.warn(message), error: (message) => fastify.log.error(message) },
  });
  await apollo.start();
  fastify.addHook('onClose', () => apollo.stop());

  eventStreams(fastify, { apollo, schema, services, observeBatch, maxLength: limits.length, places: options.streamPlaces });
  fastify.route({
    method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/graphql',
    handler: async (request, reply) => {
      const httpGraphQLRequest = graphqlRequestOf(request, reply, limits.length);
      const context = contextOf(request, services, observeBatch);
      try {
        const answered = await inSpan('GraphQL', () =>
          apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: async () => context }),
        );
        return await send(reply, answered);
      } finally {
        // Apollo works on a copy of the context, with the same cost.
        context.cost.release();
      }
    },
    errorHandler: sendRefusal,
  });
}
