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
 * The rules that a document is held to beside GraphQL's own, whatever it came by: who serves documents over another
 * transport validates them by this same list. All hold before anything is executed or read.
 */
export function limitRules(limits: RequestLimits): ValidationRule[] {
  return [sizeLimit(limits)];
}

/**
 * Holds a document to its size before any other rule works on it. GraphQL's own compare every two selections of one field
 * with each other and follow fragments wherever they lead, which takes far longer than to count. All rules share one visit
 * of the document; this one counts as soon as the visit begins and, where there is too much, takes the document out of it,
 * so that the others see nothing of it.
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

/** What the document has too much of, in a sentence. */
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
  return new Spread(document, limits).excess;
}

/** What is selected under one response name at one place of the answer. */
interface Merged {
  count: number;
  below: SelectionSetNode[];
  /** Those that a client may have added by itself. */
  added: Set<FieldNode>;
}

/** What clients add to every fragment by themselves, to know again what they are given. */
const addedByClients = ['__typename', 'id'];

function isAddedByClient({ alias, name, arguments: args, selectionSet }: FieldNode): boolean {
  return addedByClients.includes(name.value) && alias === undefined && args?.length === 0 && selectionSet === undefined;
}

/** A document as it is executed: each fragment written out wherever it is spread, and what is selected twice merged. */
class Spread {
  /** What there is too much of, in a sentence. */
  excess: string | undefined;
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  /** Those that were spread, and those that are being spread. */
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
    // GraphQL's rules work on those that no operation uses as well, before one of them says so.
    for (const [name, { selectionSet }] of this.#fragments) if (!this.#reached.has(name)) this.#merge([selectionSet], 0);
  }

  /** Walks over all that is selected at one place of the answer, and below it. */
  #merge(sets: readonly SelectionSetNode[], depth: number): void {
    const { limits } = this;
    // A fragment that leads back to itself ends here as well.
    if (depth > limits.depth) this.excess ??= `The document is nested more than ${limits.depth} levels deep.`;
    const merged = new Map<string, Merged>();
    for (const set of sets) this.#collect(set, merged);
    for (const [name, { count, below, added }] of merged) {
      // Nobody repeats what a client adds (SPEC §3); but there is no more of it than there can be fragments.
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
      // Fragments save writing; they do not get more out of a document than could be written.
      if (this.#selections > this.limits.tokens) this.excess ??= 'The document spreads out too far.';
      if (this.excess !== undefined) return;
      switch (selection.kind) {
        case Kind.FIELD: {
          const name = (selection.alias ?? selection.name).value;
          const { count, below, added } = merged.get(name) ?? { count: 0, below: [], added: new Set() };
          const isAdded = isAddedByClient(selection);
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
