import { expect, it } from 'vitest';
import {
  type AccountListing,
  type AccountRow,
  accountColumns,
  columnsToRead,
  creationOrder,
  mayBeStale,
  parseFilter,
  placeColumns,
  positionOf,
  treeOrder,
} from '../../src/domain/account-list.js';
import { account } from '../support/account.js';
import { refusalOf } from '../support/refusal.js';

it('a text to search for is in NFC and has 3 to 255 characters; an empty one narrows nothing', () => {
  expect(parseFilter({ text: 'zoe\u0308', role: 'Developer' })).toEqual({ text: 'zo\u00eb', role: 'Developer' });
  for (const text of ['😀😀😀', 'x'.repeat(255)]) expect(parseFilter({ text })).toEqual({ text });
  for (const text of ['', undefined]) expect(parseFilter({ text, status: 'active' })).toEqual({ status: 'active' });
  for (const text of ['ab', '😀😀', 'x'.repeat(256), 'abc\n', 'abc\ud800']) {
    expect([text, refusalOf(() => parseFilter({ text }))]).toEqual([text, { code: 'BAD_USER_INPUT', field: 'text' }]);
  }
});

it('a whole name to look for is in NFC, and one that is too long stays as it is and finds nothing', () => {
  expect(parseFilter({ friendlyName: 'e\u0301' })).toEqual({ friendlyName: 'é' });
  const long = 'e\u0301'.repeat(65);
  expect(parseFilter({ friendlyName: long })).toEqual({ friendlyName: long });
  expect(parseFilter({ emailAddress: 'No At' })).toEqual({ emailAddress: 'No At' });
  expect(refusalOf(() => parseFilter({ friendlyName: 'a\n' }))).toEqual({ code: 'BAD_USER_INPUT', field: 'friendlyName' });
  expect(refusalOf(() => parseFilter({ emailAddress: 'a\n' }))).toEqual({ code: 'BAD_USER_INPUT', field: 'emailAddress' });
});

it('a list may be counted late as long as neither a status nor a role narrows it', () => {
  expect([{}, { type: 'Full' as const }, { text: 'abc' }].map(mayBeStale)).toEqual([true, true, true]);
  expect([{ status: 'active' as const }, { role: 'Developer' as const }].map(mayBeStale)).toEqual([false, false]);
});

it('a listing reads the place of each account, what is asked for and what its cursors are made of, each once', () => {
  const listing = (given: Partial<AccountListing>): AccountListing => ({
    scope: { kind: 'children' },
    filter: {},
    order: creationOrder,
    page: { size: 1, backward: false, from: undefined },
    columns: [],
    cursors: false,
    ...given,
  });
  expect(placeColumns).toEqual(['sid', 'path', 'parentSid']);
  expect(columnsToRead(listing({}))).toEqual(['sid', 'path', 'parentSid']);
  expect(columnsToRead(listing({ columns: ['status', 'sid', 'status'] }))).toEqual(['sid', 'path', 'parentSid', 'status']);
  expect(columnsToRead(listing({ cursors: true }))).toEqual(['sid', 'path', 'parentSid', 'dateCreated']);
  expect(columnsToRead(listing({ cursors: true, order: treeOrder }))).toEqual(['sid', 'path', 'parentSid']);
  expect(columnsToRead(listing({ cursors: true, order: { field: 'friendlyName', descending: false } }))).toEqual([
    'sid',
    'path',
    'parentSid',
  ]);
});

it('an account stands in its list where the order of that says', () => {
  const { sid, path, ...rest } = account({ dateCreated: new Date('2026-01-31T00:00:00.123Z') });
  const row: AccountRow = { sid, path, ...rest, orderKey: 'zoë' };
  expect(positionOf(row, creationOrder)).toEqual({ key: '2026-01-31T00:00:00.123Z', sid });
  expect(positionOf(row, treeOrder)).toEqual({ key: path, sid });
  expect(positionOf(row, { field: 'friendlyName', descending: true })).toEqual({ key: 'zoë', sid });
  expect([creationOrder, treeOrder].map(({ descending }) => descending)).toEqual([false, false]);
});

it('an account has these columns', () => {
  expect(accountColumns.toSorted()).toEqual(Object.keys(account()).toSorted());
});

it('a row has for certain its place and the columns that a tuple names; of columns put together at run time, none', () => {
  const named = account() as AccountRow<['status']>;
  const unknown = account() as AccountRow;
  const certain: [string, string, string] = [named.sid, named.path, named.status];
  // @ts-expect-error Whether it was read is not known.
  const friendlyName: string = named.friendlyName;
  // @ts-expect-error Nor is this.
  const status: string = unknown.status;
  expect([...certain, friendlyName, status]).not.toContain(undefined);
});
