import 'reflect-metadata';
import { MapperKind, mapSchema, printSchemaWithDirectives } from '@graphql-tools/utils';
import { GraphQLInputObjectType, GraphQLObjectType, type GraphQLFieldConfig, type GraphQLSchema, specifiedDirectives } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { parseIdempotencyKey } from '../../domain/idempotency.js';
import { AccountMutations } from './resolvers/account-mutations.js';
import { AccountResolver } from './resolvers/account-resolver.js';
import { assertGuarded, authDirective, describeGuards, enforceAuth } from './auth-directive.js';
import type { Context } from './context.js';
import { chargeCosts } from './execution/cost.js';
import type { RepeatableInput } from './types/idempotent-input.js';
import { NodeResolver } from './resolvers/node-resolver.js';
import { OrganizationResolver } from './resolvers/organization-resolver.js';
import { ProfileResolver } from './resolvers/profile-resolver.js';
import { JsonText } from './types/json-object.js';
import { DateTime } from './types/scalars.js';

/** The executable schema: what TypeGraphQL reads from the classes, with the directives made to hold. */
export function createSchema(): GraphQLSchema {
  const annotated = buildSchemaSync({
    resolvers: [NodeResolver, AccountResolver, OrganizationResolver, ProfileResolver, AccountMutations],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    directives: [...specifiedDirectives, authDirective],
    // Input is checked by the rules of the domain, for every surface alike.
    validate: false,
  });
  assertGuarded(annotated);
  return signInAgain(letRepeat(enforceAuth(chargeCosts(dropNulls(holdToOneOf(describeRoots(describeGuards(annotated))))))));
}

/** The schema as it is committed: with its descriptions, its directives and their uses. */
export function printedSchema(schema: GraphQLSchema): string {
  return `${printSchemaWithDirectives(schema)}\n`;
}

/** TypeGraphQL makes the root types by itself, and has no place for their descriptions. */
function describeRoots(schema: GraphQLSchema): GraphQLSchema {
  const described = (type: GraphQLObjectType, description: string) => new GraphQLObjectType({ ...type.toConfig(), description });
  return mapSchema(schema, {
    [MapperKind.QUERY]: (type) => described(type, 'All that can be read.'),
    [MapperKind.MUTATION]: (type) =>
      described(type, 'All that can be changed. Each change is one transaction: it happens whole or not at all.'),
  });
}

/** TypeGraphQL passes `@oneOf` on as an annotation only; this makes graphql hold inputs to it. */
function holdToOneOf(schema: GraphQLSchema): GraphQLSchema {
  return mapSchema(schema, {
    [MapperKind.INPUT_OBJECT_TYPE]: (type) => {
      const isOneOf = type.astNode?.directives?.some(({ name }) => name.value === 'oneOf') === true;
      return isOneOf ? new GraphQLInputObjectType({ ...type.toConfig(), isOneOf }) : undefined;
    },
  });
}

/** Each mutation of a document after the first begins as the document itself did: by looking up who asks. */
function signInAgain(schema: GraphQLSchema): GraphQLSchema {
  const begun = new WeakSet<Context>();
  return mapSchema(schema, {
    [MapperKind.MUTATION_ROOT_FIELD]: (field: GraphQLFieldConfig<unknown, Context>) => {
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

/** A mutation whose input has an idempotency key is done once for all that come with it (SPEC §2). */
function letRepeat(schema: GraphQLSchema): GraphQLSchema {
  return mapSchema(schema, {
    [MapperKind.MUTATION_ROOT_FIELD]: (field: GraphQLFieldConfig<unknown, Context>, name) => {
      const resolve = field.resolve!;
      field.resolve = (source, args: { input: RepeatableInput }, context, info) => {
        const { idempotencyKey, ...input } = args.input;
        const { actor } = context;
        if (typeof idempotencyKey !== 'string' || actor.rank === 'Anonymous') return resolve(source, { input }, context, info);
        const key = parseIdempotencyKey(idempotencyKey, 'idempotencyKey');
        const repeatable = { key, request: JSON.stringify([name, withoutNulls(input)]) };
        return resolve(source, { input }, { ...context, actor: { ...actor, repeatable } }, info);
      };
      return field;
    },
  });
}

/** An input that is null means the same here as one that is left out; so no resolver has to ask for both. */
function dropNulls(schema: GraphQLSchema): GraphQLSchema {
  return mapSchema(schema, {
    [MapperKind.OBJECT_FIELD]: (field: GraphQLFieldConfig<unknown, Context>) => {
      const { resolve } = field;
      if (resolve === undefined || Object.keys(field.args ?? {}).length === 0) return undefined;
      field.resolve = (source, args, context, info) => resolve(source, withoutNulls(args) as typeof args, context, info);
      return field;
    },
  });
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null || value instanceof JsonText) return value;
  const given = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(given.map(([name, inner]) => [name, withoutNulls(inner)]));
}
