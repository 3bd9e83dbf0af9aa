import { describe, expect, it } from 'vitest';
import { type Order, cursorOf, pageFrom, parsePage } from '../../src/domain/page.js';
import { newSid } from '../../src/domain/sid.js';

const order: Order = { field: 'dateCreated', descending: false };
const cursor = (): string => cursorOf({ key: '2026-01-31T00:00:00.000Z', sid: newSid('account') }, order);

describe('a page', () => {
  it('has 50 entries from the start unless said otherwise', () => {
    expect(parsePage({}, order)).toEqual({ size: 50, backward: false, from: undefined });
  });

  it('is read backwards with last, or with before alone', () => {
    expect(parsePage({ last: 3 }, order)).toMatchObject({ size: 3, backward: true });
    expect(parsePage({ before: cursor() }, order)).toMatchObject({ size: 50, backward: true, from: { key: '2026-01-31T00:00:00.000Z' } });
  });

  it.each([
    [{ first: 0 }, 'first'],
    [{ first: 101 }, 'first'],
    [{ last: 0 }, 'last'],
    [{ first: 1, last: 1 }, 'last'],
    [{ after: 'x' }, 'after'],
    [{ first: 1, before: 'x' }, 'before'],
    [{ last: 1, after: 'x' }, 'after'],
  ])('is not %j', (page, field) => {
    expect(() => parsePage(page, order)).toThrow(expect.objectContaining({ code: 'INVALID_PAGE', field }));
  });

  it('knows by one row too many that there is more, in the direction of reading', () => {
    const forward = parsePage({ first: 2 }, order);
    expect(pageFrom([1, 2, 3], forward)).toEqual({ rows: [1, 2], hasNextPage: true, hasPreviousPage: false });
    const backward = parsePage({ last: 2, before: cursor() }, order);
    expect(pageFrom([9, 8, 7], backward)).toEqual({ rows: [8, 9], hasNextPage: true, hasPreviousPage: true });
    expect(pageFrom([9], backward)).toEqual({ rows: [9], hasNextPage: true, hasPreviousPage: false });
  });
});
