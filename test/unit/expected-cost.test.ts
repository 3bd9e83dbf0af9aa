import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { assertAffordable, expectedOf } from '../../src/api/graphql/execution/expected-cost.js';
import { type OperationRequest, coercedVariables } from '../../src/api/graphql/execution/operation-request.js';
import { readConfig } from '../../src/config.js';
import { AppError } from '../../src/errors.js';
import { createSchema } from '../../src/api/graphql/schema.js';

const schema = createSchema();
const { limits } = readConfig({});

/** A document that was parsed once, as the document store keeps it, with what comes with one request. */
function requestedOf(query: string): (variables?: Record<string, unknown>) => OperationRequest {
  const document = parse(query);
  expect(validate(schema, document)).toEqual([]);
  const [operation] = document.definitions.flatMap((definition) => (definition.kind === 'OperationDefinition' ? definition : []));
  return (variables = {}) => ({ document, operation: operation!, operationName: null, variables });
}

const costOf = (requested: OperationRequest): number =>
  expectedOf(schema, requested, coercedVariables(schema, requested, limits), limits).cost;

describe('what a query can cost', () => {
  it('follows the numbers in its variables, each time that the same document comes', () => {
    const accounts = requestedOf('query($first: Int) { accounts(first: $first) { nodes { sid } } }');
    const costs = [1, 100, 1, 7].map((first) => costOf(accounts({ first })));
    expect(costs).toEqual([2, 101, 2, 8]);
  });

  it('follows whether there is a text in its variables, and is the same whatever the text says', () => {
    const search = requestedOf('query($text: String) { accounts(first: 1, filter: { text: $text }) { nodes { sid } } }');
    const [one, other, none] = ['one text', 'another one', ''].map((text) => costOf(search({ text })));
    expect(one).toBe(other);
    expect(one! - none!).toBe(2500);
  });

  it.each(['accounts', 'descendants'])('is the same whether a page of %s is counted from its start or from its end', (list) => {
    const pageOf = (page: string): number =>
      costOf(
        requestedOf(list === 'accounts' ? `{ ${list}(${page}) { nodes { sid } } }` : `{ viewer { ${list}(${page}) { nodes { sid } } } }`)(),
      );
    for (const size of [1, 3, 100]) expect(pageOf(`last: ${size}`)).toBe(pageOf(`first: ${size}`));
    expect(pageOf('last: 100')).toBeGreaterThan(pageOf('last: 1'));
  });

  it('counts a size that no page can have as the longest page', () => {
    const accounts = requestedOf('query($first: Int) { accounts(first: $first) { nodes { sid } } }');
    const longest = costOf(accounts({ first: 100 }));
    for (const first of [0, -1, 101, 1_000_000]) expect([first, costOf(accounts({ first }))]).toEqual([first, longest]);
  });

  it('counts an AuthToken as a change, since that it was shown is written down', () => {
    expect(costOf(requestedOf('{ authToken(sid: "AC") }')())).toBe(10);
    expect(costOf(requestedOf('{ a: authToken(sid: "AC") b: authToken(sid: "AD") viewer { sid } }')())).toBe(21);
  });
});

describe('a field costs', () => {
  const cost = (query: string): number => costOf(requestedOf(query)());

  it('more where rows have to be counted or searched for', () => {
    expect(cost('{ accounts(first: 1) { totalCount nodes { sid } } }') - cost('{ accounts(first: 1) { nodes { sid } } }')).toBe(5);
    expect(cost('{ viewer { descendantCount } }') - cost('{ viewer { sid } }')).toBe(20);
    const history = (more: string): number => cost(`{ viewer { history(first: 1${more}) { nodes { date } } } }`);
    expect([history(', includeDescendants: false') - history(''), history(', includeDescendants: true') - history('')]).toEqual([0, 2500]);
  });

  it('as a whole document where it is one, however little is selected', () => {
    expect(cost('{ viewer { profile { document } } }') - cost('{ viewer { profile { sid } } }')).toBe(4096);
  });

  it('once for each id that is asked for', () => {
    const nodes = (count: number): number =>
      cost(`{ nodes(ids: [${Array.from({ length: count }, () => '"AC"').join(' ')}]) { id ... on Account { parent { sid } } } }`);
    expect([nodes(0), nodes(1), nodes(7)]).toEqual([2, 2, 14]);
  });

  it('as ten where no argument bounds a list, as five in the schema; and no more for the nodes or edges of a page', () => {
    expect(cost('{ viewer { ancestors { sid } } }')).toBe(11);
    expect(cost('{ viewer { ancestors { parent { sid } } } }')).toBe(21);
    expect(cost('{ __schema { types { name } } }')).toBe(6);
    expect(cost('{ accounts(first: 2) { edges { node { sid } } } }')).toBe(1 + 2 * 2);
    expect(cost('{ accounts(first: 2) { nodes { sid } edges { cursor } } }')).toBe(1 + 2 * 2);
  });

  it('ten where it changes something, each time anew', () => {
    const change = requestedOf('mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { account { sid } } }');
    expect([costOf(change({ sid: 'AC' })), costOf(change({ sid: 'AD' }))]).toEqual([11, 11]);
    const listing = requestedOf(
      'mutation($first: Int) { closeAccount(input: { sid: "AC" }) { account { subAccounts(first: $first) { nodes { sid } } } } }',
    );
    const [one, nine, again] = [1, 9, 1].map((first) => costOf(listing({ first })));
    expect([nine! - one!, again! - one!]).toEqual([8, 0]);
    const documents = requestedOf('query A { viewer { sid } } query B { accounts(first: 3) { nodes { sid } } }')();
    expect(costOf({ ...documents, operationName: 'B' })).toBe(4);
  });

  it('the same when it was asked for with more variables than are remembered', () => {
    const lists = requestedOf(`query($first: Int, $other: Int) {
      accounts(first: $first) { nodes { sid } } viewer { descendants(first: 1, maxDepth: $other) { nodes { sid } } } }`);
    for (let other = 0; other < 120; other++) expect(costOf(lists({ first: 2, other }))).toBe(6);
    expect(costOf(lists({ first: 5, other: 119 }))).toBe(9);
  });
});

