import { type GraphQLError, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { limitRules } from '../../src/api/graphql/execution/limits.js';
import { type RequestLimits, readConfig } from '../../src/config.js';
import { committedSchema } from '../support/committed-schema.js';

const schema = committedSchema();
const limits: RequestLimits = {
  ...readConfig({}).limits,
  tokens: 60,
  depth: 4,
  aliases: 3,
  directives: 2,
  fragments: 3,
  repetition: 5,
};

const many = (count: number, text: (index: number) => string): string => Array.from({ length: count }, (_, index) => text(index)).join(' ');
const messagesOf = (document: string): string[] =>
  validate(schema, parse(document), limitRules(limits)).map(({ message }: GraphQLError) => message);

/** Documents with so many of what is limited, the limit, and the refusal of one more. */
const kinds: [what: string, document: (count: number) => string, limit: number, refusal: string][] = [
  ['aliases', (count) => `{ ${many(count, (n) => `a${n}: __typename`)} }`, 3, 'The document has more than 3 aliases.'],
  ['directives', (count) => `{ viewer { sid ${many(count, () => '@skip(if: false)')} } }`, 2, 'The document has more than 2 directives.'],
  [
    'fragments',
    (count) => `{ ${many(count, (n) => `...F${n}`)} } ${many(count, (n) => `fragment F${n} on Query { __typename }`)}`,
    3,
    'The document has more than 3 fragments.',
  ],
  [
    'levels below the first',
    (count) => `{ viewer ${many(count - 1, () => '{ parent')} { sid } ${many(count - 1, () => '}')} }`,
    4,
    'The document is nested more than 4 levels deep.',
  ],
  [
    'selections of one field',
    (count) => `{ viewer { ${many(count, () => 'sid')} } }`,
    5,
    'The document selects sid more than 5 times at one place.',
  ],
  [
    'names of the type, which clients add to each fragment',
    (count) => `{ viewer { ${many(count, () => '__typename')} } }`,
    8,
    'The document selects __typename more than 8 times at one place.',
  ],
  [
    'selections, its fragments written out',
    // Each spread is a selection, and so are the two fields that it brings.
    (
      count,
    ) => `{ ${many(Math.floor(count / 3), (n) => (n < 5 ? '...A' : n < 10 ? '...B' : n < 15 ? '...C' : '...D'))} ${many(count % 3, () => '__typename')} }
      fragment A on Query { a: viewer { sid } } fragment B on Query { b: viewer { sid } } fragment C on Query { c: viewer { sid } }
      fragment D on Query { viewer { sid } }`,
    60,
    'The document has more than 60 selections, with its fragments written out. Ask for fewer fields.',
  ],
];

describe('a document with as many as are allowed is let through, and with one more it is refused:', () => {
  it.each(kinds)('%s', (what, document, limit, refusal) => {
    const room = what.startsWith('selections, its') ? { ...limits, fragments: 10 } : limits;
    const messages = (count: number): string[] => validate(schema, parse(document(count)), limitRules(room)).map(({ message }) => message);
    expect(messages(limit)).toEqual([]);
    expect(messages(limit + 1)).toEqual([refusal]);
  });
});

it('fragments that no operation spreads are held to the limits as well', () => {
  const unused = (count: number): string => `{ viewer { sid } } fragment U on Account { ${many(count, () => 'sid')} }`;
  expect(messagesOf(unused(5))).toEqual([]);
  expect(messagesOf(unused(6))).toEqual(['The document selects sid more than 5 times at one place.']);
});
