import { GraphQLError, type GraphQLResolveInfo, defaultFieldResolver, getArgumentValues } from 'graphql';
import { AppError } from '../../../errors.js';
import { contextWith } from './context-with.js';
import { leafText, nullText } from './json-writer.js';
import { type Level, type PlannedField, type PlannedOperation, type PlannedValue, Unplannable } from './planned-operation.js';
import type { PlanningHints } from './planning-hints.js';

/** Adds up what fields cost. */
interface CostCounter {
  add(cost: number): void;
}

/** All that a plan needs of the context that the resolvers of a request share. */
export interface PlanContext {
  readonly cost: CostCounter;
  /** Logs an error that is the gateway's own fault. */
  readonly report: (error: unknown, message: string) => void;
}

/** One answer while it is worked out. */
export class PlanRun<Context extends PlanContext> {
  readonly #cost: ProvisionalCost;
  /** What the resolvers get: the context, but that what they cost can be taken back. */
  readonly #context: Omit<Context, 'cost'> & { cost: CostCounter };
  #hasFailed = false;

  constructor(
    private readonly planned: PlannedOperation,
    private readonly context: Context,
    private readonly variables: Record<string, unknown>,
  ) {
    this.#cost = new ProvisionalCost(context.cost);
    this.#context = contextWith(context, { cost: this.#cost });
  }

  /** The query's data as JSON; absent when a field of it fails. */
  async answer(root: Level): Promise<string | undefined> {
    try {
      const [text] = await this.#objects(root, [undefined]);
      return text;
    } catch (error) {
      // The executor charges these fields again. Batches of rows that were read stay charged: it finds them loaded.
      this.#hasFailed = true;
      this.#cost.takeBack();
      if (!isForeseen(error)) this.context.report(error, 'the plan of a query failed; the executor answers it');
      return undefined;
    }
  }

  /** Writes all objects of a level: first each field of all of them, then object by object. */
  async #objects(level: Level, objects: readonly unknown[]): Promise<string[]> {
    const columns = await Promise.all(level.map((field) => (field.writeFrom === undefined ? this.#column(field, objects) : undefined)));
    return objects.map((object, index) => {
      let text = '';
      for (let column = 0; column < level.length; column++) {
        const { prefix, writeFrom } = level[column]!;
        text += prefix + (writeFrom === undefined ? columns[column]![index]! : writeFrom(object));
      }
      return `${text}}`;
    });
  }

  /** Writes one field of all objects of a level. */
  async #column(field: PlannedField, objects: readonly unknown[]): Promise<string[]> {
    // The failure of one branch of the query cannot be awaited by the others; so each asks before it goes on.
    if (this.#hasFailed) throw new Unplannable('Another field has failed.');
    return this.#texts(field.value, await this.#resolved(field, objects));
  }

  /** What the field is to each of the objects. */
  async #resolved(field: PlannedField, objects: readonly unknown[]): Promise<readonly unknown[]> {
    const { definition, nodes } = field;
    const { followsFrom, cost } = definition.extensions as PlanningHints;
    const args = definition.args.length === 0 ? {} : getArgumentValues(definition, nodes[0]!, this.variables);
    const info = this.#info(field);
    const resolve = definition.resolve ?? defaultFieldResolver;
    const resolveOne = (object: unknown): unknown => {
      try {
        return resolve(object, args, this.#context, info);
      } catch (error) {
        // As a promise, so that those of the other objects are awaited as well.
        return Promise.reject(error);
      }
    };
    if (followsFrom === undefined) return settled(objects.map(resolveOne));
    const keyOf = (object: unknown): unknown => (object as Record<string, unknown>)[followsFrom];
    const distinct = new Map<unknown, unknown>();
    for (const object of objects) distinct.set(keyOf(object), object);
    const values = await settled([...distinct.values()].map(resolveOne));
    const valueOf = new Map([...distinct.keys()].map((key, index) => [key, values[index]]));
    // A field costs by how often it is given out, however often it was resolved.
    if (cost !== undefined) this.#cost.add((objects.length - distinct.size) * cost);
    return objects.map((object) => valueOf.get(keyOf(object)));
  }

  #info({ definition, nodes, parentType, responseName }: PlannedField): GraphQLResolveInfo {
    const { schema, fragments, operation } = this.planned;
    // Property by property: a spread takes longer than all else that a small query needs.
    return {
      schema,
      fragments,
      operation,
      fieldName: definition.name,
      fieldNodes: nodes,
      returnType: definition.type,
      parentType,
      path: { prev: undefined, key: responseName, typename: parentType.name },
      rootValue: undefined,
      variableValues: this.variables,
    };
  }

  /** Writes the values that are at one place of the query. */
  async #texts(planned: PlannedValue, values: readonly unknown[]): Promise<string[]> {
    switch (planned.kind) {
      case 'leaf':
        return values.map((value) => leafText(planned, value));
      case 'object': {
        // An object that is the value of many fields is written once.
        const distinct = [...new Set(values)].filter((value) => value !== null && value !== undefined) as object[];
        const texts = await this.#objects(planned.level, distinct);
        const textOf = new Map<unknown, string>(distinct.map((value, index) => [value, texts[index]!]));
        return values.map((value) => textOf.get(value) ?? nullText(planned));
      }
      case 'list': {
        const lists = values.map((value) => (value === null || value === undefined ? undefined : listOf(value)));
        const texts = await this.#texts(
          planned.item,
          lists.flatMap((list) => list ?? []),
        );
        let start = 0;
        return lists.map((list) => {
          if (list === undefined) return nullText(planned);
          const end = start + list.length;
          const text = `[${texts.slice(start, end).join(',')}]`;
          start = end;
          return text;
        });
      }
    }
  }
}

/** Passes costs on as they arise, and can take them back: after that, what branches still cost that are under way is dropped. */
class ProvisionalCost implements CostCounter {
  #total = 0;
  #isTakenBack = false;

  constructor(private readonly counter: CostCounter) {}

  add(cost: number): void {
    if (this.#isTakenBack) return;
    this.#total += cost;
    this.counter.add(cost);
  }

  takeBack(): void {
    this.#isTakenBack = true;
    this.counter.add(-this.#total);
  }
}

/** Whether it is an error that the executor meets as well and tells the caller: a refusal, or a mistake in arguments or values. */
function isForeseen(error: unknown): boolean {
  return error instanceof Unplannable || error instanceof AppError || error instanceof GraphQLError;
}

function settled(values: readonly unknown[]): readonly unknown[] | Promise<unknown[]> {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : values;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Unplannable('A list is none.');
  return value;
}
