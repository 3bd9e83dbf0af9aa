import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Order,
  type OrderField,
  cursorOf,
  pageFrom,
  pageSize,
  parseNumberedPage,
  parsePage,
  restPageSize,
} from '../../src/domain/page.js';
import { newSid } from '../../src/domain/sid.js';
import { refusalOf } from '../support/refusal.js';

const sid = newSid('account');
const order = (field: OrderField): Order => ({ field, descending: false });
const invalid = (field: string) => ({ code: 'INVALID_PAGE', field });

it('pages have these sizes', () => {
  expect(pageSize).toEqual({ min: 1, max: 100, default: 50 });
  expect(restPageSize).toEqual({ min: 1, max: 1000, default: 50 });
});

describe('a page by its number', () => {
  it('is counted from 0, in digits, and has the default size unless said otherwise', () => {
    expect(parseNumberedPage({}, restPageSize)).toEqual({ number: 0, size: 50 });
    expect(parseNumberedPage({ page: '7', pageSize: '1000' }, restPageSize)).toEqual({ number: 7, size: 1000 });
    expect(parseNumberedPage({ page: '999999999', pageSize: '1' }, restPageSize)).toEqual({ number: 999_999_999, size: 1 });
  });

  it.each(['', '-1', '1.5', '1e3', 'x', '1x', 'x1', '1000000000', ' 1'])('is not %j', (page) => {
    expect(refusalOf(() => parseNumberedPage({ page }, restPageSize))).toEqual(invalid('page'));
    expect(refusalOf(() => parseNumberedPage({ pageSize: page }, restPageSize))).toEqual(invalid('pageSize'));
  });

  it('has no size out of range', () => {
    for (const size of ['0', '1001'])
      expect(refusalOf(() => parseNumberedPage({ pageSize: size }, restPageSize))).toEqual(invalid('pageSize'));
  });
});

describe('a page between cursors', () => {
  const [one, other] = ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'].map((key) => ({ key, sid }));
  let after: string;
  let before: string;
  // Here, and not as the file loads: a cursor that cannot be made is to fail a test.
  beforeAll(() => {
    [after, before] = [one!, other!].map((place) => cursorOf(place, order('dateCreated'))) as [string, string];
  });
  const page = (given: object) => parsePage(given, order('dateCreated'));

  it('is read from its first cursor on, or from its last one back', () => {
    expect(page({ after, before, first: 3 })).toEqual({ size: 3, backward: false, from: one, until: other });
    expect(page({ after, before, last: 3 })).toEqual({ size: 3, backward: true, from: other, until: one });
    expect(page({ after, before })).toEqual({ size: 50, backward: false, from: one, until: other });
    expect(page({ before })).toEqual({ size: 50, backward: true, from: other, until: undefined });
    expect(page({ before, first: 2 })).toEqual({ size: 2, backward: false, from: undefined, until: other });
    expect(page({ after })).toEqual({ size: 50, backward: false, from: one, until: undefined });
    for (const size of [1, 100]) expect([page({ first: size }).size, page({ last: size }).size]).toEqual([size, size]);
  });

  it('has a whole size in range', () => {
    for (const size of [0, 101, 1.5, -1, NaN]) {
      expect(refusalOf(() => page({ first: size }))).toEqual(invalid('first'));
      expect(refusalOf(() => page({ last: size }))).toEqual(invalid('last'));
    }
    expect(refusalOf(() => page({ first: 1, last: 1 }))).toEqual(invalid('last'));
  });

  it('says what lies beyond it', () => {
    const read = (rows: number[], given: object) => pageFrom(rows, page(given));
    expect(read([1, 2], { first: 2 })).toEqual({ rows: [1, 2], hasNextPage: false, hasPreviousPage: false });
    expect(read([1, 2, 3], { first: 2, after })).toEqual({ rows: [1, 2], hasNextPage: true, hasPreviousPage: true });
    expect(read([1], { first: 2, before })).toEqual({ rows: [1], hasNextPage: true, hasPreviousPage: false });
    expect(read([2, 1], { last: 2 })).toEqual({ rows: [1, 2], hasNextPage: false, hasPreviousPage: false });
    expect(read([2, 1], { last: 2, after, before })).toEqual({ rows: [1, 2], hasNextPage: true, hasPreviousPage: true });
  });
});

