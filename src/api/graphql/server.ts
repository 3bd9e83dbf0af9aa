import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled, ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import type { FastifyError, FastifyInstance } from 'fastify';
import { setRefusalHeaders, refusalOf } from '../http/request-error.js';
import type { Services } from '../services.js';
import { type Context, contextOf } from './context.js';
import { DocumentStore } from './execution/document-store.js';
import { limitRules } from './execution/limits.js';
import type { ObserveBatch } from './execution/loaders.js';
import { PlanShadow, type ShadowResult } from './execution/plan-shadow.js';
import { formatPublicError } from './graphql-error.js';
import { graphqlRequestOf } from './http-request.js';
import { send, stringifyAnswer } from './http-response.js';
import { type OperationOptions, mistakesShown, operationLifecycle } from './operation-lifecycle.js';

interface GraphqlOptions extends Omit<OperationOptions, 'shadow'> {
  services: Services;
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
    validationRules: limitRules(limits),
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

  fastify.route({
    method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/graphql',
    handler: async (request, reply) => {
      const httpGraphQLRequest = graphqlRequestOf(request, reply, limits.length);
      const context = contextOf(request, services, observeBatch);
      try {
        return await send(reply, await apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: async () => context }));
      } finally {
        // Apollo works on a copy of the context, with the same cost.
        context.cost.release();
      }
    },
    errorHandler: (error: FastifyError, request, reply) => {
      const shown = refusalOf(error, request);
      setRefusalHeaders(reply, shown);
      return reply.code(shown.status).send({ errors: [formatPublicError(shown)] });
    },
  });
}
