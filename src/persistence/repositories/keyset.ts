import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { type Page, type PageOf, type Position, pageFrom } from '../../domain/page.js';

/** The parts of a statement that reads one page of a list. */
export interface Keyset {
  /** What a row must fulfil to lie between the page's cursors; nothing where there is no cursor. */
  conditions: string[];
  orderBy: string;
  direction: 'ASC' | 'DESC';
  /** One row more than the page has, which tells whether there is more. */
  limit: number;
}

/**
 * Keyset pagination (SPEC §3): a page starts after a position instead of at an offset, so it costs the same wherever in the list
 * it is. A page that is read backwards is read in the opposite order. `bound` writes a position in SQL, as a value for each
 * of the columns that the list is ordered by.
 */
export function keyset(
  page: Page,
  { columns, descending }: { columns: readonly string[]; descending: boolean },
  bound: (position: Position) => string,
): Keyset {
  const reversed = descending !== page.backward;
  const direction = reversed ? 'DESC' : 'ASC';
  const between = (position: Position | undefined, comparison: '<' | '>'): string[] =>
    position === undefined ? [] : [`(${columns.join(', ')}) ${comparison} (${bound(position)})`];
  return {
    conditions: [...between(page.from, reversed ? '<' : '>'), ...between(page.until, reversed ? '>' : '<')],
    orderBy: columns.map((column) => `${column} ${direction}`).join(', '),
    direction,
    limit: page.size + 1,
  };
}

/** One page of the entities that TypeORM's query finds, in the order of their properties `columns`, of which the last is the SID. */
export async function entityPage<Entity extends ObjectLiteral>(
  query: SelectQueryBuilder<Entity>,
  page: Page,
  { columns, descending }: { columns: readonly [key: string, sid: 'sid']; descending: boolean },
): Promise<PageOf<Entity>> {
  const parameters: Record<string, string> = {};
  const parameter = (value: string): string => {
    const name = `position${Object.keys(parameters).length}`;
    parameters[name] = value;
    return `:${name}`;
  };
  const properties = columns.map((column) => `${query.alias}.${column}`);
  const { conditions, direction, limit } = keyset(
    page,
    { columns: properties, descending },
    ({ key, sid }) => `${parameter(key)}, ${parameter(sid)}`,
  );
  for (const condition of conditions) query.andWhere(condition);
  for (const property of properties) query.addOrderBy(property, direction);
  return pageFrom(await query.setParameters(parameters).limit(limit).getMany(), page);
}

/** The page of each of `count` lists that were read in one statement; a row's `list` is the place of its list among them, from 0. */
export function pagesFrom<Row extends { list: number }>(rows: readonly Row[], count: number, page: Page): PageOf<Row>[] {
  const lists = Array.from({ length: count }, (): Row[] => []);
  for (const row of rows) lists[row.list]!.push(row);
  return lists.map((list) => pageFrom(list, page));
}
