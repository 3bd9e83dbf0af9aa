import { type GraphQLInputType, buildSchema, coerceInputValue, executeSync, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { wordings } from '../../src/api/graphql/graphql-error.js';

const schema = buildSchema(`
  enum Color { RED GREEN }
  input Point { x: Int!, y: Int }
  type Query { field(required: Int!): Int, color(color: Color): Int, point(point: Point): Int }
`);

/** What graphql says of a document, or of its execution when the document is valid. */
function messageOf(document: string, variables?: Record<string, unknown>): string {
  const parsed = parse(document);
  const [error] = validate(schema, parsed);
  if (error !== undefined) return error.message;
  return executeSync({ schema, document: parsed, ...(variables && { variableValues: variables }) }).errors![0]!.message;
}

/** What the parser says of a document. */
function refusalOf(document: string, maxTokens?: number): string {
  try {
    parse(document, { ...(maxTokens !== undefined && { maxTokens }) });
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`${document} was parsed.`);
}

/** Of each wording: messages that graphql makes now, and what the wording finds in them. */
const samples: Record<keyof typeof wordings, readonly [message: string, found: string | undefined][]> = {
  tooManyTokens: [[refusalOf('{ field }', 2), '2']],
  unexpectedToken: [
    [refusalOf('{ field } secret'), 'Name'],
    [refusalOf('{ "secret" }'), 'String'],
    [refusalOf('{ """secret""" }'), 'BlockString'],
    [refusalOf('{ field } 7'), 'Int'],
    [refusalOf('{ field } 7.5'), 'Float'],
  ],
  misfitOfVariable: [[messageOf('query ($v: Color) { color(color: $v) }', { v: 'secret' }), undefined]],
  misfitOfArgument: [[messageOf('query ($v: Int = 1) { field(required: $v) }', { v: null }), 'required']],
  missingVariable: [
    [messageOf('query ($v: Int!) { field(required: $v) }'), 'v'],
    [messageOf('query ($v: Int!) { field(required: $v) }', { v: null }), 'v'],
  ],
  missingInputField: [[messageOf('{ point(point: { y: 1 }) }'), 'x']],
  missingArgument: [[messageOf('{ field }'), 'required']],
  unknownEnumValue: [[messageOf('{ color(color: SECRET) }'), 'Color']],
  misfitOfEnum: [[messageOf('{ color(color: "secret") }'), 'Color']],
  repeatedValue: [
    [messageOf('{ field(required: null) }'), undefined],
    [messageOf('{ field(required: "secret") }'), undefined],
  ],
  missingFieldOfVariable: [[inputMistake({ y: 1 }), 'x']],
  unknownFieldOfVariable: [[inputMistake({ x: 1, z: 1 }), 'z']],
};

/** What graphql says of a value that a variable of the input type has. */
function inputMistake(value: unknown): string {
  const messages: string[] = [];
  coerceInputValue(value, schema.getType('Point') as GraphQLInputType, (_path, _value, { message }) => void messages.push(message));
  return messages[0]!;
}

describe("graphql's wording of its mistakes", () => {
  it.each(Object.entries(samples))('is still matched by %s', (name, messages) => {
    for (const [message, found] of messages) {
      const match = wordings[name as keyof typeof wordings].exec(message);
      expect(match, message).not.toBeNull();
      expect(match![1], message).toBe(found);
    }
  });

  it('is cut where it repeats a value that may be a secret', () => {
    for (const [message] of [...samples.repeatedValue, ...samples.unexpectedToken]) {
      expect(message.replace(wordings.repeatedValue, '').replace(wordings.unexpectedToken, '$1')).not.toMatch(/secret|null/);
    }
  });
});