it('an operation is weighed by its filters, searches and counts, and by the heaviest of them', () => {
  const weigh = (query: string) => {
    const requested = requestedOf(query)();
    return expectedOf(schema, requested, coercedVariables(schema, requested, limits), limits).weight;
  };
  expect(weigh('{ accounts { nodes { sid } } }')).toEqual({ cost: 0, of: '' });
  expect(weigh('{ accounts(filter: { role: DEVELOPER }) { nodes { sid } } }')).toEqual({ cost: 2000, of: 'accounts' });
  expect(weigh('{ a: accounts { totalCount } b: accounts(filter: { text: "abc" }) { totalCount } }')).toEqual({ cost: 14_000, of: 'b' });
  expect(weigh('{ viewer { descendantCount } }')).toEqual({ cost: 2000, of: 'viewer.descendantCount' });
});

describe('an operation that could cost too much is told its costliest field, and what helps:', () => {
  it.each([
    ['{ viewer { sid profile { document } } }', 'viewer.profile.document (4096)', 'Ask for fewer documents'],
    ['{ found: accounts(filter: { text: "abc" }) { nodes { sid } } }', 'found (2501)', 'Search fewer lists'],
    ['{ viewer { all: history(first: 1, includeDescendants: true) { nodes { date } } } }', 'viewer.all (2501)', 'Search fewer lists'],
    ['{ accounts(first: 9) { nodes { parent { sid } } } }', 'accounts.nodes (9)', 'Ask for shorter pages'],
    ['{ nodes(ids: ["AC", "AD", "AE"]) { id } }', 'nodes (3)', 'Ask for fewer of them'],
  ])('%s', (query, costliest, advice) => {
    const requested = requestedOf(query)();
    const refused = () => assertAffordable(schema, requested, costOf(requested), 1);
    expect(refused).toThrow(`1 are allowed. Its costliest field is ${costliest}. ${advice}`);
    expect(refused).toThrow(/\.$/);
  });
});

it('an operation that costs just as much as is allowed is let through, and one point less allowed refuses it', () => {
  const requested = requestedOf('{ accounts(first: 10) { nodes { organization { sid } } } }')();
  const cost = costOf(requested);
  expect(() => assertAffordable(schema, requested, cost, cost)).not.toThrow();
  expect(() => assertAffordable(schema, requested, cost, cost - 1)).toThrow(
    expect.objectContaining({ code: 'GRAPHQL_VALIDATION_FAILED', message: expect.stringContaining(`could cost ${cost}`) }),
  );
});

it('variables with as many values as are allowed are taken, and one more is refused', () => {
  const nodes = requestedOf('query($ids: [ID!]!) { nodes(ids: $ids) { id } }');
  const ids = (count: number) => nodes({ ids: Array.from({ length: count }, () => 'AC') });
  // The list counts as one of them.
  expect(() => coercedVariables(schema, ids(99), { ...limits, variables: 100 })).not.toThrow();
  expect(() => coercedVariables(schema, ids(100), { ...limits, variables: 100 })).toThrow('The variables have more than 100 values.');
});

describe('values in variables are counted as GraphQL would look at them', () => {
  const few = buildSchema(`
    input Inner { a: Int b: [Int] }
    input Outer { one: Inner many: [[Inner]] text: String }
    scalar Any
    type Query { ask(input: Outer, list: [Int], any: Any): Int }`);
  const query = parse('query($input: Outer, $list: [Int], $any: Any) { ask(input: $input, list: $list, any: $any) }');
  const taken = (variables: Record<string, unknown>, most: number): boolean => {
    const [operation] = query.definitions as [OperationRequest['operation']];
    try {
      coercedVariables(few, { document: query, operation, operationName: null, variables }, { ...limits, variables: most });
      return true;
    } catch (error) {
      if (error instanceof AppError) return false;
      return true;
    }
  };
  /** The least limit that takes them; two of the three variables are absent, and count one each. */
  const least = (variables: Record<string, unknown>): number => {
    let most = 0;
    while (!taken(variables, most)) most += 1;
    return most - 2;
  };

  it.each<[Record<string, unknown>, number]>([
    [{}, 1],
    [{ list: null }, 1],
    [{ list: [] }, 1],
    [{ list: [1, 2, 3] }, 4],
    [{ list: 7 }, 1],
    [{ input: {} }, 1],
    [{ input: { text: 'a' } }, 2],
    [{ input: { one: { a: 1, b: [1, 2] } } }, 6],
    [{ input: { many: [[{ a: 1 }], [{ a: 2 }, { a: 3 }]] } }, 10],
    [{ input: { unknown: [1, 2, 3], text: 'a' } }, 3],
    // Into a scalar GraphQL does not look.
    [{ any: [1, 2, { a: [3] }] }, 1],
  ])('%j are %i', (variables, count) => {
    expect(least(variables)).toBe(count);
  });
});

it('variables that do not fit their types are refused by their first mistakes, and an operation without any has none', () => {
  const nodes = requestedOf('query($ids: [ID!]!) { nodes(ids: $ids) { id } }');
  for (const ids of [null, [null], [{}]]) expect(() => coercedVariables(schema, nodes({ ids }), limits)).toThrow(/ids/);
  expect(coercedVariables(schema, requestedOf('{ viewer { sid } }')({ unused: 1 }), limits)).toEqual({});
});
