import { describe, expect, it } from 'vitest';
import type { Page } from '../../src/domain/page.js';
import { keyset, pagesFrom } from '../../src/persistence/repositories/keyset.js';

const order = { columns: ['name', 'sid'], descending: false };
const bound = ({ key, sid }: { key: string; sid: string }): string => `${key}, ${sid}`;
const page = (given: Partial<Page>): Page => ({ size: 2, backward: false, from: undefined, ...given });
const from = { key: 'f', sid: '1' };
const until = { key: 'u', sid: '2' };

describe('a page of a list', () => {
  it('is read forwards in the order of the list, between its cursors, and one row further', () => {
    expect(keyset(page({ from, until }), order, bound)).toEqual({
      conditions: ['(name, sid) > (f, 1)', '(name, sid) < (u, 2)'],
      orderBy: 'name ASC, sid ASC',
      direction: 'ASC',
      limit: 3,
    });
  });

  it('has no condition without cursors', () => {
    expect(keyset(page({}), order, bound).conditions).toEqual([]);
    expect(keyset(page({ until }), order, bound).conditions).toEqual(['(name, sid) < (u, 2)']);
  });

  it('is read in the opposite order when it is read backwards, or the list is descending; in the order itself when both', () => {
    const opposite = { conditions: ['(name, sid) < (f, 1)', '(name, sid) > (u, 2)'], orderBy: 'name DESC, sid DESC', direction: 'DESC' };
    const backward = page({ from, until, backward: true });
    expect(keyset(backward, order, bound)).toMatchObject(opposite);
    expect(keyset(page({ from, until }), { ...order, descending: true }, bound)).toMatchObject(opposite);
    expect(keyset(backward, { ...order, descending: true }, bound)).toMatchObject({ direction: 'ASC', orderBy: 'name ASC, sid ASC' });
  });
});

it('rows of many lists are divided into a page for each list, and a list without rows has an empty one', () => {
  const rows = [0, 0, 0, 2].map((list, place) => ({ list, place }));
  const pages = pagesFrom(rows, 3, page({}));
  expect(pages.map(({ rows: own, hasNextPage }) => [own.map(({ place }) => place), hasNextPage])).toEqual([
    [[0, 1], true],
    [[], false],
    [[3], false],
  ]);
});
