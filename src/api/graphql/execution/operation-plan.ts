import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  TypeNameMetaFieldDef,
  defaultFieldResolver,
  getArgumentValues,
  isAbstractType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import type { AccountReference } from '../../../domain/account.js';
import type { Context } from '../context.js';
import { RawJson } from '../types/json-object.js';

/** What a field of the schema says of itself to whoever plans a query; set by the decorator `Extensions`. */
export interface PlanningHints {
  /** The one property of its object that the field follows from, besides who asks: it is resolved once for each value. */
  followsFrom?: string;
  /** The account that the field reads, by its arguments, so that it can be prefetched with the caller. */
  prefetch?: (args: never) => AccountReference;
  /** What resolving it once costs. */
  cost?: number;
}

/** Whatever keeps a query from being answered whole: GraphQL's own executor answers it, and knows what to say. */
class Unplanned extends Error {}

/** How values of a type are written. */
type Shape =
  | { kind: 'leaf'; isNullable: boolean; write: (value: unknown) => string }
  | { kind: 'object'; isNullable: boolean; level: Level }
  | { kind: 'list'; isNullable: boolean; item: Shape };

/** What is asked of all objects at one place of a query. */
type Level = readonly PlannedField[];

interface PlannedField {
  parentType: GraphQLObjectType;
  definition: GraphQLField<unknown, unknown>;
  nodes: FieldNode[];
  responseName: string;
  /** What comes before each value: the response name, and what separates it from the field before. */
  prefix: string;
  shape: Shape;
  /** Writes the field of an object that says it by itself: no resolver is needed. */
  plain: ((object: unknown) => string) | undefined;
}

/**
 * A query made ready to be answered level by level (ADR 20). GraphQL's executor resolves and completes every field of every
 * object by itself. Here a field is resolved for all objects of its level at once, by the very resolvers of the schema with
 * their guards and meters; and what they bring is written as JSON straight away. Only answers without any error are given:
 * at the first one the plan gives up, and the executor, which shares the request's loaders, answers instead.
 */
export class OperationPlan {
  readonly #root: Level;

  private constructor(
    private readonly schema: GraphQLSchema,
    private readonly operation: OperationDefinitionNode,
    private readonly fragments: Record<string, FragmentDefinitionNode>,
  ) {
    this.#root = this.#level(schema.getQueryType()!, [operation.selectionSet]);
  }

  /** The plan of an operation; nothing for one that is left to the executor: what changes something, has directives, or asks for abstract types. */
  static of(schema: GraphQLSchema, { definitions }: DocumentNode, operation: OperationDefinitionNode): OperationPlan | undefined {
    if (operation.operation !== OperationTypeNode.QUERY) return undefined;
    const fragments: Record<string, FragmentDefinitionNode> = {};
    for (const definition of definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
    }
    try {
      return new OperationPlan(schema, operation, fragments);
    } catch (error) {
      if (error instanceof Unplanned) return undefined;
      throw error;
    }
  }

  /** The account to prefetch, if a field of the query reads one. */
  prefetch(variables: Record<string, unknown>): AccountReference | undefined {
    for (const { definition, nodes } of this.#root) {
      const { prefetch } = definition.extensions as PlanningHints;
      if (prefetch !== undefined) return prefetch(getArgumentValues(definition, nodes[0]!, variables) as never);
    }
    return undefined;
  }

  /** The answer's `data` as JSON; nothing when a field of it fails. */
  async answer(context: Context, variables: Record<string, unknown>): Promise<string | undefined> {
    const { cost } = context;
    const before = cost.total;
    try {
      const [text] = await this.#objects(this.#root, [undefined], { context, variables });
      return text;
    } catch {
      // The executor meets the same error, tells it at its place, and counts anew.
      cost.add(before - cost.total);
      return undefined;
    }
  }

