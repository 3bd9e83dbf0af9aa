import type { Page } from '../../domain/page.js';
import { pathRangeEnd } from '../../domain/tree.js';

/** A list of descendants down to some level, in the order of the tree. */
interface DepthList {
  /** How much longer than the owner's path the path of an account may be: a parameter. */
  width: string;
  /** What else an account of the list fulfils. */
  conditions: readonly string[];
  page: Page;
  /** Whether the page is read from the end of the tree's order to its start. */
  isReversed: boolean;
  /** How many accounts to find. */
  limit: number;
  /** Adds a value to the statement's parameters. */
  parameter: (value: unknown) => string;
}

/**
 * The accounts of one page, in SQL, as rows of `account`. It walks from one account of the list to the next, each by one step in the
 * index on paths, and passes over what is below the last level: a page costs the same, however much is there. Otherwise PostgreSQL
 * would read all accounts below to find those few that are not too deep (7 s for the first page below the root of five million).
 */
export function descendantsDownTo({ width, conditions, page, isReversed, limit, parameter }: DepthList): string {
  const longest = `(octet_length(list.key) + ${width}::integer)`;
  const end = `list.key || '${pathRangeEnd}'`;
  const [from, until] = [page.from, page.until].map((position) => position && `${parameter(position.key)}::text COLLATE "C"`);
  const first = until === undefined || !isReversed ? 'list.key' : `greatest(list.key, ${until})`;
  const last = until === undefined || isReversed ? end : `least(${end}, ${until})`;
  const start =
    from === undefined ? (isReversed ? end : 'list.key') : isReversed ? `least(${end}, ${from})` : `greatest(list.key, ${from})`;
  const fits = [`octet_length(account.path) <= ${longest}`, ...conditions].join(' AND ');
  // In the order of the tree the next one is behind everything below the last. Against it, it may be deeper than the list goes: then the one above it is.
  const next = isReversed
    ? `SELECT left(deeper.path, ${longest}) AS path FROM account AS deeper
       WHERE deeper.path < walk.path AND deeper.path > ${first}
       ORDER BY deeper.path DESC LIMIT 1`
    : `SELECT beside.path FROM account AS beside
       WHERE beside.path > CASE WHEN octet_length(walk.path) < ${longest} THEN walk.path ELSE left(walk.path, ${longest}) || '${pathRangeEnd}' END
         AND beside.path < ${last}
       ORDER BY beside.path LIMIT 1`;
  return `(
    WITH RECURSIVE walk(path, fits, found) AS (
      SELECT (${start}) COLLATE "C", false, 0
      UNION ALL
      SELECT account.path, ${fits}, walk.found + (${fits})::integer
      FROM walk
      CROSS JOIN LATERAL (${next}) AS next
      JOIN account ON account.path = next.path AND account.path > ${first}
      WHERE walk.found < ${limit}
    )
    SELECT account.* FROM walk JOIN account ON account.path = walk.path WHERE walk.fits
  ) AS account`;
}
