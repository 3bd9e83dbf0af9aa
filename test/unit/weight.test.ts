import { type GraphQLArgument, type GraphQLField, isEnumType, isInputObjectType, isListType, isObjectType, getNullableType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { weightOfField } from '../../src/api/graphql/execution/weight.js';
import { committedSchema } from '../support/committed-schema.js';

const fields = Object.values(committedSchema().getTypeMap())
  .filter((type) => isObjectType(type) && !type.name.startsWith('__') && type.name !== 'Mutation')
  .flatMap((type) =>
    Object.values((type as { getFields(): Record<string, GraphQLField<unknown, unknown>> }).getFields()).map((field) => ({
      name: `${type}.${field.name}`,
      field,
    })),
  );

/** Arguments that lead to what they ask for by an index, or say which page and order. */
const free = ['first', 'after', 'last', 'before', 'orderBy', 'organization', 'by', 'sid', 'id', 'ids', 'accountSid'];

/** Every way to give the argument alone: each field of an input by itself. */
function given({ name, type }: GraphQLArgument): Record<string, unknown>[] {
  const nullable = getNullableType(type);
  if (isInputObjectType(nullable))
    return Object.values(nullable.getFields()).map((field) => ({ [name]: { [field.name]: sample(field.type) } }));
  return [{ [name]: sample(type) }];
}

function sample(type: GraphQLArgument['type']): unknown {
  const nullable = getNullableType(type);
  if (isEnumType(nullable)) return nullable.getValues()[0]!.value;
  if (isListType(nullable)) return [sample(nullable.ofType)];
  return { Boolean: true, Int: 3 }[String(nullable)] ?? 'a text';
}

const weightOf = (field: GraphQLField<unknown, unknown>, args: Record<string, unknown>): number =>
  weightOfField({ definition: field, args, above: undefined });

describe('a field is weighed', () => {
  const narrowed = fields.flatMap(({ name, field }) =>
    field.args
      .filter((argument) => !free.includes(argument.name))
      .flatMap((argument) => given(argument).map((args) => ({ name, field, args }))),
  );

  it.each(narrowed)('by whatever narrows its list: $name $args', ({ field, args }) => {
    expect(weightOf(field, args)).toBeGreaterThan(0);
  });

  it.each(fields.filter(({ name }) => name.endsWith('Count') && !name.includes('Payload')))('by what is counted: $name', ({ field }) => {
    expect(weightOf(field, {})).toBeGreaterThan(0);
  });

  it('by nothing else', () => {
    expect(narrowed.length).toBeGreaterThan(10);
    for (const { field } of fields.filter(({ field: { name } }) => !name.endsWith('Count'))) {
      const args = Object.fromEntries(field.args.filter(({ name }) => free.includes(name)).map(({ name, type }) => [name, sample(type)]));
      expect([field.name, weightOf(field, args)]).toEqual([field.name, 0]);
      const nothing = Object.fromEntries(field.args.map(({ name, type }) => [name, isInputObjectType(getNullableType(type)) ? {} : null]));
      expect([field.name, weightOf(field, nothing)]).toEqual([field.name, 0]);
    }
  });
});