  #level(type: GraphQLObjectType, sets: readonly SelectionSetNode[]): Level {
    const selected = new Map<string, FieldNode[]>();
    for (const set of sets) this.#collect(type, set, selected);
    return [...selected].map(([responseName, nodes], index): PlannedField => {
      const name = nodes[0]!.name.value;
      const definition = name === TypeNameMetaFieldDef.name ? TypeNameMetaFieldDef : type.getFields()[name];
      // Of the root alone: introspection.
      if (definition === undefined) throw new Unplanned();
      const prefix = `${index === 0 ? '{' : ','}${JSON.stringify(responseName)}:`;
      const shape = this.#shape(definition.type, nodes);
      return { parentType: type, definition, nodes, responseName, prefix, shape, plain: plainOf(definition, type, shape) };
    });
  }

  #collect(type: GraphQLObjectType, { selections }: SelectionSetNode, selected: Map<string, FieldNode[]>): void {
    for (const selection of selections) {
      if (selection.directives !== undefined && selection.directives.length > 0) throw new Unplanned();
      if (selection.kind === Kind.FIELD) {
        const responseName = (selection.alias ?? selection.name).value;
        const nodes = selected.get(responseName);
        if (nodes === undefined) selected.set(responseName, [selection]);
        else nodes.push(selection);
        continue;
      }
      const { typeCondition, selectionSet } = selection.kind === Kind.INLINE_FRAGMENT ? selection : this.fragments[selection.name.value]!;
      if (typeCondition === undefined || this.#applies(typeCondition.name.value, type)) this.#collect(type, selectionSet, selected);
    }
  }

  #applies(name: string, type: GraphQLObjectType): boolean {
    if (name === type.name) return true;
    const condition = this.schema.getType(name);
    return isAbstractType(condition) && this.schema.isSubType(condition, type);
  }

  #shape(type: GraphQLOutputType, nodes: readonly FieldNode[]): Shape {
    if (isNonNullType(type)) return { ...this.#shape(type.ofType, nodes), isNullable: false };
    if (isListType(type)) return { kind: 'list', isNullable: true, item: this.#shape(type.ofType, nodes) };
    if (isLeafType(type)) return { kind: 'leaf', isNullable: true, write: writerOf(type) };
    if (!isObjectType(type)) throw new Unplanned();
    return {
      kind: 'object',
      isNullable: true,
      level: this.#level(
        type,
        nodes.flatMap(({ selectionSet }) => selectionSet ?? []),
      ),
    };
  }

  /** Writes all objects of a level: first what its fields bring, each for all of them, then object by object. */
  async #objects(fields: Level, objects: readonly unknown[], run: Run): Promise<string[]> {
    const columns = await Promise.all(fields.map((field) => (field.plain === undefined ? this.#column(field, objects, run) : undefined)));
    return objects.map((object, index) => {
      let text = '';
      for (let column = 0; column < fields.length; column++) {
        const { prefix, plain } = fields[column]!;
        text += prefix + (plain === undefined ? columns[column]![index]! : plain(object));
      }
      return `${text}}`;
    });
  }

  async #column(field: PlannedField, objects: readonly unknown[], run: Run): Promise<string[]> {
    return this.#values(field.shape, await this.#resolved(field, objects, run), run);
  }

  /** What the field is to each of the objects. */
  async #resolved(field: PlannedField, objects: readonly unknown[], { context, variables }: Run): Promise<readonly unknown[]> {
    const { definition, nodes } = field;
    const { resolve } = definition;
    const { followsFrom, cost } = definition.extensions as PlanningHints;
    const args = definition.args.length === 0 ? {} : getArgumentValues(definition, nodes[0]!, variables);
    const info = this.#info(field, variables);
    const resolveOne = resolve ?? defaultFieldResolver;
    const once = (object: unknown): unknown => {
      try {
        return resolveOne(object, args, context, info);
      } catch (error) {
        // As a promise, so that those of the other objects are waited for as well.
        return Promise.reject(error);
      }
    };
    if (followsFrom === undefined) return settled(objects.map(once));
    const distinct = new Map<unknown, unknown>();
    for (const object of objects) distinct.set((object as Record<string, unknown>)[followsFrom], object);
    const values = await settled([...distinct.values()].map(once));
    const valueOf = new Map([...distinct.keys()].map((key, index) => [key, values[index]]));
    // What is given out counts, however often it was worked out.
    if (cost !== undefined) context.cost.add((objects.length - distinct.size) * cost);
    return objects.map((object) => valueOf.get((object as Record<string, unknown>)[followsFrom]));
  }

  #info({ definition, nodes, parentType, responseName }: PlannedField, variableValues: Record<string, unknown>): GraphQLResolveInfo {
    const { schema, fragments, operation } = this;
    return {
      fieldName: definition.name,
      fieldNodes: nodes,
      returnType: definition.type,
      parentType,
      path: { prev: undefined, key: responseName, typename: parentType.name },
      schema,
      fragments,
      rootValue: undefined,
      operation,
      variableValues,
    };
  }

  /** Writes values of one type. */
  async #values(shape: Shape, values: readonly unknown[], run: Run): Promise<string[]> {
    switch (shape.kind) {
      case 'leaf':
        return values.map((value) => writtenLeaf(shape, value));
      case 'object': {
        // What is the same to many is written once.
        const distinct = [...new Set(values)].filter((value) => value !== null && value !== undefined) as object[];
        const texts = await this.#objects(shape.level, distinct, run);
        const textOf = new Map<unknown, string>(distinct.map((value, index) => [value, texts[index]!]));
        return values.map((value) => textOf.get(value) ?? nullOf(shape));
      }
      case 'list': {
        const lists = values.map((value) => (value === null || value === undefined ? undefined : listOf(value)));
        const texts = await this.#values(
          shape.item,
          lists.flatMap((list) => list ?? []),
          run,
        );
        let start = 0;
        return lists.map((list) => {
          if (list === undefined) return nullOf(shape);
          const end = start + list.length;
          const text = `[${texts.slice(start, end).join(',')}]`;
          start = end;
          return text;
        });
      }
    }
  }
}

