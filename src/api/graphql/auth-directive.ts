import {
  type ConstArgumentNode,
  DirectiveLocation,
  GraphQLDirective,
  GraphQLEnumType,
  GraphQLNonNull,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  defaultFieldResolver,
  getNamedType,
  isInterfaceType,
  isObjectType,
} from 'graphql';
import { Directive, Extensions } from 'type-graphql';
import type { Rank } from '../../domain/actor.js';
import { type Operation, authorizeRank, minimumRank, requiredRanksFor } from '../../domain/permissions.js';
import type { Context } from './context.js';
import { type Field, fieldsOf, objectTypesOf } from './schema-fields.js';

/** How the schema spells a rank. */
const spellings: Record<Rank, string> = {
  Anonymous: 'ANYONE',
  ProvisioningAgent: 'PROVISIONING_AGENT',
  Developer: 'DEVELOPER',
  Administrator: 'ADMINISTRATOR',
  SuperAdmin: 'SUPER_ADMIN',
};
const ranksBySpelling = new Map(Object.entries(spellings).map(([rank, spelling]) => [spelling, rank as Rank]));

const descriptions: Record<Rank, string> = {
  Anonymous: 'Any caller, signed in or not.',
  ProvisioningAgent: 'Any account that is signed in.',
  Developer: 'A Developer, an Administrator or the Super Admin.',
  Administrator: 'An Administrator or the Super Admin.',
  SuperAdmin: 'Only the Super Admin: the account at the root of the tree.',
};

/** The directive by which a field shows, and enforces, who may ask for it. */
export const authDirective = new GraphQLDirective({
  name: 'auth',
  description:
    'The lowest standing that a caller needs for the field. A caller with less gets UNAUTHENTICATED or FORBIDDEN. ' +
    'Which accounts the caller may access is checked as well: itself and those below it.',
  locations: [DirectiveLocation.FIELD_DEFINITION],
  args: {
    requires: {
      description: 'The lowest standing. Each standing includes those before it.',
      type: new GraphQLNonNull(
        new GraphQLEnumType({
          name: 'Standing',
          description: 'The standing of a caller, from the one that permits least to the one that permits most.',
          values: Object.fromEntries(
            Object.entries(spellings).map(([rank, spelling]) => [spelling, { description: descriptions[rank as Rank] }]),
          ),
        }),
      ),
    },
  },
});

/** What a field's extensions say about its guard, beside the directive. */
interface GuardedField {
  guardedBy?: Operation;
}

/** Guards a field of the schema as the permission table guards the operation. */
export function Guarded(operation: Operation): MethodDecorator & PropertyDecorator {
  const decorators = [
    Directive(`@auth(requires: ${spellings[minimumRank(operation)]})`),
    Extensions({ guardedBy: operation } satisfies GuardedField),
  ] as MethodDecorator[];
  return (target: object, name: string | symbol, descriptor?: PropertyDescriptor) => {
    for (const decorate of decorators) decorate(target, name, descriptor!);
  };
}

/** The callers who have at least a rank, in words. */
const callers: Record<Rank, string> = {
  Anonymous: 'anyone, signed in or not',
  ProvisioningAgent: 'any account',
  Developer: 'a Developer, an Administrator or the Super Admin',
  Administrator: 'an Administrator or the Super Admin',
  SuperAdmin: 'the Super Admin alone',
};

/** Who may do the operation, and for which accounts, by the permission table (SPEC §2). */
function whoMay(operation: Operation): string {
  const { self, below } = requiredRanksFor(operation);
  const least = minimumRank(operation);
  if (least === 'Anonymous' || least === 'SuperAdmin') return callers[least];
  if (self === undefined) return `${callers[least]}, for the accounts below it`;
  if (below === undefined) return `${callers[self]}, for itself`;
  if (self === below) return `${callers[self]}, for itself and the accounts below it`;
  return `${callers[self]}, for itself; ${callers[below]}, for the accounts below it too`;
}

/** Adds to the description of every query and mutation who may use it, since introspection does not show directives (SPEC §3). */
export function describeGuards(schema: GraphQLSchema): void {
  for (const field of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap(fieldsOf)) {
    const { guardedBy } = field.extensions as GuardedField;
    field.description = `${field.description} Who may: ${whoMay(guardedBy!)}.`;
  }
}

/** Enforces every `@auth` of the schema, when a field is resolved and when it is subscribed to. */
export function enforceAuth(schema: GraphQLSchema): void {
  for (const field of objectTypesOf(schema).flatMap(fieldsOf)) {
    const rank = requiredRank(field);
    if (rank === undefined) continue;
    const guarded =
      (resolver: GraphQLFieldResolver<unknown, Context>): GraphQLFieldResolver<unknown, Context> =>
      (source, args, context, info) => {
        authorizeRank(context.actor, rank);
        return resolver(source, args, context, info);
      };
    field.resolve = guarded(field.resolve ?? defaultFieldResolver);
    if (field.subscribe !== undefined) field.subscribe = guarded(field.subscribe);
  }
}

/**
 * Refuses a schema in which a guard was forgotten: every query and mutation, and every field of a node that leads to another
 * object, must name its guard. What is open to anyone must say so too.
 */
export function assertGuarded(schema: GraphQLSchema): void {
  const operations = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  for (const type of objectTypesOf(schema)) {
    const isNode = type.getInterfaces().some(({ name }) => name === 'Node');
    for (const field of fieldsOf(type)) {
      const result = getNamedType(field.type);
      const leadsOn = isNode && (isObjectType(result) || isInterfaceType(result));
      if ((operations.includes(type) || leadsOn) && requiredRank(field) === undefined) {
        throw new Error(`${type.name}.${field.name} has no guard: mark it with @Guarded.`);
      }
    }
  }
}

function requiredRank(field: Pick<Field, 'astNode'>): Rank | undefined {
  const use = field.astNode?.directives?.find(({ name }) => name.value === authDirective.name);
  const requires: ConstArgumentNode | undefined = use?.arguments?.find(({ name }) => name.value === 'requires');
  return requires?.value.kind === 'EnumValue' ? ranksBySpelling.get(requires.value.value) : undefined;
}
