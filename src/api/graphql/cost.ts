import { createRequire } from 'node:module';
import { MapperKind, mapSchema } from '@graphql-tools/utils';
import {
  type DocumentNode,
  type GraphQLFieldConfig,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  OperationTypeNode,
  defaultFieldResolver,
  getNamedType,
  getNullableType,
  getVariableValues,
  isCompositeType,
  isInputObjectType,
  isInputType,
  isIntrospectionType,
  isListType,
  typeFromAST,
} from 'graphql';
import type { ComplexityEstimator } from 'graphql-query-complexity';
import type { RequestLimits } from '../../config.js';
import { pageSize } from '../../domain/page.js';
import { documentMaxBytes } from '../../domain/profile.js';
import { AppError } from '../../errors.js';
import { costOfChange, costOfEntry, costOfText } from '../metering.js';
import type { Context } from './context.js';
import type { PlanningHints } from './plan.js';

// Its ESM build would bring a second copy of graphql.
const { getComplexity } = createRequire(import.meta.url)('graphql-query-complexity') as typeof import('graphql-query-complexity');

/** A field as the schema declares it: in the schema itself, or in a configuration of it. */
interface Declared {
  name: string;
  /** Of the object that it is a field of. */
  typeName: string;
  isComposite: boolean;
}

/** Numbers that PostgreSQL has to count rows for; and a secret, which is written down when it is shown. */
const heavyFields = new Map([
  ['totalCount', 5],
  ['descendantCount', 20],
  ['authToken', costOfChange],
]);

/** Every account of a list, or every entry of a chain, is looked at, for its page and for its length, until enough of them fit. */
const searchCost = 2500;

/**
 * What it costs to resolve a field once, without what is below it: as a rule, the one object that it brings. What a
 * field could cost (`costOf`) and what it did cost (`meterCosts`) both rest on this, so that the limit and the meter cannot disagree.
 */
function costOfField({ name, typeName, isComposite }: Declared, args: Record<string, unknown>): number {
  if (typeName === 'Mutation') return costOfChange;
  if (!isComposite) return heavyFields.get(name) ?? 0;
  return isSearch(args) ? costOfEntry + searchCost : costOfEntry;
}

function isSearch({ filter, includeDescendants }: Record<string, unknown>): boolean {
  return typeof (filter as { text?: unknown } | undefined | null)?.text === 'string' || includeDescendants === true;
}

/** How many entries to expect of a list that no argument bounds: the ancestors of an account, its links; and in introspection. */
const unboundedListSize = { data: 10, introspection: 5 };

/**
 * What a field can cost: as often as it can be resolved, and with all that it can bring. A connection's arguments say how
 * long its page can be; its `nodes` and `edges` then count for one, because the connection was counted for all of them.
 */
const costAtMost: ComplexityEstimator = ({ type, field, args, childComplexity }) => {
  const isComposite = isCompositeType(getNamedType(field.type));
  if (isDocument(type.name, field.name)) return costOfText(documentMaxBytes);
  const own = costOfField({ name: field.name, typeName: type.name, isComposite }, args);
  const isPaged = field.args.some(({ name }) => name === 'first');
  if (isPaged) return own + childComplexity * pageLength(args);
  if (Array.isArray(args.ids)) return (own + childComplexity) * Math.max(1, args.ids.length);
  const isUnboundedList = isComposite && isListType(getNullableType(field.type)) && field.name !== 'nodes' && field.name !== 'edges';
  if (!isUnboundedList) return own + childComplexity;
  return (own + childComplexity) * (isIntrospectionType(type) ? unboundedListSize.introspection : unboundedListSize.data);
};

/** A document is as long as it is; until it was read, as long as it can be. */
function isDocument(typeName: string, fieldName: string): boolean {
  return typeName === 'Profile' && fieldName === 'document';
}

/** What is out of range is refused when the field is resolved; until then it counts as the longest page. */
function pageLength({ first, last }: Record<string, unknown>): number {
  const size = Number(first ?? last ?? pageSize.default);
  return size >= pageSize.min && size <= pageSize.max ? size : pageSize.max;
}

/** An operation of a document that was found valid, with what comes with it. */
export interface Requested {
  document: DocumentNode;
  operation: OperationDefinitionNode;
  operationName: string | null;
  variables: Record<string, unknown>;
}

/**
 * The variables of the operation, as its fields take them.
 * @throws GraphQLError when they do not fit their types
 * @throws AppError BAD_USER_INPUT when there are too many to look at
 */
