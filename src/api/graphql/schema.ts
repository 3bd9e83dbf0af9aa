import 'reflect-metadata';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { type GraphQLSchema, specifiedDirectives } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { assertGuarded, authDirective, describeGuards, enforceAuth } from './auth-directive.js';
import { chargeCosts } from './execution/cost-charging.js';
import { AccountMutations } from './resolvers/account-mutations.js';
import { AccountTreeMutations } from './resolvers/account-tree-mutations.js';
import { CredentialMutations } from './resolvers/credential-mutations.js';
import { AccountResolver } from './resolvers/account-resolver.js';
import { EventResolver } from './resolvers/event-resolver.js';
import { HistoryResolver } from './resolvers/history-resolver.js';
import { NodeResolver } from './resolvers/node-resolver.js';
import { OrganizationResolver } from './resolvers/organization-resolver.js';
import { ProfileResolver } from './resolvers/profile-resolver.js';
import { RemovalResolver } from './resolvers/removal-resolver.js';
import { WebhookMutations } from './resolvers/webhook-mutations.js';
import { AccountWebhooksResolver, WebhookResolver } from './resolvers/webhook-resolver.js';
import { describeRoots, enforceIdempotency, enforceOneOf, omitNullInputs, signInBeforeNextMutation } from './schema-transforms.js';
import { DateTime } from './types/scalars.js';

/**
 * What is done to the schema after TypeGraphQL has read the classes, in this order and in place: to copy the schema for each would take
 * longer than to make it. The first ones change what the schema says. The others wrap resolvers, each around all that come before it: so
 * the last one is the first to run when a field is asked for.
 */
const transforms: readonly ((schema: GraphQLSchema) => void)[] = [
  // Introspection shows no directives, so descriptions say who may ask for a field.
  describeGuards,
  // TypeGraphQL has no place for the descriptions of Query and Mutation.
  describeRoots,
  // TypeGraphQL passes `@oneOf` on as a mere annotation; graphql checks inputs by a flag of the type.
  enforceOneOf,
  // Clients send null for what they leave out. Innermost, since only the resolver itself looks at its arguments.
  omitNullInputs,
  // Around the resolver, to see the length of the lists that it brings; within the guard, since what is refused costs nothing.
  chargeCosts,
  // TypeGraphQL passes `@auth` on as a mere annotation too. Around all that costs something.
  enforceAuth,
  // Moves the key from the input into the context, where services look for it, before anything else reads the input.
  enforceIdempotency,
  // Outermost, since the guard and the idempotency key need the caller as it is by then.
  signInBeforeNextMutation,
];

/** Nothing is published, and no topic is subscribed to. */
const noPubSub = {
  publish(): never {
    throw new Error('Events come from the history.');
  },
  subscribe(): never {
    throw new Error('Events come from the history.');
  },
};

/** The executable schema. */
export function createSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      NodeResolver,
      AccountResolver,
      OrganizationResolver,
      ProfileResolver,
      EventResolver,
      HistoryResolver,
      WebhookResolver,
      RemovalResolver,
      AccountWebhooksResolver,
      AccountMutations,
      AccountTreeMutations,
      CredentialMutations,
      WebhookMutations,
    ],
    // TypeGraphQL wants one for every schema with subscriptions. Ours reads the history, which every instance writes to.
    pubSub: noPubSub,
    scalarsMap: [{ type: Date, scalar: DateTime }],
    directives: [...specifiedDirectives, authDirective],
    // The rules of the domain check inputs, the same for every surface.
    validate: false,
    // Its check runs an introspection at each start. A test validates the schema instead.
    skipCheck: true,
  });
  assertGuarded(schema);
  for (const transform of transforms) transform(schema);
  return schema;
}

/** The schema as it is committed: with its descriptions, its directives and their uses. */
export function printedSchema(schema: GraphQLSchema): string {
  return `${printSchemaWithDirectives(schema)}\n`;
}
