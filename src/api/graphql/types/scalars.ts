import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';

/** An instant. It is only used in answers. */
export const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description: 'An instant in UTC, to the millisecond, in the format of RFC 3339: `2026-03-01T10:17:35.000Z`.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  serialize: (value) => (value as Date).toISOString(),
});

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
