import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  GraphQLIncludeDirective,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  Kind,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  isCompositeType,
} from 'graphql';
import type { OperationRequest } from './operation-request.js';

/** A field at one place of an operation, with fragments written out. */
export interface SelectedField {
  /** The type that the field belongs to. */
  type: GraphQLCompositeType;
  definition: GraphQLField<unknown, unknown>;
  args: Record<string, unknown>;
  /** The field that it is selected below. */
  above: SelectedField | undefined;
  /** Its name in the answer. */
  responseName: string;
}

/** Every field of a valid operation, each before those below it. The variables are coerced ones. */
export function* selectedFields(schema: GraphQLSchema, { document, operation, variables }: OperationRequest): Generator<SelectedField> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }

  function* below(type: GraphQLNamedType, { selections }: SelectionSetNode, above: SelectedField | undefined): Generator<SelectedField> {
    if (!isCompositeType(type)) return;
    for (const selection of selections) {
      if (getDirectiveValues(GraphQLSkipDirective, selection, variables)?.if === true) continue;
      if (getDirectiveValues(GraphQLIncludeDirective, selection, variables)?.if === false) continue;
      if (selection.kind === Kind.FIELD) {
        yield* fieldAt(type, selection, above);
        continue;
      }
      const { typeCondition, selectionSet } = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value)!;
      yield* below(typeCondition === undefined ? type : schema.getType(typeCondition.name.value)!, selectionSet, above);
    }
  }

  function* fieldAt(type: GraphQLCompositeType, node: FieldNode, above: SelectedField | undefined): Generator<SelectedField> {
    const definition = definitionOf(type, node.name.value);
    const field = {
      type,
      definition,
      args: getArgumentValues(definition, node, variables),
      above,
      responseName: (node.alias ?? node.name).value,
    };
    yield field;
    if (node.selectionSet !== undefined) yield* below(getNamedType(definition.type), node.selectionSet, field);
  }

  yield* below(schema.getRootType(operation.operation)!, operation.selectionSet, undefined);
}

/** What GraphQL adds to every schema. */
const metaFields = [SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef];

function definitionOf(type: GraphQLCompositeType, name: string): GraphQLField<unknown, unknown> {
  // A union has no fields but `__typename`.
  return metaFields.find((field) => field.name === name) ?? (type as GraphQLObjectType | GraphQLInterfaceType).getFields()[name]!;
}

/** Where in the answer the field is, as `viewer.ancestors.profile`. */
export function pathOf({ above, responseName }: SelectedField): string {
  return above === undefined ? responseName : `${pathOf(above)}.${responseName}`;
}
