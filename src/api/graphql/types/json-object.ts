import { randomUUID } from 'node:crypto';
import {
  GraphQLError,
  type GraphQLInputType,
  GraphQLScalarType,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type ValueNode,
  getNullableType,
  isInputObjectType,
  isInputType,
  isListType,
  typeFromAST,
} from 'graphql';
import { textsIn } from '../../http/json-source.js';

/*
 * A JSON object passes through GraphQL byte for byte (ADR 37). JavaScript would read 12345678901234567890 as another number, and
 * write 1.0 as 1. So the object is kept as text on its way in and on its way out, and nothing that walks over inputs looks into it.
 */

/** A JSON object of an input. */
export class JsonText {
  constructor(readonly text: string) {}

  /** For the comparison of requests with the same idempotency key. */
  toJSON(): string {
    return this.text;
  }
}

/** JSON in an answer, as text. */
export class RawJson {
  constructor(readonly text: string) {}

  toJSON(): unknown {
    return written === undefined ? JSON.parse(this.text) : `${mark}${written.push(this.text) - 1}`;
  }
}

/** A placeholder for raw JSON. It is random and secret, so no client can put it into an answer. */
const mark = randomUUID();
const marked = new RegExp(`"${mark}(\\d+)"`, 'g');
/** The raw texts of the answer that is being written. */
let written: string[] | undefined;

/** `JSON.stringify`, but each `RawJson` is written as its text. */
export function stringifyRaw(value: unknown): string {
  const texts: string[] = [];
  written = texts;
  try {
    const json = JSON.stringify(value);
    return texts.length === 0 ? json : json.replace(marked, (_, index: string) => texts[Number(index)]!);
  } finally {
    written = undefined;
  }
}

/** Whether the object can be stored is checked by the domain. */
export const JsonObject = new GraphQLScalarType<JsonText, RawJson>({
  name: 'JSONObject',
  description: 'A JSON object with any content. It is stored and returned exactly as written, with every digit of its numbers.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
  serialize: (object) => new RawJson(typeof object === 'string' ? object : JSON.stringify(object)),
  parseValue: jsonText,
  parseLiteral(node, variables) {
    if (node.kind === Kind.VARIABLE) return jsonText(variables?.[node.name.value]);
    if (node.kind !== Kind.OBJECT) throw notAnObject();
    return new JsonText(textOf(node, variables ?? {})!);
  },
});

/** The texts of the objects of requests. Each object is read twice: when its operation is weighed, and when it is executed. */
const known = new WeakMap<object, JsonText>();

function jsonText(value: unknown): JsonText {
  if (value instanceof JsonText) return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAnObject();
  const text = known.get(value) ?? new JsonText(JSON.stringify(value, finite));
  known.set(value, text);
  return text;
}

/** Refuses numbers that are too large: JavaScript reads them as infinite, and would write them as null. */
function finite(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new GraphQLError('JSONObject has a number that is too large.');
  return value;
}

function notAnObject(): GraphQLError {
  return new GraphQLError('JSONObject must be an object.');
}

/** A literal of the document as JSON, with its numbers as they are written; undefined for a variable that was not given. */
function textOf(node: ValueNode, variables: Record<string, unknown>): string | undefined {
  switch (node.kind) {
    case Kind.OBJECT: {
      const fields = node.fields.map(({ name, value }) => ({ name: name.value, text: textOf(value, variables) }));
      return `{${fields.flatMap(({ name, text }) => (text === undefined ? [] : `"${name}":${text}`)).join(',')}}`;
    }
    case Kind.LIST:
      return `[${node.values.map((value) => textOf(value, variables) ?? 'null').join(',')}]`;
    case Kind.VARIABLE: {
      const value = variables[node.name.value];
      return value instanceof JsonText ? value.text : JSON.stringify(value);
    }
    case Kind.INT:
    case Kind.FLOAT:
      return node.value;
    case Kind.STRING:
    case Kind.ENUM:
      return JSON.stringify(node.value);
    case Kind.BOOLEAN:
      return String(node.value);
    case Kind.NULL:
      return 'null';
  }
}

/** Remembers how the body of the request spells the JSON objects among the operation's variables. */
export function rememberJsonTexts(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
  body: unknown,
): void {
  const objects = new Set<object>();
  for (const { variable, type } of operation.variableDefinitions ?? []) {
    const inputType = typeFromAST(schema, type);
    if (isInputType(inputType)) collectObjects(variables[variable.name.value], inputType, objects);
  }
  for (const [object, text] of textsIn(body, objects)) known.set(object, new JsonText(text));
}

function collectObjects(value: unknown, type: GraphQLInputType, objects: Set<object>): void {
  const nullable = getNullableType(type);
  if (typeof value !== 'object' || value === null) return;
  if (isListType(nullable)) {
    for (const item of Array.isArray(value) ? value : [value]) collectObjects(item, nullable.ofType as GraphQLInputType, objects);
  } else if (isInputObjectType(nullable)) {
    for (const field of Object.values(nullable.getFields())) {
      if (Object.hasOwn(value, field.name)) collectObjects((value as Record<string, unknown>)[field.name], field.type, objects);
    }
  } else if (nullable.name === JsonObject.name) {
    objects.add(value);
  }
}
