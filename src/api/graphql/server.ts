import { ApolloServer, type ApolloServerPlugin, type HTTPGraphQLResponse } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled, ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  type DocumentNode,
  type FormattedExecutionResult,
  type GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  Kind,
} from 'graphql';
import type { RequestLimits } from '../../config.js';
import { type Actor, anonymous } from '../../domain/permissions.js';
import { AppError, type ErrorCode, statusOf } from '../../errors.js';
import { authenticate } from '../http/authentication.js';
import { RequestCost, type CostBudgets, costOfBatch } from '../http/cost-budget.js';
import { advise, refusalOf, reportOf } from '../http/request-error.js';
import type { Services } from '../services.js';
import type { Context } from './context.js';
import { assertAffordable, expectedOf } from './execution/cost.js';
import { DocumentStore } from './execution/document-store.js';
import { asGraphqlError, describe, formatted } from './graphql-error.js';
import { graphqlRequestOf } from './http-request.js';
import { keepTexts, stringifyRaw } from './types/json-object.js';
import { limitRules } from './execution/limits.js';
import { Introspection } from './execution/introspection.js';
import { type ObserveBatch, createLoaders } from './execution/loaders.js';
import { type OperationPlan, Plans } from './execution/operation-plan.js';
import { onlySwitchesOff } from './resolvers/switching-off.js';
import { type Requested, coercedVariables } from './execution/variables.js';

export interface GraphqlOptions {
  schema: GraphQLSchema;
  services: Services;
  limits: RequestLimits;
  introspection: boolean;
  /** Whether messages may suggest names of the schema. */
  suggestions: boolean;
  observeBatch: ObserveBatch;
  /** Told what answered an operation: its plan, or GraphQL's executor. */
  observeAnswer: (by: 'plan' | 'executor') => void;
  budgets: CostBudgets;
}

/**
 * GraphQL over HTTP at `/graphql`. A document is parsed, validated and weighed before anything is read; only then is the
 * caller looked up, so a document that is refused costs no statement.
 */
export async function graphqlApi(fastify: FastifyInstance, options: GraphqlOptions): Promise<void> {
  const apollo = new ApolloServer<Context>({
    schema: options.schema,
    introspection: options.introspection,
    hideSchemaDetailsFromClientErrors: !options.suggestions,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    documentStore: new DocumentStore(),
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: options.limits.tokens },
    validationRules: limitRules(options.limits),
    // Each has places in the document, which take long to find in a long one.
    validationOptions: { maxErrors: mistakesShown },
    // Errors of requests that never become an operation, should there be any; those of operations are described in `gate`.
    formatError: ({ message }) => formatted({ code: 'BAD_USER_INPUT', message }),
    stringifyResult: stringify,
    plugins: [ApolloServerPluginCacheControlDisabled(), ApolloServerPluginLandingPageDisabled(), gate(options)],
    logger: { debug() {}, info() {}, warn: (message) => fastify.log.warn(message), error: (message) => fastify.log.error(message) },
  });
  await apollo.start();
  fastify.addHook('onClose', () => apollo.stop());

  fastify.route({
    method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/graphql',
    handler: async (request, reply) => {
      const httpGraphQLRequest = graphqlRequestOf(request, reply, options.limits.length);
      const contextValue = contextOf(request, options);
      try {
        return await send(reply, await apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: async () => contextValue }));
      } finally {
        // Apollo works on a copy of the context, with the same cost.
        contextValue.cost.release();
      }
    },
    errorHandler: (error: FastifyError, request, reply) => {
      const shown = refusalOf(error, request);
      advise(reply, shown);
      return reply.code(shown.status).send({ errors: [formatted(shown)] });
    },
  });
}

/** Who sends a document with more mistakes than these is not reading them. */
const mistakesShown = 5;

/** A query that was let in, and can be answered level by level. */
interface Admitted {
  plan: OperationPlan;
  variables: Record<string, unknown>;
}

/**
 * The one door to an operation, whatever transport it came by: weighs it, looks up who asks, starts charging the account,
 * and holds what the operation may take until it is released. Nothing is read before, and nothing but the sign-in when
 * the budget has no room for it.
 * @throws GraphQLError, AppError
 */
async function admit(
  { schema, limits, budgets }: GraphqlOptions,
  plans: Plans,
  introspection: Introspection,
  requested: Requested,
  context: Context,
): Promise<Admitted | undefined> {
  const { operation } = requested.operation;
  if (!schema.getRootType(operation)) throw unsupported(operation);
  const variables = coercedVariables(schema, requested, limits);
  const asked = { ...requested, variables };
  const expected = expectedOf(schema, requested, variables, limits);
  assertAffordable(schema, asked, expected.cost, limits.cost);
  const costOfSchema = introspection.costOf(requested);
  const plan = plans.of(requested);
  await context.signIn(plan?.account(variables));
  budgets.startCharging(context.cost, context.actor, { switchesOff: onlySwitchesOff(schema, asked, expected) });
  context.cost.reserve(expected.weight);
  if (costOfSchema > 0) context.cost.add(costOfSchema);
  return plan && { plan, variables };
}