/** What one answer is worked out with. */
interface Run {
  context: Context;
  variables: Record<string, unknown>;
}

/** A field that is read from its object, as GraphQL's default resolver does. */
function plainOf(definition: GraphQLField<unknown, unknown>, { name: typeName }: GraphQLObjectType, shape: Shape): PlannedField['plain'] {
  const { name, resolve } = definition;
  if (definition === TypeNameMetaFieldDef) {
    const text = JSON.stringify(typeName);
    return () => text;
  }
  if (resolve !== undefined || shape.kind !== 'leaf') return undefined;
  return (object) => writtenLeaf(shape, (object as Record<string, unknown>)[name]);
}

function writtenLeaf(shape: Extract<Shape, { kind: 'leaf' }>, value: unknown): string {
  return value === null || value === undefined ? nullOf(shape) : shape.write(value);
}

function settled(values: readonly unknown[]): readonly unknown[] | Promise<unknown[]> {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : values;
}

function nullOf({ isNullable }: Shape): string {
  if (!isNullable) throw new Unplanned();
  return 'null';
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Unplanned();
  return value;
}

function writerOf(type: GraphQLLeafType): (value: unknown) => string {
  if (isEnumType(type)) {
    const texts = new Map(type.getValues().map(({ name, value }) => [value as unknown, JSON.stringify(name)]));
    return (value) => texts.get(value) ?? unwritable();
  }
  return (value) => {
    const serialized = type.serialize(value);
    if (typeof serialized === 'string') return quoted(serialized);
    return serialized instanceof RawJson ? serialized.text : (JSON.stringify(serialized) ?? unwritable());
  };
}

/** All but what is itself in a string of JSON: printable ASCII without `"` and backslash, which most values are made of. */
const needsEscape = /[^ !#-[\]-~]/;

function quoted(text: string): string {
  return needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function unwritable(): never {
  throw new Unplanned();
}

/** The plans of operations, each made once. */
export class Plans {
  readonly #plans = new WeakMap<OperationDefinitionNode, { plan: OperationPlan | undefined }>();

  constructor(private readonly schema: GraphQLSchema) {}

  of({ document, operation }: { document: DocumentNode; operation: OperationDefinitionNode }): OperationPlan | undefined {
    let known = this.#plans.get(operation);
    if (known === undefined) this.#plans.set(operation, (known = { plan: OperationPlan.of(this.schema, document, operation) }));
    return known.plan;
  }
}
