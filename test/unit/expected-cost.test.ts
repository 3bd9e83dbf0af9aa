import { parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { assertAffordable, expectedOf } from '../../src/api/graphql/execution/expected-cost.js';
import { type OperationRequest, coercedVariables } from '../../src/api/graphql/execution/operation-request.js';
import { readConfig } from '../../src/config.js';
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
