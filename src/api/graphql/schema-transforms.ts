import { MapperKind, mapSchema } from '@graphql-tools/utils';
import { GraphQLInputObjectType, GraphQLObjectType, type GraphQLFieldConfig, type GraphQLSchema } from 'graphql';
import { parseIdempotencyKey } from '../../domain/idempotency.js';
import type { Context } from './context.js';
import { contextWith } from './execution/context-with.js';
import type { IdempotentInput } from './types/idempotent-input.js';
import { JsonText } from './types/json-object.js';

/*
 * Changes of the schema that schema.ts lists, with the order in which they are made and why. Guards and costs have files of
 * their own: auth-directive.ts and execution/cost-charging.ts.
 */

type FieldConfig = GraphQLFieldConfig<unknown, Context>;

/** Gives Query, Mutation and Subscription their descriptions. */
export function describeRoots(schema: GraphQLSchema): GraphQLSchema {
  const described = (type: GraphQLObjectType, description: string) => new GraphQLObjectType({ ...type.toConfig(), description });
  return mapSchema(schema, {
    [MapperKind.QUERY]: (type) => described(type, 'Everything that can be read.'),
    [MapperKind.MUTATION]: (type) =>
      described(type, 'Everything that can be changed. Each change is one transaction: it is made completely or not at all.'),
    [MapperKind.SUBSCRIPTION]: (type) => described(type, 'Everything that can be watched, by Server-Sent Events at `/graphql/stream`.'),
  });
}

/** Makes graphql accept exactly one field of an input that has `@oneOf`. */
export function enforceOneOf(schema: GraphQLSchema): GraphQLSchema {
  return mapSchema(schema, {
    [MapperKind.INPUT_OBJECT_TYPE]: (type) => {
      const isOneOf = type.astNode?.directives?.some(({ name }) => name.value === 'oneOf') === true;
      return isOneOf ? new GraphQLInputObjectType({ ...type.toConfig(), isOneOf }) : undefined;
    },
  });
}

/** Looks the caller up again before each mutation of a document but the first, for which the request itself has done so. */
export function signInBeforeNextMutation(schema: GraphQLSchema): GraphQLSchema {
  const begun = new WeakSet<Context>();
  return mapSchema(schema, {
    [MapperKind.MUTATION_ROOT_FIELD]: (field: FieldConfig) => {
      const resolve = field.resolve!;
      field.resolve = async (source, args, context, info) => {
        if (begun.has(context)) await context.signInAgain();
        begun.add(context);
        return resolve(source, args, context, info);
      };
      return field;
    },
  });
}

/** Lets all mutations of a caller that come with the same idempotency key have one effect (SPEC §2). */
export function enforceIdempotency(schema: GraphQLSchema): GraphQLSchema {
  return mapSchema(schema, {
    [MapperKind.MUTATION_ROOT_FIELD]: (field: FieldConfig, name) => {
      const resolve = field.resolve!;
      field.resolve = (source, args: { input: IdempotentInput }, context, info) => {
        const { idempotencyKey, ...input } = args.input;
        const { actor, request } = context;
        if (typeof idempotencyKey !== 'string' || actor.rank === 'Anonymous') return resolve(source, { input }, context, info);
        const key = parseIdempotencyKey(idempotencyKey, 'idempotencyKey');
        const idempotent = { key, request: JSON.stringify([name, withoutNulls(input)]) };
        return resolve(source, { input }, contextWith(context, { request: { ...request, idempotent } }), info);
      };
      return field;
    },
  });
}

/** Takes null inputs out, which mean the same here as those that are left out, so that no resolver has to check for both. */
export function omitNullInputs(schema: GraphQLSchema): GraphQLSchema {
  return mapSchema(schema, {
    [MapperKind.OBJECT_FIELD]: (field: FieldConfig) => {
      const { resolve } = field;
      if (resolve === undefined || Object.keys(field.args ?? {}).length === 0) return undefined;
      field.resolve = (source, args, context, info) => resolve(source, withoutNulls(args) as typeof args, context, info);
      return field;
    },
  });
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null || value instanceof JsonText || value instanceof Date) return value;
  const given = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(given.map(([name, inner]) => [name, withoutNulls(inner)]));
}
