import type { GraphQLSchema } from 'graphql';
import { type Weight, costOfReading, assumedListLength } from '../../http/cost-budget.js';
import { type SelectedField, pathOf, selectedFields } from './selected-fields.js';
import type { OperationRequest } from './operation-request.js';

/** How many times as long a text search takes as reading the same accounts. */
const timesToSearch = 3;

/** Arguments that narrow a list: PostgreSQL may have to read all of it to fill a page. */
const narrowing = ['filter', 'status', 'maxDepth', 'includeDescendants', 'types'];

/** Fields for which PostgreSQL counts rows. */
const counts = ['totalCount', 'descendantCount', 'waitingCount'];

/**
 * What an operation may take of PostgreSQL, estimated before it runs: its filters, searches and counts, as if each list had the
 * length that lists are assumed to have. A field counts once, however many lists it is resolved for: one statement reads them
 * all, and each account once.
 */
export function weightOf(schema: GraphQLSchema, request: OperationRequest): Weight {
  let cost = 0;
  let heaviest: SelectedField | undefined;
  let most = 0;
  for (const field of selectedFields(schema, request)) {
    const own = weightOfField(field);
    cost += own;
    if (own > most) [heaviest, most] = [field, own];
  }
  return { cost, of: heaviest === undefined ? '' : pathOf(heaviest) };
}

/** What the statement of one field may take; 0 if an index finds everything it reads. */
export function weightOfField({ definition, args, above }: Pick<SelectedField, 'definition' | 'args' | 'above'>): number {
  const reading = costOfReading(assumedListLength);
  // A count uses the filter of the list that it belongs to.
  const filtered = counts.includes(definition.name) ? (above?.args ?? {}) : args;
  if (isSearch(filtered)) return timesToSearch * reading;
  return counts.includes(definition.name) || narrowing.some((name) => isGiven(args[name])) ? reading : 0;
}

/** Whether the arguments search for a text. */
export function isSearch({ filter }: Record<string, unknown>): boolean {
  return typeof filter === 'object' && filter !== null && 'text' in filter && typeof filter.text === 'string' && filter.text !== '';
}

function isGiven(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(isGiven);
  return value !== undefined && value !== null && value !== false && value !== '';
}
