import {
  type DirectiveNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  type ValidationRule,
  parse,
  print,
} from 'graphql';

/**
 * Refuses subscriptions whose root field is selected on a condition, as GraphQL's specification does since 2025: a stream without its field
 * would be about nothing. The rule of graphql 16 that counts the root fields fails on a condition by a variable, so the document
 * is removed from the visit before that rule sees it.
 */
export const unconditionalSubscriptions: ValidationRule = (context) => ({
  Document({ definitions }) {
    const fragments = new Map(
      definitions.flatMap((definition) => (definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [])),
    );
    const conditions = definitions.flatMap((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION && definition.operation === OperationTypeNode.SUBSCRIPTION
        ? (conditionIn(definition.selectionSet, fragments) ?? [])
        : [],
    );
    if (conditions.length === 0) return undefined;
    context.reportError(new GraphQLError('A subscription must select its field without @skip and @include.', { nodes: conditions }));
    return null;
  },
});

/** The first condition at the root of a selection. `fragments` are those that it has not led to yet. */
function conditionIn({ selections }: SelectionSetNode, fragments: Map<string, FragmentDefinitionNode>): DirectiveNode | undefined {
  for (const selection of selections) {
    const own = selection.directives?.find(({ name }) => name.value === 'skip' || name.value === 'include');
    if (own !== undefined) return own;
    if (selection.kind === Kind.FIELD) continue;
    const below = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
    if (below?.kind === Kind.FRAGMENT_DEFINITION) fragments.delete(below.name.value);
    const found = below && conditionIn(below.selectionSet, fragments);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A document up to this length is kept as it is, in characters. The store of documents shares it among those who send it. */
const shortDocument = 1024;

/** The document as a stream keeps it: of a long one, what is executed, without comments, tokens and the places of each word. */
export function lastingDocument(document: DocumentNode): DocumentNode {
  return document.loc!.source.body.length <= shortDocument ? document : parse(print(document), { noLocation: true });
}

/** The variables as a stream keeps them: those that the operation declares. */
export function lastingVariables(
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Record<string, unknown>,
): Record<string, unknown> {
  const declared = variableDefinitions.map(({ variable }) => variable.name.value);
  return Object.fromEntries(declared.flatMap((name) => (name in variables ? [[name, variables[name]]] : [])));
}