export function coercedVariables(
  schema: GraphQLSchema,
  { operation, variables }: Requested,
  limits: RequestLimits,
): Record<string, unknown> {
  // Weighing coerces the variables too, but collects every mistake in them, each with all of the input in its message.
  const definitions = operation.variableDefinitions ?? [];
  let left = limits.variables;
  for (const { variable, type } of definitions) {
    const inputType = typeFromAST(schema, type);
    left -= isInputType(inputType) ? valuesIn(variables[variable.name.value], inputType, left) : 0;
    if (left < 0) throw new AppError('BAD_USER_INPUT', `The variables have more than ${limits.variables} values.`);
  }
  const { errors, coerced } = getVariableValues(schema, definitions, variables, { maxErrors: 5 });
  if (errors !== undefined) throw errors[0]!;
  return coerced;
}

/** What queries were found to cost, by what of their variables can change it. */
const knownCosts = new WeakMap<OperationDefinitionNode, Map<string, number>>();
const knownAtMost = 100;

/** What the operation can cost at most, roughly the number of objects that it can bring. */
export function costOf(schema: GraphQLSchema, requested: Requested, limits: RequestLimits): number {
  const { operation, variables } = requested;
  // The variables of mutations are long; the mutation itself takes longer.
  if (operation.operation !== OperationTypeNode.QUERY) return weighed(schema, requested, limits);
  let costs = knownCosts.get(operation);
  if (costs === undefined) knownCosts.set(operation, (costs = new Map()));
  // Whether there is a text can change the cost, and what number there is; what the text says cannot.
  const key = JSON.stringify(variables, (_, value: unknown) => (typeof value === 'string' ? '' : value));
  const known = costs.get(key);
  if (known !== undefined) return known;
  const cost = weighed(schema, requested, limits);
  if (costs.size < knownAtMost) costs.set(key, cost);
  return cost;
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
 * How many values GraphQL would look at, one by one, to fit the value to its type; no more are counted than it takes to
 * exceed the limit. Into a scalar it does not look: a profile's document is one value.
 */
function valuesIn(value: unknown, type: GraphQLInputType, limit: number): number {
  const nullable = getNullableType(type);
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  if (isListType(nullable)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (count > limit) break;
      count += valuesIn(item, nullable.ofType as GraphQLInputType, limit - count);
    }
  } else if (isInputObjectType(nullable)) {
    const fields = nullable.getFields();
    const names = Object.keys(value);
    if (names.length > limit) return names.length;
    for (const name of names) {
      if (count > limit) break;
      const inner = (value as Record<string, unknown>)[name];
      count += Object.hasOwn(fields, name) ? valuesIn(inner, fields[name]!.type, limit - count) : 1;
    }
  }
  return count;
}

/**
 * Meters what operations cost, as their fields are resolved: whichever the transport, and under however many aliases. Only
 * fields that bring objects or have to be worked out are wrapped, and only a list that is waited for takes a promise more;
 * what is merely read from an object is not.
 */
export function meterCosts(schema: GraphQLSchema): GraphQLSchema {
  return mapSchema(schema, {
    [MapperKind.OBJECT_FIELD]: (field: GraphQLFieldConfig<unknown, Context>, name, typeName) => {
      const isComposite = isCompositeType(getNamedType(field.type));
      const isList = isComposite && isListType(getNullableType(field.type));
      const resolve = field.resolve ?? defaultFieldResolver;
      if (isDocument(typeName, name)) {
        field.resolve = (source, args, context, info) => {
          context.meter.add(costOfText((source as { document: string }).document.length));
          return resolve(source, args, context, info);
        };
      } else if (isList) {
        field.resolve = (source, args, context, info) => {
          const counted = (items: unknown): unknown => {
            if (Array.isArray(items)) context.meter.add(items.length * costOfEntry);
            return items;
          };
          const items: unknown = resolve(source, args, context, info);
          return items instanceof Promise ? items.then(counted) : counted(items);
        };
      } else if (isComposite || typeName === 'Mutation' || heavyFields.has(name)) {
        const cost = (args: Record<string, unknown>): number => costOfField({ name, typeName, isComposite }, args);
        field.extensions = { ...field.extensions, cost } satisfies PlanningHints;
        field.resolve = (source, args, context, info) => {
          context.meter.add(cost(args));
          return resolve(source, args, context, info);
        };
      } else {
        return undefined;
      }
      return field;
    },
  });
}