/** Lets operations in, and says the outcome in HTTP's terms after them. */
function gate(options: GraphqlOptions): ApolloServerPlugin<Context> {
  const plans = new Plans(options.schema);
  const introspection = new Introspection(options.schema, options.limits);
  return {
    requestDidStart: async () => {
      let admitted: Admitted | undefined;
      return {
        async didResolveOperation({ document, operation, operationName, request, contextValue }) {
          try {
            if (operation === undefined) throw noOperation(document, request.operationName);
            keepTexts(options.schema, operation, request.variables ?? {}, request.http?.body);
            admitted = await admit(
              options,
              plans,
              introspection,
              { document, operation, operationName, variables: request.variables ?? {} },
              contextValue,
            );
          } catch (error) {
            throw asGraphqlError(error);
          }
        },
        async responseForOperation({ contextValue, response: { http } }) {
          const text = await admitted?.plan.answer(contextValue, admitted.variables);
          options.observeAnswer(text === undefined ? 'executor' : 'plan');
          if (text === undefined) return null;
          return { http, body: { kind: 'single', singleResult: { data: new Written(text) as unknown as Record<string, unknown> } } };
        },
        async willSendResponse({ errors, request, response, document, contextValue }) {
          const { body, http } = response;
          http.headers.set('cache-control', 'no-store');
          const { requestId, report, cost } = contextValue;
          const { observe } = options.budgets;
          if (cost.total > 0) observe.cost('graphql', cost.total);
          if (body.kind !== 'single' || errors === undefined) return;
          const shown = errors.slice(0, mistakesShown);
          const about = { schema: options.schema, document, variables: request.variables, requestId, report };
          body.singleResult.errors = shown.map((error) => describe(error, about));
          if (body.singleResult.data === undefined) observe.refusal('graphql', body.singleResult.errors[0]!.extensions!.code as ErrorCode);
          const status = statusOfAnswer(body.singleResult);
          // Where Apollo has no status of its own, it says 500.
          if (status !== undefined && (http.status ?? 500) === 500) http.status = status;
          const retryAfter = retryAfterOf(shown);
          if (retryAfter !== undefined) http.headers.set('retry-after', String(retryAfter));
        },
      };
    },
  };
}

/** The `data` of an answer, as JSON. */
class Written {
  constructor(readonly text: string) {}
}

function stringify(result: FormattedExecutionResult): string {
  const { data } = result;
  return `${data instanceof Written ? `{"data":${data.text}}` : stringifyRaw(result)}\n`;
}

/** Failures of a request as a whole, wherever in it they come to light. */
const wholeRequest: readonly unknown[] = ['UNAUTHENTICATED', 'ACCOUNT_NOT_ACTIVE', 'RATE_LIMITED', 'UNAVAILABLE', 'OVERLOADED', 'INTERNAL'];

/**
 * The HTTP status of an answer with errors. What was never executed has the status of its error. What was executed is a
 * good answer, with status 200, though fields of it failed; unless nothing came of it because the request as a whole failed.
 */
function statusOfAnswer({ data, errors }: { data?: unknown; errors?: readonly GraphQLFormattedError[] }): number | undefined {
  const codes = (errors ?? []).map(({ extensions }) => extensions?.code as ErrorCode);
  const decisive = data === undefined ? codes[0] : codes.find((code) => wholeRequest.includes(code));
  if (decisive === undefined || (data && decisive !== 'UNAUTHENTICATED')) return undefined;
  return statusOf(decisive);
}

/** When the last of what failed for now may be worth to try again, in seconds. */
function retryAfterOf(errors: readonly GraphQLError[]): number | undefined {
  const seconds = errors.flatMap(({ originalError }) => (originalError instanceof AppError ? (originalError.retryAfter ?? []) : []));
  return seconds.length === 0 ? undefined : Math.max(...seconds);
}

/** The document does not say what to do, or has nothing of the name that was asked for. */
function noOperation({ definitions }: DocumentNode, operationName: string | undefined): AppError {
  const names = definitions.flatMap((definition) => (definition.kind === Kind.OPERATION_DEFINITION ? (definition.name?.value ?? []) : []));
  const options = { field: 'operationName' };
  if (names.length === 0) return new AppError('BAD_USER_INPUT', 'The document has no operation of that name.', options);
  const expected = operationName === undefined ? 'several operations; operationName says which' : 'no operation of that name';
  return new AppError('BAD_USER_INPUT', `The document has ${expected}: ${names.join(', ')}.`, options);
}

function unsupported(operation: string): AppError {
  return new AppError('GRAPHQL_VALIDATION_FAILED', `This schema has no ${operation}s.`);
}

/** The context of a request. Its loaders are made for whoever signs in, which comes before all that uses them. */
function contextOf(request: FastifyRequest, { services, observeBatch }: GraphqlOptions): Context {
  const context: Omit<Context, 'loaders'> = {
    ...services,
    requestId: request.id,
    address: request.ip,
    report: reportOf(request),
    actor: anonymous,
    cost: new RequestCost(),
    async signIn(this: Context, about) {
      become(this, await authenticate(request, services.credentials, about));
    },
    async signInAgain(this: Context) {
      if (this.actor.rank !== 'Anonymous') become(this, await services.credentials.signInAgain(this.actor));
    },
  };
  const become = (context: Context, actor: Actor): void => {
    context.actor = actor;
    context.loaders = createLoaders(services, actor, (loader, size) => {
      context.cost.add(costOfBatch);
      observeBatch(loader, size);
    });
  };
  return context as Context;
}

async function send(reply: FastifyReply, { status, headers, body }: HTTPGraphQLResponse): Promise<FastifyReply> {
  if (body.kind !== 'complete') throw new AppError('BAD_USER_INPUT', 'Incremental delivery is not supported.');
  for (const [name, value] of headers) reply.header(name, value);
  advise(reply, { status });
  // As bytes: of a text, they would be counted first, and then made.
  return reply.code(status ?? 200).send(Buffer.from(body.string));
}
