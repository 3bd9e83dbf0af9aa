import { type GraphQLFieldResolver, type GraphQLObjectType, type OperationDefinitionNode, buildSchema, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { OperationPlan } from '../../src/api/graphql/execution/operation-plan.js';
import { FollowsFrom, type PlanningHints } from '../../src/api/graphql/execution/planning-hints.js';
import { AppError } from '../../src/errors.js';

interface TestContext {
  cost: { total: number; add(cost: number): void };
  report: (error: unknown, message: string) => void;
  reported: string[];
}

type Resolvers = Record<string, Record<string, GraphQLFieldResolver<any, TestContext>>>;

function contextOf(): TestContext {
  const reported: string[] = [];
  return {
    cost: {
      total: 0,
      add(cost) {
        this.total += cost;
      },
    },
    report: (error, message) => void reported.push(`${message}: ${(error as Error).message}`),
    reported,
  };
}

function planOf(sdl: string, resolvers: Resolvers, query: string, hints: Record<string, PlanningHints> = {}) {
  const schema = buildSchema(sdl);
  for (const [type, fields] of Object.entries(resolvers)) {
    for (const [name, resolve] of Object.entries(fields)) {
      const field = (schema.getType(type) as GraphQLObjectType).getFields()[name]!;
      field.resolve = resolve as GraphQLFieldResolver<unknown, unknown>;
      field.extensions = { ...hints[`${type}.${name}`] };
    }
  }
  const document = parse(query);
  return OperationPlan.of<TestContext, string>(schema, document, document.definitions[0] as OperationDefinitionNode)!;
}

const tree = `
  type Query { fast: Node, slow: Node, token: String }
  type Node { name: String, child: Node, other: Int }
`;

/** Waits until all that is ready to run has run. */
const nextTurn = () => new Promise(setImmediate);

describe('the plan of a query', () => {
  it('answers with what the resolvers of the schema return', async () => {
    const resolvers: Resolvers = { Query: { fast: () => ({ name: 'a "b"', child: { name: null } }) } };
    const plan = planOf(tree, resolvers, '{ fast { name child { name child { name } } } slow { name } }');
    const context = contextOf();
    expect(await plan.answer(context, {})).toBe('{"fast":{"name":"a \\"b\\"","child":{"name":null,"child":null}},"slow":null}');
    expect(context.reported).toEqual([]);
  });

  it('goes no deeper into any branch once one has failed', async () => {
    const resolved: string[] = [];
    const resolvers: Resolvers = {
      Query: {
        fast: async () => {
          throw new AppError('FORBIDDEN', 'no');
        },
        slow: async () => {
          await nextTurn();
          return { name: 'slow' };
        },
      },
      Node: { child: ({ name }: { name: string }) => void resolved.push(name) },
    };
    const plan = planOf(tree, resolvers, '{ slow { child { name } } fast { name } }');
    expect(await plan.answer(contextOf(), {})).toBeUndefined();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(resolved).toEqual([]);
  });

  it('charges nothing once a field has failed, whatever its other branches still resolve', async () => {
    const charged: string[] = [];
    const resolvers: Resolvers = {
      Query: {
        fast: async (_source, _args, context) => {
          context.cost.add(3);
          await Promise.resolve();
          throw new AppError('FORBIDDEN', 'no');
        },
        slow: async (_source, _args, context) => {
          await nextTurn();
          context.cost.add(5);
          charged.push('late');
          return null;
        },
      },
    };
    const plan = planOf(tree, resolvers, '{ slow { name } fast { name } }');
    const context = contextOf();
    context.cost.add(100);
    expect(await plan.answer(context, {})).toBeUndefined();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(charged).toEqual(['late']);
    expect(context.cost.total).toBe(100);
  });

  it('keeps charged what was charged beside its fields, as for batches of rows that the executor finds loaded', async () => {
    const context = contextOf();
    const resolvers: Resolvers = {
      Query: {
        fast: async (_source, _args, { cost }) => {
          cost.add(3);
          context.cost.add(1);
          throw new AppError('FORBIDDEN', 'no');
        },
      },
    };
    await planOf(tree, resolvers, '{ fast { name } }').answer(context, {});
    expect(context.cost.total).toBe(1);
  });

  it('leaves refusals to the executor without a word in the log', async () => {
    const refusing: Resolvers = {
      Query: {
        fast: () => {
          throw new AppError('FORBIDDEN', 'no');
        },
      },
    };
    const context = contextOf();
    expect(await planOf(tree, refusing, '{ fast { name } }').answer(context, {})).toBeUndefined();
    // A value that is none of the type is told by the executor too.
    const misfit: Resolvers = { Query: { fast: () => ({ other: 'none' }) } };
    expect(await planOf(tree, misfit, '{ fast { other } }').answer(context, {})).toBeUndefined();
    expect(context.reported).toEqual([]);
  });

  it('logs any other failure, though the executor may answer', async () => {
    const context = contextOf();
    const broken: Resolvers = {
      Query: {
        fast: () => {
          throw new TypeError('undefined is not a function');
        },
      },
    };
    expect(await planOf(tree, broken, '{ fast { name } }').answer(context, {})).toBeUndefined();
    expect(context.reported).toEqual(['the plan of a query failed; the executor answers it: undefined is not a function']);
  });

  it('resolves a field once for each value that it follows from, and charges it for each object', async () => {
    const sdl = 'type Query { nodes: [Node!]! } type Node { key: Int, shared: Node }';
    const calls: number[] = [];
    const resolvers: Resolvers = {
      Query: { nodes: () => [{ key: 1 }, { key: 2 }, { key: 1 }, { key: 1 }] },
      Node: {
        shared({ key }: { key: number }, _args, { cost }) {
          cost.add(10);
          calls.push(key);
          return { key: key * 100 };
        },
      },
    };
    const plan = planOf(sdl, resolvers, '{ nodes { shared { key } } }', { 'Node.shared': { followsFrom: 'key', cost: 10 } });
    const context = contextOf();
    expect(JSON.parse((await plan.answer(context, {}))!).nodes.map(({ shared }: any) => shared.key)).toEqual([100, 200, 100, 100]);
    expect(calls).toEqual([1, 2]);
    expect(context.cost.total).toBe(40);
  });

  it('hands on what a root field says can be prefetched, whatever that is', () => {
    const plan = planOf('type Query { thing(id: ID): String }', { Query: { thing: () => null } }, 'query ($id: ID) { thing(id: $id) }', {
      'Query.thing': { prefetch: ({ id }: { id: string }) => `thing ${id}` },
    });
    expect(plan.prefetch({ id: '7' })).toBe('thing 7');
  });

  it('knows whether a field of it writes something, at any depth', () => {
    const hints = { 'Node.child': { hasSideEffect: true } };
    const resolvers: Resolvers = { Node: { child: () => null } };
    expect(planOf(tree, resolvers, '{ fast { child { child { name } } } }', hints).hasSideEffect).toBe(true);
    expect(planOf(tree, resolvers, '{ fast { name } }', hints).hasSideEffect).toBe(false);
  });
});

describe('what a field follows from', () => {
  interface Thing {
    key: string;
    other: string;
  }

  it('is a property of its object, and all that its resolver takes of it', () => {
    class Resolver {
      @FollowsFrom('key')
      right({ key }: Pick<Thing, 'key'>): string {
        return key;
      }

      // @ts-expect-error: the resolver takes more than it says.
      @FollowsFrom('key')
      takesAll({ key }: Thing): string {
        return key;
      }

      // @ts-expect-error: a property that the object does not have.
      @FollowsFrom('kee')
      misspelt({ key }: Pick<Thing, 'key'>): string {
        return key;
      }

      // @ts-expect-error: another property than the resolver takes.
      @FollowsFrom('other')
      another({ key }: Pick<Thing, 'key'>): string {
        return key;
      }
    }
    expect(new Resolver().right({ key: 'a' })).toBe('a');
  });
});
