import { type GraphQLSchema, isInputObjectType } from 'graphql';
import { parseIdempotencyKey } from '../../domain/idempotency.js';
import type { Context } from './context.js';
import { contextWith } from './execution/context-with.js';
import { fieldsOf, objectTypesOf } from './schema-fields.js';
import type { IdempotentInput } from './types/idempotent-input.js';
import { JsonText } from './types/json-object.js';

/*
 * Changes of the schema that schema.ts lists, with the order in which they are made and why. Guards and costs have files of
 * their own: auth-directive.ts and execution/cost-charging.ts.
 */

/** Gives Query, Mutation and Subscription their descriptions. */
export function describeRoots(schema: GraphQLSchema): void {
  schema.getQueryType()!.description = 'Everything that can be read.';
  schema.getMutationType()!.description =
    'Everything that can be changed. Each change is one transaction: it is made completely or not at all.';
  schema.getSubscriptionType()!.description = 'Everything that can be watched, by Server-Sent Events at `/graphql/stream`.';
}

/** Makes graphql accept exactly one field of an input that has `@oneOf`. */
export function enforceOneOf(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap()).filter(isInputObjectType)) {
    if (type.astNode?.directives?.some(({ name }) => name.value === 'oneOf')) type.isOneOf = true;
  }
}

/** Looks the caller up again before each mutation of a document but the first, for which the request itself has done so. */
export function signInBeforeNextMutation(schema: GraphQLSchema): void {
  const begun = new WeakSet<Context>();
  for (const field of fieldsOf(schema.getMutationType())) {
    const resolve = field.resolve!;
    field.resolve = async (source, args, context, info) => {
      if (begun.has(context)) await context.signInAgain();
      begun.add(context);
      return resolve(source, args, context, info);
    };
  }
}

/** Lets all mutations of a caller that come with the same idempotency key have one effect (SPEC §2). */
export function enforceIdempotency(schema: GraphQLSchema): void {
  for (const field of fieldsOf(schema.getMutationType())) {
    const resolve = field.resolve!;
    field.resolve = (source, args: { input: IdempotentInput }, context, info) => {
      const { idempotencyKey, ...input } = args.input;
      const { actor, request } = context;
      if (typeof idempotencyKey !== 'string' || actor.rank === 'Anonymous') return resolve(source, { input }, context, info);
      const key = parseIdempotencyKey(idempotencyKey, 'idempotencyKey');
      const idempotent = { key, request: JSON.stringify([field.name, withoutNulls(input)]) };
      return resolve(source, { input }, contextWith(context, { request: { ...request, idempotent } }), info);
    };
  }
}

/** Takes null inputs out, which mean the same here as those that are left out, so that no resolver has to check for both. */
export function omitNullInputs(schema: GraphQLSchema): void {
  for (const field of objectTypesOf(schema).flatMap(fieldsOf)) {
    const { resolve } = field;
    if (resolve === undefined || field.args.length === 0) continue;
    field.resolve = (source, args, context, info) => resolve(source, withoutNulls(args) as typeof args, context, info);
  }
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null || value instanceof JsonText || value instanceof Date) return value;
  const given = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(given.map(([name, inner]) => [name, withoutNulls(inner)]));
}
