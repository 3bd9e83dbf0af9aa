import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AccountStatus, AccountType, Role } from '../../src/domain/account.js';
import { type AccountFilter, type AccountScope, treeOrder } from '../../src/domain/account-list.js';
import { newSid } from '../../src/domain/sid.js';
import { pathBelow, topLevelSidOf } from '../../src/domain/tree.js';
import { AccountListRepository } from '../../src/persistence/repositories/account-list-repository.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { assertAsyncProperty } from '../support/property.js';

interface Row {
  sid: string;
  path: string;
  status: string;
  role: string;
  type: string;
}

let database: TestDatabase;
let client: Client;
let lists: AccountListRepository;
beforeAll(async () => {
  database = await cloneDatabase();
  client = new Client({ connectionString: database.url, pipeline: true } as object);
  await client.connect();
  lists = new AccountListRepository(client as never);
  await database.query(`INSERT INTO organization (sid, domain_name, status) VALUES ('OR1', 'lists.test', 'active')`);
});
afterAll(async () => {
  await client.end();
  await database.drop();
});
beforeEach(async () => {
  await database.query('TRUNCATE account, history_head CASCADE');
});

/** Makes the accounts of a tree: the parent of each is the one with that number; all trees have heads, or only some. */
async function make(accounts: readonly { parent: number; status: string; role: string; type: string }[], hasHead: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { parent, status, role, type } of accounts) {
    const sid = newSid('account');
    const above = rows.length === 0 ? null : rows[parent % rows.length]!;
    rows.push({ sid, path: pathBelow(above?.path ?? null, sid), role, type, status: above === null ? 'active' : status });
  }
  await database.query(
    `INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
     SELECT made.sid, made.parent, made.top, made.path, 'OR1', made.sid || '@lists.test', made.sid, made.type, made.status, made.role
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
       AS made(sid, parent, top, path, type, status, role)`.replace("made.sid || '@", "lower(made.sid) || '@"),
    [
      rows.map(({ sid }) => sid),
      rows.map(({ path }) => (path.length === 32 ? null : `AC${path.slice(-64, -32)}`)),
      rows.map(({ path }) => topLevelSidOf(path)),
      rows.map(({ path }) => path),
      rows.map(({ type }) => type),
      rows.map(({ status }) => status),
      rows.map(({ role }) => role),
    ],
  );
  if (hasHead)
    await database.query(`INSERT INTO history_head (tree_sid, position, hash) SELECT sid, 0, sid FROM account WHERE sid = top_level_sid`);
  return rows.toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

// Few values, so that a filter fits many accounts.
const status = fc.constantFrom(AccountStatus.ACTIVE, AccountStatus.SUSPENDED, AccountStatus.CLOSED);
const role = fc.constantFrom(Role.ADMINISTRATOR, Role.DEVELOPER);
const type = fc.constantFrom(AccountType.FULL, AccountType.TRIAL);
const tree = fc.array(
  fc.record({
    // Many top-level accounts, and small numbers, so that accounts have several children.
    parent: fc.oneof(fc.constant(0), fc.nat({ max: 8 }), fc.nat()),
    status,
    role,
    type,
  }),
  { minLength: 1, maxLength: 60, size: 'max' },
);
const filters: fc.Arbitrary<AccountFilter> = fc.record({ status, role, type }, { requiredKeys: [] });
const question = fc.record({
  owner: fc.oneof(fc.constant(0), fc.nat()),
  maxDepth: fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 4 })),
  filter: filters,
  size: fc.integer({ min: 1, max: 7 }),
  backward: fc.boolean(),
  descending: fc.boolean(),
  from: fc.option(fc.nat(), { nil: undefined }),
  until: fc.option(fc.nat(), { nil: undefined }),
});

