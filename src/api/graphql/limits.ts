import { createRequire } from 'node:module';
import { depthLimit } from '@graphile/depth-limit';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  type ValidationRule,
  getNullableType,
  getOperationAST,
  getVariableValues,
  isCompositeType,
  getNamedType,
  isIntrospectionType,
  isListType,
} from 'graphql';
import type { ComplexityEstimator } from 'graphql-query-complexity';
import type { RequestLimits } from '../../config.js';
import { pageSize } from '../../domain/page.js';
import { AppError } from '../../errors.js';

// Its ESM build would bring a second copy of graphql.
const { getComplexity } = createRequire(import.meta.url)('graphql-query-complexity') as typeof import('graphql-query-complexity');

/** What the query asks for that GraphiQL and code generators learn the schema by. */
const introspectionDepth = { maxIntrospectionDepth: 14, maxDepthByFieldCoordinates: { '__Type.ofType': 9 } };

/** The rules that a document is held to beside GraphQL's own. All hold before anything is executed or read. */
export function limitRules(limits: RequestLimits): ValidationRule[] {
  return [
    depthLimit({
      maxDepth: limits.depth,
      maxListDepth: limits.depth,
      maxSelfReferentialDepth: limits.depth,
      ...introspectionDepth,
      revealDetails: false,
    }) as ValidationRule,
    atMost('aliases', limits.aliases, (context, count) => ({ Field: ({ alias }) => alias && count(context) })),
    atMost('directives', limits.directives, (context, count) => ({ Directive: () => count(context) })),
  ];
}

type Counting = (
  context: Parameters<ValidationRule>[0],
  count: (context: Parameters<ValidationRule>[0]) => void,
) => ReturnType<ValidationRule>;

function atMost(what: string, limit: number, counting: Counting): ValidationRule {
  return (context) => {
    let found = 0;
    return counting(context, () => {
      found += 1;
      if (found === limit + 1) context.reportError(new GraphQLError(`The document has more than ${limit} ${what}.`));
    });
  };
}

/** How many entries to expect of a list that no argument bounds: the ancestors of an account, its links; and in introspection. */
const unboundedListSize = { data: 10, introspection: 5 };

/** A number that PostgreSQL has to count rows for weighs as much as a few objects; a document, as much as it can be long. */
const heavyFields = new Map([
  ['totalCount', 5],
  ['descendantCount', 5],
  ['document', 1000],
]);

/**
 * The cost of a field is the number of objects that it can bring. A connection's arguments say how long its page can be;
 * its `nodes` and `edges` then count for one, because the connection was counted for all of them.
 */
const objectsAtMost: ComplexityEstimator = ({ type, field, args, childComplexity }) => {
  if (!isCompositeType(getNamedType(field.type))) return heavyFields.get(field.name) ?? 0;
  const isPaged = field.args.some(({ name }) => name === 'first');
  if (isPaged) return 1 + childComplexity * pageLength(args);
  if (Array.isArray(args.ids)) return (1 + childComplexity) * Math.max(1, args.ids.length);
  if (!isListType(getNullableType(field.type)) || field.name === 'nodes' || field.name === 'edges') return 1 + childComplexity;
  return (1 + childComplexity) * (isIntrospectionType(type) ? unboundedListSize.introspection : unboundedListSize.data);
};

/** What is out of range is refused when the field is resolved; until then it counts as the longest page. */
function pageLength({ first, last }: Record<string, unknown>): number {
  const size = Number(first ?? last ?? pageSize.default);
  return size >= pageSize.min && size <= pageSize.max ? size : pageSize.max;
}

/**
 * The number of objects that the operation can bring.
 * @throws GraphQLError when variables or arguments do not fit their types
 * @throws AppError GRAPHQL_VALIDATION_FAILED when the document spreads out too far to be weighed
 */
export function costOf(
  schema: GraphQLSchema,
  query: DocumentNode,
  operationName: string | null,
  variables: Record<string, unknown>,
): number {
  // Weighing coerces the variables too, but collects every mistake in them, each with all of the input in its message.
  const operation = getOperationAST(query, operationName);
  const { errors } = getVariableValues(schema, operation?.variableDefinitions ?? [], variables, { maxErrors: 5 });
  if (errors !== undefined) throw errors[0]!;
  try {
    return getComplexity({ schema, query, variables, estimators: [objectsAtMost], ...(operationName !== null && { operationName }) });
  } catch (error) {
    if (/^(?:Variable|Argument) "/.test((error as Error).message)) throw error;
    throw new AppError('GRAPHQL_VALIDATION_FAILED', 'The document spreads out too far to be weighed.');
  }
}
