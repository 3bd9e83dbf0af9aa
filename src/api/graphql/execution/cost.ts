import { createRequire } from 'node:module';
import { MapperKind, mapSchema } from '@graphql-tools/utils';
import {
  type GraphQLField,
  type GraphQLFieldConfig,
  type GraphQLSchema,
  type OperationDefinitionNode,
  OperationTypeNode,
  defaultFieldResolver,
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
import { type Weight, costOfChange, costOfEntry, costOfText } from '../../http/cost-budget.js';
import type { Context } from '../context.js';
import type { PlanningHints } from './operation-plan.js';
import { type SelectedField, pathOf, selectedFields } from './selected-fields.js';
import type { Requested } from './variables.js';
import { isSearch, weightOf } from './weight.js';

// Its ESM build would bring a second copy of graphql.
const { getComplexity } = createRequire(import.meta.url)('graphql-query-complexity') as typeof import('graphql-query-complexity');

/** A field as the schema declares it: in the schema itself, or in a configuration of it. */
interface Declared {
  name: string;
  /** Of the object that it is a field of. */
  typeName: string;
  isComposite: boolean;
}

/** Numbers that PostgreSQL has to count rows for, by what so many of them in one operation count as. */
const countedFields = new Map([
  ['totalCount', 5],
  ['descendantCount', 20],
]);

/** Every account of a list, or every entry of a chain, is looked at, for its page and for its length, until enough of them fit. */
const searchCost = 2500;

/** Fields that write something down: who was shown a secret. */
const recordedFields = ['authToken'];

/**
 * What it costs to resolve a field once, without what is below it and without PostgreSQL's time, which is charged as it was
 * taken: as a rule, the one object that it brings. What a field could cost (`costOf`) and what it did cost (`chargeCosts`)
 * both rest on this, so that the limit and the charge cannot disagree.
 */
function costOfField({ name, typeName, isComposite }: Declared): number {
  if (typeName === 'Mutation' || recordedFields.includes(name)) return costOfChange;
  return isComposite ? costOfEntry : 0;
}

/** What it counts as in the limit of one operation that PostgreSQL looks for what the field brings. */
function costOfLooking({ name }: Declared, args: Record<string, unknown>): number {
  return (countedFields.get(name) ?? 0) + (isSearch(args) || args.includeDescendants === true ? searchCost : 0);
}

/** How many entries to expect of a list that no argument bounds: the ancestors of an account, its links; and in introspection. */
const unboundedListSize = { data: 10, introspection: 5 };

/** What a field can cost at one place, and how often each thing that is selected below it can be there. */
interface AtMost {
  own: number;
  timesBelow: number;
}

/**
 * What a field can cost: as often as it can be resolved, and with all that it can bring. A connection's arguments say how
 * long its page can be; its `nodes` and `edges` then count for one, because the connection was counted for all of them.
 */
function atMostOf({ type, definition: field, args }: Pick<SelectedField, 'type' | 'definition' | 'args'>): AtMost {
  const isComposite = isCompositeType(getNamedType(field.type));
  if (isDocument(type.name, field.name)) return { own: costOfText(documentMaxBytes), timesBelow: 0 };
  const declared = { name: field.name, typeName: type.name, isComposite };
  const own = costOfField(declared) + costOfLooking(declared, args);
  if (isPaged(field)) return { own, timesBelow: pageLength(args) };
  if (Array.isArray(args.ids)) {
    const length = Math.max(1, args.ids.length);
    return { own: own * length, timesBelow: length };
  }
  const isUnboundedList = isComposite && isListType(getNullableType(field.type)) && field.name !== 'nodes' && field.name !== 'edges';
  if (!isUnboundedList) return { own, timesBelow: 1 };
  const length = isIntrospectionType(type) ? unboundedListSize.introspection : unboundedListSize.data;
  return { own: own * length, timesBelow: length };
}

const costAtMost: ComplexityEstimator = ({ type, field, args, childComplexity }) => {
  const { own, timesBelow } = atMostOf({ type, definition: field, args });
  return own + childComplexity * timesBelow;
};

function isPaged({ args }: GraphQLField<unknown, unknown>): boolean {
  return args.some(({ name }) => name === 'first');
}

/** A document is as long as it is; until it was read, as long as it can be. */
function isDocument(typeName: string, fieldName: string): boolean {
  return typeName === 'Profile' && fieldName === 'document';
}

/** What is out of range is refused when the field is resolved; until then it counts as the longest page. */
function pageLength({ first, last }: Record<string, unknown>): number {
  const size = Number(first ?? last ?? pageSize.default);
  return size >= pageSize.min && size <= pageSize.max ? size : pageSize.max;
}

/** What is known of an operation before it runs. */
export interface Expected {
  /** What it can cost at most, roughly the number of objects that it can bring. */
  cost: number;
  /** What it may take of PostgreSQL. */
  weight: Weight;
}

/** What queries were found to cost, by what of their variables can change it. */
const knownCosts = new WeakMap<OperationDefinitionNode, Map<string, Expected>>();
const knownAtMost = 100;

/** What the operation can cost, and may take; `coerced` are its variables as its fields take them. */
export function expectedOf(schema: GraphQLSchema, requested: Requested, coerced: Record<string, unknown>, limits: RequestLimits): Expected {
  const { operation, variables } = requested;
  const expected = (): Expected => ({
    cost: weighed(schema, requested, limits),
    weight: weightOf(schema, { ...requested, variables: coerced }),
  });
  // The variables of mutations are long; the mutation itself takes longer.
  if (operation.operation !== OperationTypeNode.QUERY) return expected();
  let costs = knownCosts.get(operation);
  if (costs === undefined) knownCosts.set(operation, (costs = new Map()));
  // Whether there is a text can change the cost, and what number there is; what the text says cannot.
  const key = JSON.stringify(variables, (_, value: unknown) => (typeof value === 'string' && value !== '' ? 'text' : value));
  const known = costs.get(key);
  if (known !== undefined) return known;
  const found = expected();
  if (costs.size < knownAtMost) costs.set(key, found);
  return found;
}

/** Refuses an operation that could cost too much, and says which of its fields is to blame. @throws AppError GRAPHQL_VALIDATION_FAILED */
export function assertAffordable(schema: GraphQLSchema, requested: Requested, cost: number, limit: number): void {
  if (cost <= limit) return;
  let most = { cost: 0, path: '', advice: '' };
  const timesOf = (field: SelectedField | undefined): number =>
    field === undefined ? 1 : timesOf(field.above) * atMostOf(field).timesBelow;
  for (const field of selectedFields(schema, requested)) {
    const own = timesOf(field.above) * atMostOf(field).own;
    if (own > most.cost) most = { cost: own, path: pathOf(field), advice: adviceOn(field) };
  }
  throw new AppError(
    'GRAPHQL_VALIDATION_FAILED',
    `The operation could cost ${cost}, about as many objects; ${limit} are allowed. Its costliest field is ${most.path} (${most.cost}). ${most.advice}`,
  );
}

/** What helps against the cost of a field. */
function adviceOn({ type, definition, args, above }: SelectedField): string {
  if (isDocument(type.name, definition.name)) return 'Ask for fewer documents at once: each counts as long as it can be.';
  if (isSearch(args) || args.includeDescendants === true) return 'Search fewer lists at once.';
  for (let field = above; field !== undefined; field = field.above)
    if (isPaged(field.definition)) return 'Ask for shorter pages, by first.';
  return 'Ask for fewer of them at once.';
}

/** The sum of what the estimators say of the operation's fields. */
export function weighed(
  schema: GraphQLSchema,
  { document, operationName, variables }: Requested,
  limits: RequestLimits,
  estimators: ComplexityEstimator[] = [costAtMost],
): number {
  return getComplexity({
    schema,
    query: document,
    variables,
    estimators,
    // The number of nodes is held to by the rules already.
    maxQueryNodes: limits.tokens + 1,
    ...(operationName !== null && { operationName }),
  });
}

/**
 * Meters what operations cost, as their fields are resolved: whichever the transport, and under however many aliases. Only
 * fields that bring objects or have to be worked out are wrapped, and only a list that is waited for takes a promise more;
 * what is merely read from an object is not.
 */
export function chargeCosts(schema: GraphQLSchema): GraphQLSchema {
  return mapSchema(schema, {
    [MapperKind.OBJECT_FIELD]: (field: GraphQLFieldConfig<unknown, Context>, name, typeName) => {
      const isComposite = isCompositeType(getNamedType(field.type));
      const isList = isComposite && isListType(getNullableType(field.type));
      const resolve = field.resolve ?? defaultFieldResolver;
      if (isDocument(typeName, name)) {
        field.resolve = (source, args, context, info) => {
          context.cost.add(costOfText((source as { document: string }).document.length));
          return resolve(source, args, context, info);
        };
      } else if (isList) {
        field.resolve = (source, args, context, info) => {
          const counted = (items: unknown): unknown => {
            if (Array.isArray(items)) context.cost.add(items.length * costOfEntry);
            return items;
          };
          const items: unknown = resolve(source, args, context, info);
          return items instanceof Promise ? items.then(counted) : counted(items);
        };
      } else if (costOfField({ name, typeName, isComposite }) > 0) {
        const cost = costOfField({ name, typeName, isComposite });
        field.extensions = { ...field.extensions, cost } satisfies PlanningHints;
        field.resolve = (source, args, context, info) => {
          context.cost.add(cost);
          return resolve(source, args, context, info);
        };
      } else {
        return undefined;
      }
      return field;
    },
  });
}
