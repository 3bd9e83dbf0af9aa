import { createRequire } from 'node:module';
import {
  type GraphQLField,
  type GraphQLSchema,
  type OperationDefinitionNode,
  getNamedType,
  getNullableType,
  isCompositeType,
  isIntrospectionType,
  isListType,
} from 'graphql';
import type { ComplexityEstimator } from 'graphql-query-complexity';
import type { RequestLimits } from '../../../config.js';
import { pageSize } from '../../../domain/page.js';
import { documentMaxBytes } from '../../../domain/profile.js';
import { AppError } from '../../../errors.js';
import { type Weight, costOfText } from '../../http/cost-budget.js';
import { type DeclaredField, costOfField, isProfileDocument } from './field-cost.js';
import type { OperationRequest } from './operation-request.js';
import { type SelectedField, pathOf, selectedFields } from './selected-fields.js';
import { isSearch, weightOf } from './weight.js';

// Its ESM build would bring a second copy of graphql.
const { getComplexity } = createRequire(import.meta.url)('graphql-query-complexity') as typeof import('graphql-query-complexity');

/** What is known of an operation before it runs. */
export interface Expected {
  /** What it can cost at most: roughly the number of objects that it can bring. */
  cost: number;
  /** What it may take of PostgreSQL. */
  weight: Weight;
}

/** What operations were found to cost, by those of their variables that can change it. */
const knownCosts = new WeakMap<OperationDefinitionNode, Map<string, Expected>>();
/** How many answers are remembered of one operation. */
const knownAtMost = 100;

/** What the operation can cost and what it may take; `coerced` are its variables as its fields take them. */
export function expectedOf(
  schema: GraphQLSchema,
  request: OperationRequest,
  coerced: Record<string, unknown>,
  limits: RequestLimits,
): Expected {
  const { operation } = request;
  const expected = (): Expected => ({
    cost: complexityOf(schema, request, limits),
    weight: weightOf(schema, { ...request, variables: coerced }),
  });
  let costs = knownCosts.get(operation);
  if (costs === undefined) knownCosts.set(operation, (costs = new Map()));
  // The cost depends on whether there is a text and on the value of a number, never on what a text says. A JSON object is one text.
  const key = JSON.stringify(coerced, (_, value: unknown) => (typeof value === 'string' && value !== '' ? 'text' : value));
  const known = costs.get(key);
  if (known !== undefined) return known;
  const found = expected();
  if (costs.size < knownAtMost) costs.set(key, found);
  return found;
}

/** Refuses an operation that could cost too much, and names its costliest field. @throws AppError GRAPHQL_VALIDATION_FAILED */
export function assertAffordable(schema: GraphQLSchema, request: OperationRequest, cost: number, limit: number): void {
  if (cost <= limit) return;
  let most = { cost: 0, path: '', advice: '' };
  const timesOf = (field: SelectedField | undefined): number =>
    field === undefined ? 1 : timesOf(field.above) * atMostOf(field).timesBelow;
  for (const field of selectedFields(schema, request)) {
    const own = timesOf(field.above) * atMostOf(field).own;
    if (own > most.cost) most = { cost: own, path: pathOf(field), advice: adviceOn(field) };
  }
  throw new AppError(
    'GRAPHQL_VALIDATION_FAILED',
    `The operation could cost ${cost}, about as many objects; ${limit} are allowed. Its costliest field is ${most.path} (${most.cost}). ${most.advice}`,
  );
}

/** The sum of what the estimators say of the operation's fields. */
export function complexityOf(
  schema: GraphQLSchema,
  { document, operationName, variables }: OperationRequest,
  limits: RequestLimits,
  estimators: ComplexityEstimator[] = [costAtMost],
): number {
  return getComplexity({
    schema,
    query: document,
    variables,
    estimators,
    // The limit on tokens was checked before this; it bounds the number of nodes as well.
    maxQueryNodes: limits.tokens + 1,
    ...(operationName !== null && { operationName }),
  });
}

function costAtMost({ type, field, args, childComplexity }: Parameters<ComplexityEstimator>[0]): number {
  const { own, timesBelow } = atMostOf({ type, definition: field, args });
  return own + childComplexity * timesBelow;
}

/** What PostgreSQL's counting of rows costs in the limit of one operation, by the field that asks for it. */
const countedFields = new Map([
  ['totalCount', 5],
  ['descendantCount', 20],
  ['waitingCount', 20],
]);

/** What a search costs there: PostgreSQL looks at every account of a list, or every entry of a chain, until enough of them fit. */
const searchCost = 2500;

/** How many entries to expect of a list that no argument bounds: an account's ancestors or links, or a list of introspection. */
const unboundedListSize = { data: 10, introspection: 5 };

/** What a field can cost at one place, and how often each field that is selected below it can be resolved there. */
interface AtMost {
  own: number;
  timesBelow: number;
}

/**
 * What a field can cost at most. A connection's arguments say how long its page can be; its `nodes` and `edges` then count
 * once, because the connection was counted for all of them.
 */
function atMostOf({ type, definition: field, args }: Pick<SelectedField, 'type' | 'definition' | 'args'>): AtMost {
  const { name, extensions } = field;
  const declared: DeclaredField = { name, typeName: type.name, isComposite: isCompositeType(getNamedType(field.type)), extensions };
  if (isProfileDocument(declared)) return { own: costOfText(documentMaxBytes), timesBelow: 0 };
  const own = costOfField(declared) + costOfLooking(declared, args);
  if (isPaged(field)) return { own, timesBelow: pageLength(args) };
  if (Array.isArray(args.ids)) {
    const length = Math.max(1, args.ids.length);
    return { own: own * length, timesBelow: length };
  }
  const isUnboundedList =
    declared.isComposite && isListType(getNullableType(field.type)) && field.name !== 'nodes' && field.name !== 'edges';
  if (!isUnboundedList) return { own, timesBelow: 1 };
  const length = isIntrospectionType(type) ? unboundedListSize.introspection : unboundedListSize.data;
  return { own: own * length, timesBelow: length };
}

/** What counting and searching for the field costs in the limit of one operation. */
function costOfLooking({ name }: DeclaredField, args: Record<string, unknown>): number {
  return (countedFields.get(name) ?? 0) + (isSearch(args) || args.includeDescendants === true ? searchCost : 0);
}

function isPaged({ args }: GraphQLField<unknown, unknown>): boolean {
  return args.some(({ name }) => name === 'first');
}

/** A page size that is out of range is refused later, by the resolver; until then it counts as the longest page. */
function pageLength({ first, last }: Record<string, unknown>): number {
  const size = Number(first ?? last ?? pageSize.default);
  return size >= pageSize.min && size <= pageSize.max ? size : pageSize.max;
}

/** How to make the operation cheaper, for whoever reads the refusal. */
function adviceOn({ type, definition, args, above }: SelectedField): string {
  if (isProfileDocument({ name: definition.name, typeName: type.name }))
    return 'Ask for fewer documents at once: each counts as long as it can be.';
  if (isSearch(args) || args.includeDescendants === true) return 'Search fewer lists at once.';
  for (let field = above; field !== undefined; field = field.above)
    if (isPaged(field.definition)) return 'Ask for shorter pages, by first.';
  return 'Ask for fewer of them at once.';
}
