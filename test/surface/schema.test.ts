import { readFile } from 'node:fs/promises';
import {
  type GraphQLObjectType,
  type GraphQLSchema,
  getIntrospectionQuery,
  graphqlSync,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  validateSchema,
} from 'graphql';
import { Field, ObjectType, Query, Resolver, buildSchemaSync } from 'type-graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { assertGuarded } from '../../src/api/graphql/auth-directive.js';
import { createSchema, printedSchema } from '../../src/api/graphql/schema.js';
import { type Actor, anonymous, ranks } from '../../src/domain/actor.js';
import { minimumRank, operations } from '../../src/domain/permissions.js';
import { Database } from '../../src/persistence/connection/database.js';
import type { Caller } from '../../src/domain/request-context.js';
import { AccountMigration } from '../../src/service/account-migration.js';
import { AccountQueries } from '../../src/service/account-queries.js';
import { AccountService } from '../../src/service/account-service.js';
import { AccountStatusService } from '../../src/service/account-status.js';
import { AuthTokenQueries } from '../../src/service/auth-token-queries.js';
import { CredentialService } from '../../src/service/credential-service.js';
import { EmailConflicts } from '../../src/service/email-conflicts.js';
import { AuditedTransactions } from '../../src/service/audited-transaction.js';
import { HistoryQueries } from '../../src/service/history-queries.js';
import { OrganizationService } from '../../src/service/organization-service.js';
import { ProfileQueries } from '../../src/service/profile-queries.js';
import { ProfileService } from '../../src/service/profile-service.js';
import { Passwords } from '../../src/service/passwords.js';
import { Secrets } from '../../src/service/secrets.js';
import { SignIn } from '../../src/service/sign-in.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { testKey, unlimited } from '../support/gateway.js';

const schema = createSchema();

describe('the schema', () => {
  it('is the one that is committed', async () => {
    expect(await readFile('schema.graphql', 'utf8'), 'run npm run schema').toBe(printedSchema(schema));
  });

  it('is valid, and answers an introspection', () => {
    expect(validateSchema(schema)).toEqual([]);
    expect(graphqlSync({ schema, source: getIntrospectionQuery() }).errors).toBeUndefined();
  });

  it('describes every type, field, argument, value and directive', () => {
    expect(undescribed(schema)).toEqual([]);
  });

  it('says of every scalar of its own where it is specified', () => {
    const scalars = Object.values(schema.getTypeMap()).filter((type) => isScalarType(type) && !isSpecifiedScalarType(type));
    expect(scalars.filter((type) => !isScalarType(type) || !type.specifiedByURL)).toEqual([]);
    expect(scalars).not.toEqual([]);
  });

  it('shows a guard on every operation', () => {
    for (const type of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]) {
      for (const field of Object.values(type!.getFields())) {
        expect(
          field.astNode?.directives?.map(({ name }) => name.value),
          field.name,
        ).toContain('auth');
      }
    }
  });

  it('says in the description of every operation who may ask for it, as the permission table has it', () => {
    const said = new Map<string, Set<string>>();
    for (const type of [schema.getQueryType(), schema.getMutationType()]) {
      for (const { name, description } of Object.values(type!.getFields())) {
        const [guard] = guards(schema, name);
        const [, who] = /[.)] Who may: ([^.]+)\.$/.exec(description!) ?? [];
        said.set(guard!, (said.get(guard!) ?? new Set()).add(who ?? `nothing of ${name}`));
      }
    }
    expect(Object.fromEntries([...said].map(([guard, sentences]) => [guard, [...sentences].toSorted()]))).toEqual({
      ANYONE: ['anyone, signed in or not'],
      PROVISIONING_AGENT: ['any account, for itself; an Administrator or the Super Admin, for the accounts below it too'],
      ADMINISTRATOR: [
        'an Administrator or the Super Admin, for itself',
        'an Administrator or the Super Admin, for itself and the accounts below it',
        'an Administrator or the Super Admin, for the accounts below it',
      ],
      SUPER_ADMIN: ['the Super Admin alone'],
    });
  });

  it('does not build with an operation that has no guard', () => {
    @ObjectType()
    class Thing {
      @Field()
      name: string;
    }
    @Resolver()
    class Careless {
      @Query(() => Thing)
      thing(): Thing {
        return { name: 'open to all' };
      }
    }
    expect(() => assertGuarded(buildSchemaSync({ resolvers: [Careless], validate: false }))).toThrow('Query.thing has no guard');
  });
});

describe('the permission table', () => {
  it('has an operation behind every guard that the schema shows', () => {
    const known = new Set(operations.map((operation) => spelled(minimumRank(operation))));
    const shown = new Set(guards(schema));
    expect(shown.size).toBeGreaterThan(3);
    expect([...shown].filter((rank) => !known.has(rank))).toEqual([]);
  });

  it('lets every rank do all that the ranks before it may', () => {
    expect(ranks.at(0)).toBe('Anonymous');
    expect(ranks.at(-1)).toBe('SuperAdmin');
  });
});