describe('a list of descendants', () => {
  it('has the accounts that fit, from cursor to cursor, forwards and backwards, and as many as it says', async () => {
    const property = fc.asyncProperty(
      tree,
      fc.array(question, { minLength: 30, maxLength: 30 }),
      fc.boolean(),
      async (accounts, questions, hasHead) => {
        await database.query('TRUNCATE account, history_head CASCADE');
        const all = await make(accounts, hasHead);
        for (const { owner, maxDepth, filter, size, backward, descending, from, until } of questions) {
          const { path } = all[owner % all.length]!;
          const scope: AccountScope = { kind: 'descendants', maxDepth };
          const fits = all.filter(
            (row) =>
              row.path.startsWith(path) &&
              row.path !== path &&
              row.path.length <= path.length + (maxDepth ?? 100) * 32 &&
              Object.entries(filter).every(([name, value]) => row[name as keyof Row] === value),
          );
          expect(await lists.counts([path], { scope, filter }), JSON.stringify({ scope, filter })).toEqual(new Map([[path, fits.length]]));

          // A cursor may also come from another list: any account stands for a place in the order of the tree.
          const position = (number: number | undefined) => {
            const row = number === undefined ? undefined : all[number % all.length]!;
            return row && { key: row.path, sid: row.sid };
          };
          const reversed = backward !== descending;
          const [first, last] = [position(from), position(until)];
          const isBehind = (row: Row, place: { key: string } | undefined): boolean =>
            place === undefined || (reversed ? row.path < place.key : row.path > place.key);
          const isBefore = (row: Row, place: { key: string } | undefined): boolean =>
            place === undefined || (reversed ? row.path > place.key : row.path < place.key);
          const between = (reversed ? fits.toReversed() : fits).filter((row) => isBehind(row, first) && isBefore(row, last));
          const [page] = await lists.pages([path], {
            scope,
            filter,
            order: { ...treeOrder, descending },
            page: { size, backward, from: first, until: last },
            columns: [],
            cursors: true,
          });
          const expected = between.slice(0, size);
          expect(page!.rows.map((row) => row.sid)).toEqual((backward ? expected.toReversed() : expected).map((row) => row.sid));
          if (last === undefined) expect(backward ? page!.hasPreviousPage : page!.hasNextPage).toBe(between.length > size);
        }
      },
    );
    await assertAsyncProperty(property, { numRuns: 20 });
  });
});

describe('the counts of a tree', () => {
  const counted = async (sid: string): Promise<number[] | null> =>
    (await database.query<{ counts: number[] | null }>('SELECT counts FROM history_head WHERE tree_sid = $1', [sid]))[0]!.counts;

  it('are made by the trigger where a transaction does not keep them, after it waited for the head', async () => {
    const [root, top] = await make([account(0), account(0)], true);
    const other = new Client({ connectionString: database.url });
    await other.connect();
    await other.query('BEGIN');
    await insertBelow(other, top!);
    await other.query('UPDATE history_head SET position = position + 1 WHERE tree_sid = $1', [top!.sid]);
    const waiting = client.query('UPDATE history_head SET position = position + 1 WHERE tree_sid = $1', [top!.sid]);
    await other.query('COMMIT');
    await other.end();
    await waiting;
    expect(await counted(top!.sid)).toEqual(Array.from({ length: 24 }, (_, place) => (place === 6 ? 2 : 0)));
    expect(await counted(root!.sid)).toEqual(Array.from({ length: 24 }, (_, place) => (place === 6 ? 1 : 0)));
  });

  it('answer for the accounts; where they are not known, the accounts are counted', async () => {
    const [root] = await make([account(0), account(0), account(1)], true);
    const count = async (): Promise<number | undefined> =>
      (await lists.counts([root!.path], { scope: { kind: 'descendants' }, filter: {} })).get(root!.path);
    await client.query('BEGIN');
    await client.query(`SET LOCAL account_gateway.keeps = 'counts'`);
    await client.query(`UPDATE history_head SET counts[7] = 1000`);
    expect(await count()).toBe(1000);
    await client.query(`UPDATE history_head SET counts = NULL`);
    expect(await count()).toBe(2);
    await client.query('ROLLBACK');
  });

  const account = (parent: number) => ({ parent, status: 'active', role: 'Administrator', type: 'Full' });
  async function insertBelow(session: Client, { sid, path }: Row): Promise<void> {
    const made = newSid('account');
    await session.query(
      `INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
       VALUES ($1, $2, $3, $4, 'OR1', $5, 'made', 'Full', 'active', 'Administrator')`,
      [made, sid, topLevelSidOf(path), pathBelow(path, made), `${made.toLowerCase()}@lists.test`],
    );
  }
});
