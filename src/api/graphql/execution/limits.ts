import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationRule,
  visit,
} from 'graphql';
import type { RequestLimits } from '../../../config.js';

/**
 * The validation rules for documents beside GraphQL's own. They apply to every transport, and before anything is executed or
 * read.
 */
export function limitRules(limits: RequestLimits): ValidationRule[] {
  return [sizeLimit(limits)];
}

/**
 * Limits the size of a document before any other rule works on it. GraphQL's own rules compare every two selections of one
 * field with each other and follow fragments wherever they lead, which takes far longer than counting. All rules share one
 * visit of the document. This one counts when the visit begins. If there is too much, it removes the document from the visit,
 * so that the other rules see none of it.
 */
function sizeLimit(limits: RequestLimits): ValidationRule {
  return (context) => ({
    Document(document) {
      const excess = excessIn(document, limits);
      if (excess === undefined) return undefined;
      context.reportError(new GraphQLError(excess));
      return null;
    },
  });
}

/** Which limit the document exceeds, in a sentence. */
function excessIn(document: DocumentNode, limits: RequestLimits): string | undefined {
  const found = { aliases: 0, directives: 0, fragments: 0 };
  visit(document, {
    Field: ({ alias }) => void (found.aliases += alias === undefined ? 0 : 1),
    Directive: () => void (found.directives += 1),
    FragmentDefinition: () => void (found.fragments += 1),
  });
  for (const what of ['aliases', 'directives', 'fragments'] as const) {
    if (found[what] > limits[what]) return `The document has more than ${limits[what]} ${what}.`;
  }
  return new DocumentMeasure(document, limits).excess;
}

/** What is selected under one response name at one place of the answer. */
interface Merged {
  count: number;
  below: SelectionSetNode[];
  /** The fields that a client library may have added. */
  added: Set<FieldNode>;
}

/** The fields that client libraries add to every fragment, to recognize objects in their cache. */
const fieldsAddedByLibraries = ['__typename', 'id'];

function isAddedByLibrary({ alias, name, arguments: args, selectionSet }: FieldNode): boolean {
  return fieldsAddedByLibraries.includes(name.value) && alias === undefined && args?.length === 0 && selectionSet === undefined;
}

/** Measures a document as it is executed: with each fragment written out wherever it is spread, and equal fields merged. */
class DocumentMeasure {
  /** Which limit is exceeded, in a sentence. */
  excess: string | undefined;
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  /** The fragments that were spread, and those that are being spread right now. */
  readonly #reached = new Set<string>();
  readonly #open = new Set<string>();
  #selections = 0;

  constructor(
    { definitions }: DocumentNode,
    private readonly limits: RequestLimits,
  ) {
    for (const definition of definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments.set(definition.name.value, definition);
    }
    for (const definition of definitions) {
      if (definition.kind === Kind.OPERATION_DEFINITION) this.#merge([definition.selectionSet], 0);
    }
    // Fragments that no operation uses: one of GraphQL's rules refuses them, but the others work on them first.
    for (const [name, { selectionSet }] of this.#fragments) if (!this.#reached.has(name)) this.#merge([selectionSet], 0);
  }

  /** Measures everything that is selected at one place of the answer, and below it. */
  #merge(sets: readonly SelectionSetNode[], depth: number): void {
    const { limits } = this;
    // This also ends a fragment that leads back to itself.
    if (depth > limits.depth) this.excess ??= `The document is nested more than ${limits.depth} levels deep.`;
    const merged = new Map<string, Merged>();
    for (const set of sets) this.#collect(set, merged);
    for (const [name, { count, below, added }] of merged) {
      // What a library adds may repeat more often (SPEC §3), but at most once for each fragment.
      const addedAtMost = limits.repetition + limits.fragments;
      const exceeded = count > limits.repetition ? limits.repetition : added.size > addedAtMost ? addedAtMost : undefined;
      if (exceeded !== undefined) this.excess ??= `The document selects ${name} more than ${exceeded} times at one place.`;
      if (this.excess !== undefined) return;
      if (below.length > 0) this.#merge(below, depth + 1);
    }
  }

  #collect({ selections }: SelectionSetNode, merged: Map<string, Merged>): void {
    for (const selection of selections) {
      this.#selections += 1;
      // Fragments shorten a document. They do not allow more than could be written without them.
      if (this.#selections > this.limits.tokens)
        this.excess ??= `The document has more than ${this.limits.tokens} selections, with its fragments written out. Ask for fewer fields.`;
      if (this.excess !== undefined) return;
      switch (selection.kind) {
        case Kind.FIELD: {
          const name = (selection.alias ?? selection.name).value;
          const { count, below, added } = merged.get(name) ?? { count: 0, below: [], added: new Set() };
          const isAdded = isAddedByLibrary(selection);
          if (isAdded) added.add(selection);
          merged.set(name, {
            count: isAdded ? count : count + 1,
            below: selection.selectionSet ? below.concat(selection.selectionSet) : below,
            added,
          });
          break;
        }
        case Kind.INLINE_FRAGMENT:
          this.#collect(selection.selectionSet, merged);
          break;
        case Kind.FRAGMENT_SPREAD:
          this.#spread(selection.name.value, merged);
      }
    }
  }

  #spread(name: string, merged: Map<string, Merged>): void {
    const fragment = this.#fragments.get(name);
    if (fragment === undefined || this.#open.has(name)) return;
    this.#reached.add(name);
    this.#open.add(name);
    this.#collect(fragment.selectionSet, merged);
    this.#open.delete(name);
  }
}