describe('a cursor', () => {
  const cursor = (content: unknown) => Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)).toString('base64url');
  const accepted = (field: OrderField, key: unknown, of: unknown = sid, named: unknown = field) =>
    refusalOf(() => parsePage({ after: cursor([named, key, of]) }, order(field))) === undefined;

  it('is no other text, and names the argument that it came by', () => {
    for (const wrong of [
      '',
      'x',
      cursor(''),
      cursor('{'),
      cursor('null'),
      cursor({}),
      cursor([]),
      cursor('"dateCreated"'),
      cursor(['path']),
    ]) {
      expect(refusalOf(() => parsePage({ after: wrong }, order('path')))).toEqual(invalid('after'));
      expect(refusalOf(() => parsePage({ before: wrong }, order('path')))).toEqual(invalid('before'));
    }
  });

  it('has a key of the kind that the list is ordered by', () => {
    const path = '0123456789abcdef'.repeat(2);
    const keys: Record<OrderField, [fine: string[], wrong: unknown[]]> = {
      dateCreated: [
        ['2026-01-31T12:00:00.123Z', '1999-12-31T23:59:59.999Z'],
        [
          '2026-02-30T00:00:00.000Z',
          '2026-01-31',
          '3026-01-31T00:00:00.000Z',
          '0026-01-31T00:00:00.000Z',
          '+012026-01-31T00:00:00.000Z',
          '2026-01-31T12:00:00Z',
          '2-',
          'now',
          7,
          null,
          ' 2026-01-31T12:00:00.123Z',
        ],
      ],
      friendlyName: [
        ['', 'a', 'x'.repeat(512)],
        ['x'.repeat(513), 'a\0', 'a\ud800', 7],
      ],
      domainName: [
        ['', 'a.test'],
        ['x'.repeat(513), 'a\0', 7],
      ],
      path: [
        [path, path + path],
        ['', path.slice(1), `${path}0`, path.toUpperCase(), `x${path}`, `${path}\n`],
      ],
      position: [
        ['0', '7', '999999999'],
        ['', '-1', '1.5', '1000000000', 'x', '1x', 'x1', 7],
      ],
      tree: [[`AC${path}`], ['', path, `OR${path}`, `AC${path}0`, 7]],
      attempt: [
        ['0', '7', '999999999999999'],
        ['', '-1', '1.5', '1000000000000000', 'x', 7],
      ],
    };
    for (const [field, [fine, wrong]] of Object.entries(keys) as [OrderField, [string[], unknown[]]][]) {
      for (const key of fine) expect([field, key, accepted(field, key)]).toEqual([field, key, true]);
      for (const key of wrong) expect([field, key, accepted(field, key)]).toEqual([field, key, false]);
    }
  });

  it('has the SID of something, and the field of its list', () => {
    for (const of of [newSid('organization'), newSid('profile')]) expect(accepted('friendlyName', 'a', of)).toBe(true);
    for (const of of ['', 'AC', 7, null, `${sid}0`]) expect(accepted('friendlyName', 'a', of)).toBe(false);
    expect(accepted('friendlyName', 'a', sid, 'domainName')).toBe(false);
    expect(() => parsePage({ after: cursor(['domainName', 'a', sid]) }, order('friendlyName'))).toThrow(/after .*order/);
  });

  it('is read back as it was made', () => {
    const made = cursorOf({ key: 'Zoë', sid }, order('friendlyName'));
    expect(JSON.parse(Buffer.from(made, 'base64url').toString())).toEqual(['friendlyName', 'Zoë', sid]);
    expect(parsePage({ after: made }, order('friendlyName')).from).toEqual({ key: 'Zoë', sid });
  });
});
