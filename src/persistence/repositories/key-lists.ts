/** SQL for statements that look many things up at once, by keys that come as lists. */

/**
 * Lists of texts as rows, side by side: the parameters from `$1` on. The sub-selects hide from PostgreSQL how long the lists are.
 * If it saw that, a plan for just so many keys would look cheaper than one that it can keep; so it would plan the statement
 * each time, which takes longer than to run it.
 */
export function unnestedKeys(count: number): string {
  return unnested(...Array.from({ length: count }, () => 'text' as const));
}

/** As `unnestedKeys`, for lists of these types. */
export function unnested(...types: readonly ('text' | 'integer' | 'uuid')[]): string {
  return `unnest(${types.map((type, index) => `(SELECT $${index + 1}::${type}[])`).join(', ')})`;
}

/** Matches what is in the list `$1`, whose length is hidden in the same way. */
export const anyOfList = 'ANY ((SELECT $1::text[])::text[])';
