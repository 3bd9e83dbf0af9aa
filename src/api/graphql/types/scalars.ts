import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';

/** What our scalars know beside what GraphQL does. */
export interface ScalarExtensions {
  /** What a value must be, for refusals. */
  expected?: string;
}

const instant = 'an instant with its offset from UTC, such as 2026-03-01T10:17:35Z';

/** An instant. */
export const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description: 'An instant in UTC, to the millisecond, in the format of RFC 3339: `2026-03-01T10:17:35.000Z`.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  extensions: { expected: instant } satisfies ScalarExtensions,
  serialize: (value) => (value as Date).toISOString(),
  parseValue: parseInstant,
  parseLiteral: (node) => parseInstant(node.kind === Kind.STRING ? node.value : undefined),
});

/** Takes what RFC 3339 allows, with its offset: a time without one would mean another instant on each machine. */
function parseInstant(value: unknown): Date {
  const isInstant = typeof value === 'string' && /^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i.test(value);
  const date = new Date(isInstant ? value : Number.NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw new GraphQLError(`DateTime must be ${instant}.`);
}

/*
 * The next two accept any string. The domain decides which addresses and names are valid, with errors of the catalogue
 * (INVALID_EMAIL, INVALID_DOMAIN_NAME), the same for every surface.
 */

export const EmailAddress = textScalar(
  'EmailAddress',
  "An e-mail address. It is returned in lower case. The local part consists of letters, digits and `. _ % + - '`, because it is a SIP login too.",
  'https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2',
);

export const DomainName = textScalar(
  'DomainName',
  'A domain name: labels of letters, digits and hyphens, joined by dots, at most 255 characters. It is returned in lower case.',
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
