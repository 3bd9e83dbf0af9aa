import { type GraphQLLeafType, isEnumType } from 'graphql';
import { RawJson } from '../types/json-object.js';
import { type PlannedValue, Unplannable } from './planned-operation.js';

/** Writes values of a scalar or an enum, which are not null, as JSON. It throws Unplannable at what is no value of the type. */
export function writerOf(type: GraphQLLeafType): (value: unknown) => string {
  if (isEnumType(type)) {
    const texts = new Map(type.getValues().map(({ name, value }) => [value as unknown, JSON.stringify(name)]));
    return (value) => texts.get(value) ?? unwritable();
  }
  return (value) => {
    const serialized = type.serialize(value);
    if (typeof serialized === 'string') return quoted(serialized);
    return serialized instanceof RawJson ? serialized.text : (JSON.stringify(serialized) ?? unwritable());
  };
}

/** Any character that is not the same inside a JSON string. Most values are printable ASCII without `"` and backslash, and have none. */
const needsEscape = /[^ !#-[\]-~]/;

function quoted(text: string): string {
  return needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function unwritable(): never {
  throw new Unplannable('The type has no such value.');
}

/** A scalar or an enum as JSON. @throws Unplannable */
export function leafText(leaf: Extract<PlannedValue, { kind: 'leaf' }>, value: unknown): string {
  return value === null || value === undefined ? nullText(leaf) : leaf.write(value);
}

/** @throws Unplannable where there must not be null: the executor knows how far up that reaches */
export function nullText({ isNullable }: PlannedValue): string {
  if (!isNullable) throw new Unplannable('A value that is not nullable is null.');
  return 'null';
}
