import { costOfChange, costOfEntry } from '../../http/cost-budget.js';
import type { PlanningHints } from './planning-hints.js';

/** A field as the schema declares it: in the schema itself, or in a configuration of it. */
export interface DeclaredField {
  name: string;
  /** The type that the field belongs to. */
  typeName: string;
  /** Whether it brings objects. */
  isComposite: boolean;
  extensions: PlanningHints | undefined | null;
}

/**
 * What it costs to resolve a field once, without what is below it: as a rule, the one object that it brings. PostgreSQL's time
 * is charged apart, as it was taken. What a field could cost (expected-cost.ts) and what it did cost (cost-charging.ts) both
 * rest on this, so that the limit and the charge cannot disagree.
 */
export function costOfField({ typeName, isComposite, extensions }: DeclaredField): number {
  if (typeName === 'Mutation' || extensions?.hasSideEffect) return costOfChange;
  return isComposite ? costOfEntry : 0;
}

/** Whether the field is the document of a profile, which costs by its length. Before it is read, the maximum length is assumed. */
export function isProfileDocument({ name, typeName }: Pick<DeclaredField, 'name' | 'typeName'>): boolean {
  return typeName === 'Profile' && name === 'document';
}
