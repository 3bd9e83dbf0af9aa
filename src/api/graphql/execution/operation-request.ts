import {
  type DocumentNode,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  getNullableType,
  getVariableValues,
  isInputObjectType,
  isInputType,
  isListType,
  typeFromAST,
} from 'graphql';
import type { RequestLimits } from '../../../config.js';
import { AppError } from '../../../errors.js';

/** A request for an operation of a valid document. */
export interface OperationRequest {
  document: DocumentNode;
  operation: OperationDefinitionNode;
  operationName: string | null;
  variables: Record<string, unknown>;
}

/**
 * The variables of the operation, coerced: as its fields take them.
 * @throws GraphQLError when they do not fit their types
 * @throws AppError BAD_USER_INPUT when there are too many to look at
 */
export function coercedVariables(
  schema: GraphQLSchema,
  { operation, variables }: OperationRequest,
  limits: RequestLimits,
): Record<string, unknown> {
  // Weighing coerces the variables too, but collects every mistake, each with the whole input in its message.
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

/**
 * How many values GraphQL looks at to coerce the value to its type. Counting ends once the limit is exceeded. GraphQL does not
 * look into scalars: a profile's document is one value.
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
