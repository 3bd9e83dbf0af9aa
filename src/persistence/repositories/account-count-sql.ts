import type { AccountScope } from '../../domain/account-list.js';

/**
 * The head of each tree's history keeps how many accounts the tree has, by status, role and type (SPEC §12). Where it does not know,
 * as for a tree of which an older version of this program made the last change, the accounts themselves are counted.
 */

/** The trees that a list is made of, in SQL: a row for each, with its SID and its path, and how many of its accounts are not in the list. */
export function treesOf(scope: AccountScope, conditions: readonly string[] = []): string {
  const fits = ['account.path = list.key', ...conditions].join(' AND ');
  return scope.kind === 'organization'
    ? `SELECT tree.sid, tree.path, 0 AS excluded FROM account AS tree
       WHERE tree.parent_sid IS NULL AND tree.organization_sid = list.key
       UNION ALL
       SELECT tree.sid, tree.path, 0 FROM account AS root JOIN account AS tree ON tree.parent_sid = root.sid
       WHERE root.parent_sid IS NULL AND tree.organization_sid = list.key`
    : // Below the root all trees but its own; else the account's tree, or its part of it.
      `SELECT tree.sid, tree.path, 0 AS excluded FROM account AS tree
       WHERE octet_length(list.key) = 32 AND tree.parent_sid = 'AC' || list.key
       UNION ALL
       SELECT 'AC' || substr(list.key, 33, 32), list.key, (SELECT count(*) FROM account WHERE ${fits})
       WHERE octet_length(list.key) > 32`;
}

/** Whether a tree may have any of the counted accounts, in SQL; `places` is a parameter. */
export const mayHold = (places: string): string =>
  `NOT EXISTS (
     SELECT FROM history_head AS head
     WHERE head.tree_sid = tree.sid AND NOT EXISTS (SELECT FROM unnest(${places}::integer[]) AS place WHERE head.counts[place] > 0)
       AND head.counts IS NOT NULL
   )`;

/** How many accounts a list of whole trees has, in SQL; null where the heads do not know, or the list is not of whole trees. */
export const storedCount = (scope: AccountScope, conditions: readonly string[], places: string): string =>
  `SELECT CASE WHEN bool_and(octet_length(tree.path) <= 64 AND head.counts IS NOT NULL) THEN sum(
     (SELECT sum(head.counts[place]) FROM unnest(${places}::integer[]) AS place) - tree.excluded
   )::integer END
   FROM (${treesOf(scope, conditions)}) AS tree LEFT JOIN history_head AS head ON head.tree_sid = tree.sid`;
