import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type GraphQLObjectType, TypeInfo, parse, visit, visitWithTypeInfo } from 'graphql';
import { describe, expect, it } from 'vitest';
import { createSchema } from '../../../src/api/graphql/schema.js';
import { requestsOnAccounts, restOnAccounts, restUntargeted, untargetedRequests } from './requests.js';
import { callers, operationsOnAccounts, untargetedOperations } from './tables.js';

describe('the tenant matrix', () => {
  it('has a file for each of its callers', async () => {
    const tests = (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.test.ts'));
    const texts = await Promise.all(tests.map((file) => readFile(join(import.meta.dirname, file), 'utf8')));
    const described = texts.flatMap((text) => [...text.matchAll(/^describeCaller\('(.+)'\);$/gm)].map(([, name]) => name));
    expect(described.toSorted()).toEqual(callers.map(({ name }) => name).toSorted());
  });

  it('has a request for each row of its tables', () => {
    const asked = (...requests: object[]) => [...new Set(requests.flatMap(Object.keys))].toSorted();
    expect(asked(requestsOnAccounts, restOnAccounts)).toEqual(operationsOnAccounts.toSorted());
    expect(asked(untargetedRequests)).toEqual(untargetedOperations.toSorted());
    expect(Object.keys(restUntargeted).filter((operation) => !(operation in untargetedRequests))).toEqual([]);
  });

  it('asks for every operation of the schema, and for every field of an account that has a guard', () => {
    const schema = createSchema();
    const asked = new Set<string>();
    const info = new TypeInfo(schema);
    for (const { document } of Object.values({ ...requestsOnAccounts, ...untargetedRequests })) {
      visit(
        parse(document),
        visitWithTypeInfo(info, { Field: ({ name }) => void asked.add(`${info.getParentType()?.name}.${name.value}`) }),
      );
    }
    const guarded = ['Query', 'Mutation', 'Account', 'Organization'].flatMap((name) =>
      Object.values((schema.getType(name) as GraphQLObjectType).getFields())
        .filter(({ astNode }) => astNode?.directives?.some((directive) => directive.name.value === 'auth'))
        .map((field) => `${name}.${field.name}`),
    );
    expect(guarded.filter((field) => !asked.has(field))).toEqual([]);
  });
});
