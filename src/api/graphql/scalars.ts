import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql';

/** An instant; only ever given out. */
export const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description: 'An instant in UTC, to the millisecond, as RFC 3339 writes it: `2026-03-01T10:17:35.000Z`.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  serialize: (value) => (value as Date).toISOString(),
});

/*
 * The next two take any string: what is a valid address or name is a rule of the domain, which answers by the catalogue
 * (INVALID_EMAIL, INVALID_DOMAIN_NAME) and the same on every surface.
 */

export const EmailAddress = textScalar(
  'EmailAddress',
  "An e-mail address; given out in lower case. The local part is made of letters, digits and `. _ % + - '`, because it doubles as a SIP login.",
  'https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2',
);

export const DomainName = textScalar(
  'DomainName',
  'A domain name: labels of letters, digits and hyphens, joined by dots, at most 255 characters; given out in lower case.',
  'https://www.rfc-editor.org/rfc/rfc1035#section-2.3.1',
);

function textScalar(name: string, description: string, specifiedByURL: string): GraphQLScalarType<string, string> {
  const parse = (value: unknown): string => {
    if (typeof value === 'string') return value;
    throw new GraphQLError(`${name} must be a string.`);
  };
  return new GraphQLScalarType({
    name,
    description,
    specifiedByURL,
    serialize: String,
    parseValue: parse,
    parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : undefined),
  });
}

/** A JSON object as text, which the domain keeps it as; and so that no program that walks over inputs walks into it. */
export class JsonText {
  constructor(readonly text: string) {}

  /** As the part of another object, which a variable in a literal becomes, it is an object. */
  toJSON(): unknown {
    return JSON.parse(this.text);
  }
}

/** Whether the object may be stored is a rule of the domain. */
export const JsonObject = new GraphQLScalarType<JsonText, unknown>({
  name: 'JSONObject',
  description: 'A JSON object of any content.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
  serialize: (text) => JSON.parse(text as string) as unknown,
  parseValue: jsonText,
  parseLiteral: (node, variables) => jsonText(valueFromASTUntyped(node, variables)),
});

/** Each value of a request is read when its operation is weighed, and again when it is executed. */
const known = new WeakMap<object, JsonText>();

function jsonText(value: unknown): JsonText {
  if (value instanceof JsonText) return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new GraphQLError('JSONObject must be an object.');
  const text = known.get(value) ?? new JsonText(JSON.stringify(value, finite));
  known.set(value, text);
  return text;
}

/** JavaScript reads a number that is too large as infinite, and would write it as null. */
function finite(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new GraphQLError('JSONObject has a number that is too large.');
  return value;
}
