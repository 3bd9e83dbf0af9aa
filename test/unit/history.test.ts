import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  HistoryOperation,
  type Unchained,
  cascading,
  differences,
  hashOf,
  historyOrder,
  parseCheckpoint,
  recordOf,
  snapshotOf,
  updateEvents,
} from '../../src/domain/history.js';
import { account } from '../support/account.js';
import { refusalOf } from '../support/refusal.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const entry: Unchained = {
  position: 7,
  date: new Date('2026-01-31T12:00:00.123Z'),
  actorSid: 'AC1',
  operation: 'updateAccount',
  subjectSid: 'AC2',
  requestId: 'r',
  before: '{"type":"Full"}',
  after: null,
  recordVersion: 2,
};

it('operations are stored by these names, which no later version may change', () => {
  const names = Object.entries(HistoryOperation).map(([key, name]) => [key.replaceAll('_', ''), name.toUpperCase()]);
  for (const [key, name] of names) expect(name).toBe(key);
  expect(Object.values(HistoryOperation).every((name) => /^[a-z]+([A-Z][a-z]+)+$/.test(name))).toBe(true);
  expect(names).toHaveLength(26);
  expect(cascading).toEqual(['setAccountStatus', 'closeAccount', 'migrateAccount']);
  expect(historyOrder).toEqual({ field: 'position', descending: false });
});

describe('an entry', () => {
  it('is hashed as a JSON array of all that it says, with who did it and for which request hidden', () => {
    expect(recordOf(entry)).toBe(
      `[7,"2026-01-31T12:00:00.123Z","${sha256('AC1')}","updateAccount","AC2","${sha256('r')}","{\\"type\\":\\"Full\\"}",null]`,
    );
    expect(recordOf({ ...entry, recordVersion: 1 })).toBe(recordOf(entry).replace(sha256('r'), 'r'));
    expect(recordOf({ ...entry, actorSid: null, requestId: null })).toBe(
      '[7,"2026-01-31T12:00:00.123Z",null,"updateAccount","AC2",null,"{\\"type\\":\\"Full\\"}",null]',
    );
    expect(recordOf({ ...entry, requestId: null, recordVersion: 1 })).toContain(',"AC2",null,');
  });

  it('is chained by the hash of the one before it', () => {
    expect(hashOf('previous', entry)).toBe(sha256(`previous\n${recordOf(entry)}`));
  });

  it('tells of a new account what it is, and of a change what differs among what was asked about', () => {
    const before = account();
    const { emailAddress, friendlyName, type, role, status, organizationSid } = before;
    expect(snapshotOf(before)).toEqual({ emailAddress, friendlyName, type, role, status, organizationSid });
    const after = { ...before, friendlyName: 'B', role: 'Developer' as const };
    expect(differences(before, after, ['friendlyName', 'type', 'role'])).toEqual({
      before: { friendlyName: 'A', role: 'Administrator' },
      after: { friendlyName: 'B', role: 'Developer' },
    });
    expect(differences(before, after, ['type'])).toEqual({});
  });
});

describe('an update of an account', () => {
  const before = account({ status: 'uninitialized' });
  const event = { operation: 'updateAccount', subjectSid: before.sid };

  it('is told by an entry for its name, type and role, one for its e-mail address, and one for its password', () => {
    const after = {
      ...before,
      friendlyName: 'B',
      type: 'Trial' as const,
      role: 'Developer' as const,
      emailAddress: 'b@b.test',
      status: 'active' as const,
    };
    expect(updateEvents(before, after, true)).toEqual([
      {
        ...event,
        before: { friendlyName: 'A', type: 'Full', role: 'Administrator' },
        after: { friendlyName: 'B', type: 'Trial', role: 'Developer' },
      },
      { ...event, before: { emailAddress: 'a@b.test' }, after: { emailAddress: 'b@b.test' } },
      { ...event, before: { status: 'uninitialized' }, after: { status: 'active', passwordSet: true } },
    ]);
  });

  it('is told by no entry for what stays as it is', () => {
    expect(updateEvents(before, before, false)).toEqual([]);
    expect(updateEvents(before, before, true)).toEqual([{ ...event, before: undefined, after: { passwordSet: true } }]);
    expect(updateEvents(before, { ...before, status: 'active' }, false)).toEqual([]);
    expect(updateEvents(before, { ...before, emailAddress: 'b@b.test' }, false)).toHaveLength(1);
    expect(updateEvents(before, { ...before, role: 'Developer' }, false)).toEqual([
      { ...event, before: { role: 'Administrator' }, after: { role: 'Developer' } },
    ]);
  });
});

describe('a checkpoint', () => {
  const sid = `AC${'0'.repeat(32)}`;
  const checkpoint = (given: object = {}, end: object = {}) =>
    JSON.stringify({ date: '2026-01-31T00:00:00.000Z', chains: { [sid]: { position: 1, hash: 'a'.repeat(64), ...end } }, ...given });

  it('is the ends of chains at a time', () => {
    expect(parseCheckpoint(checkpoint())).toEqual(JSON.parse(checkpoint()));
  });

  it.each([
    '',
    'null',
    '{}',
    '[]',
    '7',
    '{"chains":{}}',
    checkpoint({ chains: {} }),
    checkpoint({ chains: null }),
    checkpoint({ date: 'someday' }),
    checkpoint({ date: undefined }),
    checkpoint({}, { position: 0 }),
    checkpoint({}, { position: 1.5 }),
    checkpoint({}, { position: '1' }),
    checkpoint({}, { position: undefined }),
    checkpoint({}, { hash: 'a'.repeat(63) }),
    checkpoint({}, { hash: 'a'.repeat(65) }),
    checkpoint({}, { hash: 'A'.repeat(64) }),
    checkpoint({ chains: { [sid]: null } }),
    checkpoint({ chains: { [`${sid}0`]: { position: 1, hash: 'a'.repeat(64) } } }),
    checkpoint({ chains: { [`x${sid}`]: { position: 1, hash: 'a'.repeat(64) } } }),
    checkpoint({ chains: { [sid]: { position: 1, hash: 'a'.repeat(64) }, none: { position: 1, hash: 'a'.repeat(64) } } }),
  ])('is not %j', (text) => {
    expect(refusalOf(() => parseCheckpoint(text))).toEqual({ code: 'BAD_USER_INPUT' });
  });
});
