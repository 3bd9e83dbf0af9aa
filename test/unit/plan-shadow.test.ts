import { type GraphQLObjectType, type OperationDefinitionNode, buildSchema, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { OperationPlan } from '../../src/api/graphql/execution/operation-plan.js';
import { PlanShadow, type ShadowResult } from '../../src/api/graphql/execution/plan-shadow.js';

const schema = buildSchema('type Query { number: Int, secret: String }');
let number = 1;
const fields = (schema.getType('Query') as GraphQLObjectType).getFields();
fields.number!.resolve = () => {
  if (number < 0) throw new Error('negative');
  return number;
};
fields.secret!.extensions = { hasSideEffect: true };

const context = { cost: { add() {} }, report() {} };

function answerTo(query: string, json: string, plan = planOf(query)) {
  const document = parse(query);
  const operation = document.definitions[0] as OperationDefinitionNode;
  const request = { document, operation, operationName: operation.name?.value ?? null, variables: {} };
  return { plan, json, request, coerced: {}, uncharged: () => context };
}

function planOf(query: string) {
  const document = parse(query);
  return OperationPlan.of<typeof context, never>(schema, document, document.definitions[0] as OperationDefinitionNode)!;
}

/** A shadow that keeps what became of its comparisons. */
function shadow({ share = 1, random = () => 0 }: { share?: number; random?: () => number } = {}) {
  const results: ShadowResult[] = [];
  const warnings: [object, string][] = [];
  const it = new PlanShadow<typeof context>({
    schema,
    share,
    random,
    observe: (result) => void results.push(result),
    warn: (...warning) => void warnings.push(warning),
  });
  return { it, results, warnings };
}

/** Waits for comparisons: they begin in the next turn of the event loop, and nothing in them waits for anything. */
async function done(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}

describe('the shadow of plans', () => {
  it('counts an answer that the executor gives as well', async () => {
    number = 1;
    const { it: shadowed, results, warnings } = shadow();
    shadowed.consider(answerTo('query Numbers { number }', '{"number":1}'));
    await done();
    expect(results).toEqual(['same']);
    expect(warnings).toEqual([]);
  });

  it('counts a difference, and logs the name of the operation without any of its data', async () => {
    number = 1;
    const { it: shadowed, results, warnings } = shadow();
    const query = 'query Numbers { number }';
    const wrong = { ...planOf(query), hasSideEffect: false, answer: async () => '{"number":7}' } as unknown as ReturnType<typeof planOf>;
    shadowed.consider(answerTo(query, '{"number":7}', wrong));
    await done();
    expect(results).toEqual(['different']);
    expect(warnings).toEqual([[{ operationName: 'Numbers' }, 'the plan of a query and the executor answer differently']]);
  });

  it('knows a change of the data from a difference, by asking both again', async () => {
    number = 2;
    const { it: shadowed, results, warnings } = shadow();
    shadowed.consider(answerTo('query Numbers { number }', '{"number":1}'));
    await done();
    expect(results).toEqual(['changed']);
    expect(warnings).toEqual([]);
  });

  it('counts apart what the executor could not answer', async () => {
    number = -1;
    const { it: shadowed, results } = shadow();
    shadowed.consider(answerTo('query Numbers { number }', '{"number":1}'));
    await done();
    expect(results).toEqual(['failed']);
  });

  it('compares nothing where the share is 0, and as many as the share says else', async () => {
    number = 1;
    const none = shadow({ share: 0 });
    none.it.consider(answerTo('{ number }', '{"number":1}'));
    const above = shadow({ share: 0.01, random: () => 0.01 });
    above.it.consider(answerTo('{ number }', '{"number":1}'));
    const below = shadow({ share: 0.01, random: () => 0.0099 });
    below.it.consider(answerTo('{ number }', '{"number":1}'));
    await done();
    expect([none.results, above.results, below.results]).toEqual([[], [], ['same']]);
  });

  it('resolves nothing again that writes something', async () => {
    const { it: shadowed, results } = shadow();
    shadowed.consider(answerTo('{ secret }', '{"secret":null}'));
    await done();
    expect(results).toEqual([]);
  });

  it('begins after the answer is on its way, and compares one at a time', async () => {
    number = 1;
    const { it: shadowed, results } = shadow();
    let asked = 0;
    const answer = answerTo('{ number }', '{"number":1}');
    const counted = { ...answer, uncharged: () => ((asked += 1), context) };
    shadowed.consider(counted);
    shadowed.consider(counted);
    await Promise.resolve();
    expect(asked).toBe(0);
    await done();
    expect(results).toEqual(['same']);
    shadowed.consider(counted);
    await done();
    expect(results).toEqual(['same', 'same']);
  });
});
