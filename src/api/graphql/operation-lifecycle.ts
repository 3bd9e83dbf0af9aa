import type { ApolloServerPlugin } from '@apollo/server';
import { type DocumentNode, type GraphQLSchema, Kind, OperationTypeNode } from 'graphql';
import type { RequestLimits } from '../../config.js';
import type { AccountReference } from '../../domain/account.js';
import { AppError, type ErrorCode } from '../../errors.js';
import type { CostBudgets } from '../http/cost-budget.js';
import { type Context, unchargedContext } from './context.js';
import { assertAffordable, expectedOf } from './execution/expected-cost.js';
import { Introspection } from './execution/introspection.js';
import { type OperationPlan, OperationPlans } from './execution/operation-plan.js';
import { type OperationRequest, coercedVariables } from './execution/operation-request.js';
import type { PlanShadow } from './execution/plan-shadow.js';
import { lastingDocument, lastingVariables } from './execution/subscription-document.js';
import { asGraphqlError, describeError } from './graphql-error.js';
import { retryAfterOf, statusOfAnswer } from './http-response.js';
import { onlySwitchesOff } from './resolvers/switching-off.js';
import { RawJson, rememberJsonTexts } from './types/json-object.js';

export interface OperationOptions {
  schema: GraphQLSchema;
  limits: RequestLimits;
  /** Told what answered an operation: its plan, or GraphQL's executor. */
  observeAnswer: (by: 'plan' | 'executor') => void;
  budgets: CostBudgets;
  shadow: PlanShadow<Context>;
}

/** How many mistakes in a document are reported. Finding the place of each takes time in a long document. */
export const mistakesShown = 5;

/** What happens at each step of Apollo's request life cycle: sign-in and weighing before an operation runs, HTTP's status after it. */
export function operationLifecycle(options: OperationOptions): ApolloServerPlugin<Context> {
  const { schema, observeAnswer, budgets, shadow } = options;
  const prepare = operationPreparation(options);
  return {
    requestDidStart: async () => {
      let planned: PlannedQuery | undefined;
      return {
        async didResolveOperation({ document, operation, operationName, request, contextValue }) {
          try {
            if (operation === undefined) throw noOperation(document, request.operationName);
            contextValue.identify(operation);
            const variables = request.variables ?? {};
            rememberJsonTexts(schema, operation, variables, request.http?.body);
            const isStreamed = operation.operation === OperationTypeNode.SUBSCRIPTION;
            if (isStreamed && contextValue.stream === undefined) throw onlyStreamed();
            if (contextValue.stream?.isByGet && operation.operation === OperationTypeNode.MUTATION) throw notByGet();
            planned = await prepare({ document, operation, operationName, variables }, contextValue);
            if (isStreamed) {
              const lasting = { document: lastingDocument(document), variables: lastingVariables(operation, variables) };
              contextValue.stream!.accepted = { ...lasting, operationName, context: contextValue };
            }
          } catch (error) {
            throw asGraphqlError(error);
          }
        },
        async responseForOperation({ contextValue, response: { http } }) {
          // Executed by whoever streams it.
          if (contextValue.stream?.accepted !== undefined) return { http, body: { kind: 'single', singleResult: { data: null } } };
          const json = await planned?.plan.answer(contextValue, planned.coerced);
          observeAnswer(json === undefined ? 'executor' : 'plan');
          if (planned === undefined || json === undefined) return null;
          shadow.consider({ ...planned, json, uncharged: () => unchargedContext(contextValue) });
          return { http, body: { kind: 'single', singleResult: { data: new RawJson(json) as unknown as Record<string, unknown> } } };
        },
        async willSendResponse({ errors, request, response, document, contextValue }) {
          const { body, http } = response;
          http.headers.set('cache-control', 'no-store');
          const { report, cost } = contextValue;
          const { requestId } = contextValue.request;
          const { observe } = budgets;
          if (cost.total > 0) observe.cost('graphql', cost.total);
          if (body.kind !== 'single' || errors === undefined) return;
          const shown = errors.slice(0, mistakesShown);
          const about = { schema, document, variables: request.variables, requestId, report };
          body.singleResult.errors = shown.map((error) => describeError(error, about));
          if (body.singleResult.data === undefined) observe.refusal('graphql', body.singleResult.errors[0]!.extensions!.code as ErrorCode);
          const status = statusOfAnswer(body.singleResult);
          // 500 is what Apollo says when it has no status of its own.
          if (status !== undefined && (http.status ?? 500) === 500) http.status = status;
          const retryAfter = retryAfterOf(shown);
          if (retryAfter !== undefined) http.headers.set('retry-after', String(retryAfter));
        },
      };
    },
  };
}

/** A query that its plan may answer, level by level. */
interface PlannedQuery {
  plan: OperationPlan<Context, AccountReference>;
  request: OperationRequest;
  /** Its variables as its fields take them. */
  coerced: Record<string, unknown>;
}

/**
 * Prepares operations: weighs one, signs the caller in, starts charging the caller, and reserves what the operation may take.
 * Every operation passes here, whatever the transport. Nothing is read before the sign-in, and nothing after it if the budget
 * has no room for the operation.
 * @throws GraphQLError, AppError
 */
function operationPreparation({ schema, limits, budgets }: OperationOptions) {
  const plans = new OperationPlans<Context, AccountReference>(schema);
  const introspection = new Introspection(schema, limits);
  return async (request: OperationRequest, context: Context): Promise<PlannedQuery | undefined> => {
    const { operation } = request.operation;
    if (!schema.getRootType(operation)) throw unsupported(operation);
    const coerced = coercedVariables(schema, request, limits);
    const coercedRequest = { ...request, variables: coerced };
    const expected = expectedOf(schema, request, coerced, limits);
    assertAffordable(schema, coercedRequest, expected.cost, limits.cost);
    const costOfSchema = introspection.costOf(request);
    const plan = plans.of(request);
    await context.signIn(plan?.prefetch(coerced));
    budgets.startCharging(context.cost, context.actor, { switchesOff: onlySwitchesOff(schema, coercedRequest, expected) });
    context.cost.reserve(expected.weight);
    if (costOfSchema > 0) context.cost.add(costOfSchema);
    return plan && { plan, request, coerced };
  };
}

/** The document has several operations and the request names none, or it has none of the name that is asked for. */
function noOperation({ definitions }: DocumentNode, operationName: string | undefined): AppError {
  const names = definitions.flatMap((definition) => (definition.kind === Kind.OPERATION_DEFINITION ? (definition.name?.value ?? []) : []));
  const options = { field: 'operationName' };
  if (names.length === 0) return new AppError('BAD_USER_INPUT', 'The document has no operation of that name.', options);
  const expected = operationName === undefined ? 'several operations; operationName says which' : 'no operation of that name';
  return new AppError('BAD_USER_INPUT', `The document has ${expected}: ${names.join(', ')}.`, options);
}

function onlyStreamed(): AppError {
  return new AppError('GRAPHQL_VALIDATION_FAILED', 'A subscription is a stream of events: send it to /graphql/stream.');
}

function notByGet(): AppError {
  return new AppError('METHOD_NOT_ALLOWED', 'By GET there are only queries and subscriptions. Send this by POST.');
}

function unsupported(operation: string): AppError {
  return new AppError('GRAPHQL_VALIDATION_FAILED', `This schema has no ${operation}s.`);
}