describe('every use case', () => {
  let database: TestDatabase;
  let services: object[];
  const dataSources: { destroy(): Promise<void> }[] = [];

  beforeAll(async () => {
    database = await cloneDatabase();
    const dataSource = createDataSource({ url: database.url });
    await dataSource.initialize();
    dataSources.push(dataSource);
    const base = new Database(dataSource);
    const secrets = new Secrets([testKey]);
    const transactions = new AuditedTransactions(base, secrets);
    const credentials = new CredentialService(base, transactions, secrets, new Passwords(), unlimited(base, secrets));
    services = [
      new SignIn(base, secrets, new Passwords(), unlimited(base, secrets)),
      new AuthTokenQueries(base, transactions, secrets),
      new AccountStatusService(transactions),
      new AccountService(transactions, credentials, new EmailConflicts(base, transactions), 10),
      new AccountQueries(base, new Secrets([Buffer.alloc(32)])),
      new AccountMigration(transactions),
      new OrganizationService(base, transactions),
      new ProfileService(transactions),
      new ProfileQueries(base),
      new HistoryQueries(base),
      credentials,
    ];
  });
  afterAll(async () => {
    await Promise.all(dataSources.map((dataSource) => dataSource.destroy()));
    await database.drop();
  });

  /** What signing in itself is made of, what works by a token of its own, and parts that use cases share inside a transaction. */
  const withoutActor = ['authenticate', 'resetPassword', 'preparePassword', 'initialize', 'setPassword', 'acceptNewSecrets'];

  /** Use cases that change something take the actor with the request, the others the actor alone. */
  const caller = { ...anonymous, actor: anonymous, request: { requestId: 'of-a-test', address: '127.0.0.1', slot: undefined } };

  it('is refused to whoever is not signed in, before it looks at anything else', async () => {
    const refused: string[] = [];
    for (const service of services) {
      for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(service))) {
        if (name === 'constructor' || withoutActor.includes(name)) continue;
        const useCase = (service as Record<string, (caller: Actor & Caller, ...rest: unknown[]) => unknown>)[name]!;
        const owner = { scope: { kind: 'children' }, filter: {}, order: {}, page: {} };
        await expect((async () => useCase.call(service, caller, owner, [{}], {}))(), name).rejects.toMatchObject({
          code: 'UNAUTHENTICATED',
        });
        refused.push(name);
      }
    }
    expect(refused.length).toBeGreaterThanOrEqual(36);
  });
});

describe('the migrations', () => {
  it('make the very tables that the entities declare', async () => {
    const database = await cloneDatabase();
    const dataSource = createDataSource({ url: database.url });
    await dataSource.initialize();
    try {
      const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
      expect(upQueries.map(({ query }) => query)).toEqual([]);
    } finally {
      await dataSource.destroy();
      await database.drop();
    }
  });

  it('can be taken back and done again', async () => {
    const database = await cloneDatabase();
    const dataSource = createDataSource({ url: database.url });
    await dataSource.initialize();
    try {
      for (const _ of dataSource.migrations) await dataSource.undoLastMigration();
      expect(
        await database.query(`SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('migration', 'typeorm_metadata')`),
      ).toEqual([]);
      await dataSource.runMigrations();
      expect(await database.query(`SELECT 1 FROM account`)).toEqual([]);
    } finally {
      await dataSource.destroy();
      await database.drop();
    }
  });
});

/** The guards of all fields, or of the operation with the name. */
function guards(of: GraphQLSchema, operation?: string): string[] {
  const objects = Object.values(of.getTypeMap()).filter((type): type is GraphQLObjectType => isObjectType(type));
  const roots = [of.getQueryType(), of.getMutationType()];
  return (operation === undefined ? objects : objects.filter((type) => roots.includes(type))).flatMap((type) =>
    Object.values(type.getFields()).flatMap(({ astNode, name }) =>
      operation !== undefined && operation !== name
        ? []
        : (astNode?.directives ?? []).flatMap(({ arguments: args }) =>
            (args ?? []).map(({ value }) => (value.kind === 'EnumValue' ? value.value : '')),
          ),
    ),
  );
}

function spelled(rank: string): string {
  return rank === 'Anonymous' ? 'ANYONE' : rank.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
}

function undescribed(of: GraphQLSchema): string[] {
  const missing: string[] = [];
  const look = (name: string, { description }: { description?: string | null | undefined }) => {
    if (!description) missing.push(name);
  };
  for (const type of Object.values(of.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue;
    look(type.name, type);
  }
  for (const type of Object.values(of.getTypeMap())) {
    if (isIntrospectionType(type)) continue;
    if (isEnumType(type)) for (const value of type.getValues()) look(`${type.name}.${value.name}`, value);
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      look(`${type.name}.${field.name}`, field);
      if ('args' in field) for (const argument of field.args) look(`${type.name}.${field.name}(${argument.name})`, argument);
    }
  }
  return missing;
}
