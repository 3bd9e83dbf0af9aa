import { costOfChange, costOfEntry } from '../../http/cost-budget.js';

/** A field as the schema declares it: in the schema itself, or in a configuration of it. */
export interface DeclaredField {
  name: string;
  /** The type that the field belongs to. */
  typeName: string;
  /** Whether it brings objects. */
  isComposite: boolean;
}

/** Fields that write: the history records who was shown a secret. */
const recordedFields = ['authToken'];

/**
 * What it costs to resolve a field once, without what is below it: as a rule, the one object that it brings. PostgreSQL's time
 * is charged apart, as it was taken. What a field could cost (expected-cost.ts) and what it did cost (cost-charging.ts) both
 * rest on this, so that the limit and the charge cannot disagree.
 */
export function costOfField({ name, typeName, isComposite }: DeclaredField): number {
  if (typeName === 'Mutation' || recordedFields.includes(name)) return costOfChange;
  return isComposite ? costOfEntry : 0;
}

/** Whether the field is the document of a profile, which costs by its length: before it is read, by the greatest one. */
export function isProfileDocument({ name, typeName }: Pick<DeclaredField, 'name' | 'typeName'>): boolean {
  return typeName === 'Profile' && name === 'document';
}
