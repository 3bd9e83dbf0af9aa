import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { IdleClock } from '../../console/src/idle.js';
import * as mutations from '../../console/src/mutations.js';
import * as operations from '../../console/src/operations.js';
import * as organizationOperations from '../../console/src/organization-operations.js';
import * as webhookOperations from '../../console/src/webhook-operations.js';
import { routeOf } from '../../console/src/route.js';
import { sentenceOf, textOf } from '../../console/src/sentences.js';
import { TreeModel } from '../../console/src/tree-model.js';
import { ago, count, list } from '../../console/src/words.js';
import { HistoryOperation } from '../../src/domain/history.js';

const root = join(import.meta.dirname, '../..');

describe('the operations of the console', () => {
  const schema = buildSchema(readFileSync(join(root, 'schema.graphql'), 'utf8'));
  const documents = Object.entries({ ...operations, ...organizationOperations, ...webhookOperations, ...mutations }).filter(([name]) =>
    /(Query|Mutation|Subscription)$/.test(name),
  );

  it.each(documents)('%s fits the schema', (_name, document) => {
    expect(validate(schema, parse((document as { text: string }).text))).toEqual([]);
  });

  it('are all of them', () => {
    const written = readdirSync(join(root, 'console/src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file))
      .flatMap((file) => readFileSync(join(root, 'console/src', file), 'utf8').match(/['`](query|mutation|subscription) [A-Z]\w*/g) ?? []);
    expect(written).toHaveLength(documents.length);
  });
});

describe('an entry of the history', () => {
  const by = { sid: 'AC1', friendlyName: 'The root', emailAddress: 'administrator@company.com' };
  const entry = {
    position: 1,
    date: '2026-01-01T00:00:00.000Z',
    operation: 'SET_ACCOUNT_STATUS',
    subjectSid: 'AC2',
    requestId: 'one',
    actor: by,
    account: { sid: 'AC2', friendlyName: "Jane's shop" },
    before: { status: 'active' },
    after: {
      status: 'suspended',
      reached: [
        { status: 'active', count: 12 },
        { status: 'active', count: 2 },
      ],
    },
  };
  const told = (change: Partial<operations.Entry>, seesAll = false): string => textOf(sentenceOf({ ...entry, ...change }, seesAll));

  it.each<[Partial<operations.Entry>, string]>([
    [{}, "Jane's shop was suspended by administrator@company.com, 14 accounts"],
    [{ actor: null, requestId: null }, "Jane's shop was suspended by an account above, 14 accounts"],
    [{ actor: null, requestId: 'command-line:1' }, "Jane's shop was suspended by the operator, at the command line, 14 accounts"],
    [
      { actor: null, requestId: 'import:1', operation: 'CREATE_ACCOUNT', after: { role: 'Administrator', status: 'active' } },
      "Jane's shop was created by an import, as an Administrator, active",
    ],
    [
      { operation: 'PAUSE_WEBHOOK', actor: null, requestId: null, after: { webhookSid: 'WH1' } },
      "Jane's shop had a webhook paused by the gateway itself",
    ],
    [
      { operation: 'UPDATE_ACCOUNT', before: { friendlyName: 'A' }, after: { friendlyName: 'B' } },
      "Jane's shop was renamed by administrator@company.com, from “A” to “B”",
    ],
    [
      { operation: 'UPDATE_ACCOUNT', before: { role: 'Developer', type: 'Trial' }, after: { role: 'Administrator', type: 'Full' } },
      "Jane's shop was changed by administrator@company.com, the role from Developer to Administrator and the type from Trial to Full",
    ],
    [
      { operation: 'UPDATE_ACCOUNT', before: null, after: { passwordSet: true } },
      "Jane's shop was given a new password by administrator@company.com",
    ],
    [
      { operation: 'CREATE_ORGANIZATION', account: null, subjectSid: 'OR1', after: { domainName: 'shop.example' } },
      'The organization shop.example was created by administrator@company.com',
    ],
    [
      { operation: 'DELETE_PROFILE', account: null, subjectSid: 'PR1', after: null },
      'The profile PR1 was deleted by administrator@company.com',
    ],
    [{ operation: 'SOMETHING_NEW' }, "Jane's shop was changed (something new) by administrator@company.com"],
  ])('%j is told as: %s', (change, sentence) => {
    expect(told(change)).toBe(sentence);
  });

  it('that nobody did, was done by the gateway itself if nothing is above the reader', () => {
    expect(told({ actor: null, requestId: null }, true)).toBe("Jane's shop was suspended by the gateway itself, 14 accounts");
  });

  it.each(Object.keys(HistoryOperation))('%s has words of its own', (operation) => {
    expect(told({ operation, before: null, after: null })).not.toMatch(/undefined|null|\(/);
  });
});

describe('words', () => {
  const now = new Date('2026-01-01T12:00:00Z');
  it.each([
    ['2026-01-01T11:59:30Z', 'just now'],
    ['2026-01-01T11:48:00Z', '12 minutes ago'],
    ['2026-01-01T11:00:00Z', '1 hour ago'],
    ['2025-12-30T12:00:00Z', '2 days ago'],
    ['2025-09-01T12:00:00Z', '4 months ago'],
    ['2020-01-01T12:00:00Z', '6 years ago'],
    ['2026-01-01T12:05:00Z', 'in 5 minutes'],
    ['2026-01-01T12:00:30Z', 'just now'],
  ])('%s is %s', (date, words) => {
    expect(ago(new Date(date), now)).toBe(words);
  });

  it('count and list', () => {
    expect([count(1, 'account'), count(1204, 'account')]).toEqual(['1 account', '1,204 accounts']);
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(list)).toEqual(['', 'a', 'a and b', 'a, b and c']);
  });
});

it('the page was unused for as long as the clock that says more tells; setting the wall clock back changes nothing', () => {
  const clocks = { monotonic: 1000, wall: Date.parse('2026-01-01T12:00:00Z') };
  const spies = [
    vi.spyOn(performance, 'now').mockImplementation(() => clocks.monotonic),
    vi.spyOn(Date, 'now').mockImplementation(() => clocks.wall),
  ];
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
  const clock = new IdleClock();
  const after = (monotonic: number, wall: number): number => {
    clocks.monotonic += monotonic;
    clocks.wall += wall;
    return clock.idle;
  };
  expect(after(10_000, 10_000)).toBe(10_000);
  expect(after(10_000, -3_600_000)).toBe(20_000);
  clock.use();
  expect(after(1000, 0)).toBe(1000);
  // The machine slept.
  expect(after(0, 400_000)).toBe(400_000);
});

it.each([
  ['', { page: 'home' }],
  ['#/', { page: 'home' }],
  [`#/accounts/AC${'0'.repeat(32)}`, { page: 'account', sid: `AC${'0'.repeat(32)}` }],
  [`#/webhooks/WH${'0'.repeat(32)}`, { page: 'webhook', sid: `WH${'0'.repeat(32)}` }],
  ['#/organizations', { page: 'organizations' }],
  ['#/accounts/nobody', { page: 'unknown' }],
  [`#/accounts/AC${'0'.repeat(32)}/more`, { page: 'unknown' }],
])('the address %s leads to the page %j', (fragment, route) => {
  expect(routeOf(fragment)).toEqual(route);
});

describe('the tree', () => {
  const row = (name: string, hasChildren = false): operations.TreeRow => ({
    sid: name,
    friendlyName: name,
    emailAddress: `${name}@console.test`,
    status: 'ACTIVE',
    role: 'ADMINISTRATOR',
    statusChangedAt: null,
    statusChangedBy: null,
    statusAuthor: null,
    subAccounts: { nodes: hasChildren ? [{ sid: 'any' }] : [] },
  });
  const lines = (tree: TreeModel) =>
    tree.lines.map(({ kind, node }) => `${' '.repeat(node.level)}${node.account.sid}${kind === 'more' ? '…' : ''}`);
  const page = { hasNextPage: true, endCursor: 'after' };
  const lastPage = { hasNextPage: false, endCursor: 'end' };
  const grown = (): TreeModel => {
    const tree = new TreeModel(row('root'));
    tree.append(tree.root, [row('b', true), row('d')], page);
    return tree;
  };

  it('has a line for each account that was read, and one where it can be read on', () => {
    const tree = grown();
    expect(lines(tree)).toEqual([' root', '  b', '  d', ' root…']);
    tree.expand(tree.find('b')!, true);
    expect(lines(tree)).toEqual([' root', '  b', '  b…', '  d', ' root…']);
    tree.append(tree.find('b')!, [row('b1')], lastPage);
    tree.append(tree.root, [row('d'), row('e')], lastPage);
    expect(lines(tree)).toEqual([' root', '  b', '   b1', '  d', '  e']);
    tree.expand(tree.find('b')!, false);
    expect(lines(tree)).toEqual([' root', '  b', '  d', '  e']);
    expect(tree.find('b1')).toBeUndefined();
    // It is read anew.
    tree.expand(tree.find('b')!, true);
    expect(lines(tree)).toEqual([' root', '  b', '  b…', '  d', '  e']);
  });

  it('takes in a new account where its name belongs, unless that was not read yet', () => {
    const tree = grown();
    tree.insert(row('C'), 'root');
    tree.insert(row('z'), 'root');
    tree.insert(row('d1'), 'd');
    tree.insert(row('lost'), 'nobody');
    expect(lines(tree)).toEqual([' root', '  b', '  C', '  d', ' root…']);
    expect(tree.find('d')!.isExpandable).toBe(true);
    tree.append(tree.root, [], lastPage);
    tree.insert(row('z'), 'root');
    expect(lines(tree)).toEqual([' root', '  b', '  C', '  d', '  z']);
  });

  it('opens nothing that has nothing below it', () => {
    const tree = grown();
    tree.expand(tree.find('d')!, true);
    expect(lines(tree)).toEqual([' root', '  b', '  d', ' root…']);
  });
});
