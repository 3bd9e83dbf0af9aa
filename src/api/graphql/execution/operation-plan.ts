import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  TypeNameMetaFieldDef,
  getArgumentValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { leafText, writerOf } from './json-writer.js';
import { type PlanContext, PlanRun } from './plan-run.js';
import { type Level, type PlannedField, type PlannedOperation, type PlannedValue, Unplannable } from './planned-operation.js';
import type { PlanningHints } from './planning-hints.js';

/**
 * A query made ready to be answered level by level (ADR 20). GraphQL's executor resolves and completes every field of every
 * object by itself. A plan resolves a field for all objects of its level at once, by the resolvers of the schema with
 * their guards and charges, and writes what they return as JSON straight away.
 *
 * A plan gives only answers without any error. At the first one it gives up, and the executor answers instead, from the same
 * loaders. So the executor alone decides how errors look.
 *
 * Nothing here knows what the schema is about. `Prefetch` is whatever the hints of root fields make of their arguments.
 */
export class OperationPlan<Context extends PlanContext, Prefetch> {
  /** Whether a field of the query writes something. */
  readonly hasSideEffect: boolean;
  readonly #planned: PlannedOperation;
  readonly #root: Level;

  private constructor(planned: PlannedOperation) {
    const planner = new Planner(planned);
    this.#planned = planned;
    this.#root = planner.level(planned.schema.getQueryType()!, [planned.operation.selectionSet]);
    this.hasSideEffect = planner.hasSideEffect;
  }

  /** The plan of an operation. Absent for a mutation, and for a query with directives, abstract types or introspection. */
  static of<Context extends PlanContext, Prefetch>(
    schema: GraphQLSchema,
    { definitions }: DocumentNode,
    operation: OperationDefinitionNode,
  ): OperationPlan<Context, Prefetch> | undefined {
    if (operation.operation !== OperationTypeNode.QUERY) return undefined;
    const fragments: Record<string, FragmentDefinitionNode> = {};
    for (const definition of definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
    }
    try {
      return new OperationPlan({ schema, operation, fragments });
    } catch (error) {
      if (error instanceof Unplannable) return undefined;
      throw error;
    }
  }

  /** What can be read along with the caller, by the first root field that names it. */
  prefetch(variables: Record<string, unknown>): Prefetch | undefined {
    for (const { definition, nodes } of this.#root) {
      const { prefetch } = definition.extensions as PlanningHints;
      if (prefetch !== undefined) return prefetch(getArgumentValues(definition, nodes[0]!, variables) as never) as Prefetch;
    }
    return undefined;
  }

  /** The answer's `data` as JSON; absent when a field of it fails. `variables` as fields take them. */
  answer(context: Context, variables: Record<string, unknown>): Promise<string | undefined> {
    return new PlanRun(this.#planned, context, variables).answer(this.#root);
  }
}

/** Works out what a query asks for at each of its places. */
class Planner {
  hasSideEffect = false;

  constructor(private readonly planned: PlannedOperation) {}

  /** @throws Unplannable */
  level(type: GraphQLObjectType, sets: readonly SelectionSetNode[]): Level {
    const selected = new Map<string, FieldNode[]>();
    for (const set of sets) this.#collect(type, set, selected);
    return [...selected].map(([responseName, nodes], index) => {
      const name = nodes[0]!.name.value;
      const definition = name === TypeNameMetaFieldDef.name ? TypeNameMetaFieldDef : type.getFields()[name];
      if (definition === undefined) throw new Unplannable('Introspection is left to the executor.');
      this.hasSideEffect ||= (definition.extensions as PlanningHints).hasSideEffect === true;
      const prefix = `${index === 0 ? '{' : ','}${JSON.stringify(responseName)}:`;
      const value = this.#value(definition.type, nodes);
      return { parentType: type, definition, nodes, responseName, prefix, value, writeFrom: objectWriter(definition, type, value) };
    });
  }

  #collect(type: GraphQLObjectType, { selections }: SelectionSetNode, selected: Map<string, FieldNode[]>): void {
    for (const selection of selections) {
      if (selection.directives !== undefined && selection.directives.length > 0) {
        throw new Unplannable('Directives are left to the executor.');
      }
      if (selection.kind === Kind.FIELD) {
        const responseName = (selection.alias ?? selection.name).value;
        const nodes = selected.get(responseName);
        if (nodes === undefined) selected.set(responseName, [selection]);
        else nodes.push(selection);
        continue;
      }
      const { fragments } = this.planned;
      const { typeCondition, selectionSet } = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value]!;
      if (typeCondition === undefined || this.#applies(typeCondition.name.value, type)) this.#collect(type, selectionSet, selected);
    }
  }

  /** Whether a fragment on the named type selects fields of the object type. */
  #applies(name: string, type: GraphQLObjectType): boolean {
    const { schema } = this.planned;
    if (name === type.name) return true;
    const condition = schema.getType(name);
    return isAbstractType(condition) && schema.isSubType(condition, type);
  }

  #value(type: GraphQLOutputType, nodes: readonly FieldNode[]): PlannedValue {
    if (isNonNullType(type)) return { ...this.#value(type.ofType, nodes), isNullable: false };
    if (isListType(type)) return { kind: 'list', isNullable: true, item: this.#value(type.ofType, nodes) };
    if (isLeafType(type)) return { kind: 'leaf', isNullable: true, write: writerOf(type) };
    if (!isObjectType(type)) throw new Unplannable('Abstract types are left to the executor.');
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    return { kind: 'object', isNullable: true, level: this.level(type, sets) };
  }
}

/** How a field is written that its object simply has, as GraphQL's default resolver reads it; absent for all other fields. */
function objectWriter(
  definition: GraphQLField<unknown, unknown>,
  { name: typeName }: GraphQLObjectType,
  value: PlannedValue,
): PlannedField['writeFrom'] {
  const { name, resolve } = definition;
  if (definition === TypeNameMetaFieldDef) {
    const text = JSON.stringify(typeName);
    return () => text;
  }
  if (resolve !== undefined || value.kind !== 'leaf') return undefined;
  return (object) => leafText(value, (object as Record<string, unknown>)[name]);
}

/** The plans of operations, each made once. */
export class OperationPlans<Context extends PlanContext, Prefetch> {
  readonly #plans = new WeakMap<OperationDefinitionNode, { plan: OperationPlan<Context, Prefetch> | undefined }>();

  constructor(private readonly schema: GraphQLSchema) {}

  of({
    document,
    operation,
  }: {
    document: DocumentNode;
    operation: OperationDefinitionNode;
  }): OperationPlan<Context, Prefetch> | undefined {
    let known = this.#plans.get(operation);
    if (known === undefined) this.#plans.set(operation, (known = { plan: OperationPlan.of(this.schema, document, operation) }));
    return known.plan;
  }
}
