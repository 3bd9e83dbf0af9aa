import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AccountListRepository } from '../../src/persistence/repositories/account-list-repository.js';
import { AccountRepository } from '../../src/persistence/repositories/account-repository.js';
import { CredentialRepository } from '../../src/persistence/repositories/credential-repository.js';
import { pipelined } from '../../src/persistence/connection/pipeline.js';
import { queryRows } from '../../src/persistence/connection/prepared-query.js';
import { accountColumns, creationOrder } from '../../src/domain/account-list.js';
import { cloneDatabase } from '../support/database.js';

let client: Client;
beforeAll(async () => {
  client = await sessionOn(inject('serverUrl'));
});
afterAll(() => client.end());

/** A connection as the gateway has it, of which it is known that it is a session of PostgreSQL's own. */
async function sessionOn(connectionString: string): Promise<Client> {
  const session = new Client({ connectionString, pipeline: true } as object);
  await session.connect();
  await queryRows(session, 'SELECT 1');
  return session;
}

describe('rows', () => {
  it.each(['UTC', 'Asia/Kolkata', 'America/St_Johns', 'America/New_York'])('have instants as they are, in %s', async (zone) => {
    await client.query(`SET TimeZone = '${zone}'`);
    const instants = [
      '2026-11-24 16:31:25.123Z',
      '2026-07-01 00:00:00Z',
      '1969-12-31 23:59:59.5Z',
      '0044-03-15 12:00:00Z BC',
      '20260-01-01 00:00:00Z',
    ];
    for (const instant of [...instants, ...instants]) {
      const [row] = await queryRows<{ instant: Date; milliseconds: number }>(
        client,
        'SELECT $1::timestamptz AS instant, extract(epoch FROM $1::timestamptz)::double precision * 1000 AS milliseconds',
        [instant],
      );
      expect(row!.instant.getTime(), instant).toBe(row!.milliseconds);
    }
  });

  it('have what is null as null, and the rest as what it is, the first time and later', async () => {
    const values = `SELECT 7 AS number, true AS truth, '\\x00ff'::bytea AS bytes, '{"a": [1]}'::json AS json, ARRAY['a', 'b'] AS texts, 'ä' AS text
      UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL`;
    for (let time = 0; time < 3; time++) {
      expect(await queryRows(client, values)).toEqual([
        { number: 7, truth: true, bytes: Buffer.from([0, 255]), json: { a: [1] }, texts: ['a', 'b'], text: 'ä' },
        { number: null, truth: null, bytes: null, json: null, texts: null, text: null },
      ]);
    }
  });

  it('are read anew where a prepared statement has come to have others', async () => {
    const read = (): Promise<unknown[]> => queryRows(client, 'SELECT changing.* FROM changing');
    await client.query(`CREATE TEMPORARY TABLE changing AS SELECT 1 AS first`);
    expect(await read()).toEqual([{ first: 1 }]);
    expect(await read()).toEqual([{ first: 1 }]);
    await client.query(`DEALLOCATE ALL; DROP TABLE changing; CREATE TEMPORARY TABLE changing AS SELECT 'a' AS second, now() AS third`);
    (client as unknown as { connection: { parsedStatements: object } }).connection.parsedStatements = {};
    expect(await read()).toEqual([{ second: 'a', third: expect.any(Date) }]);
  });

  it('of statements that are sent together come each to its own; one that fails fails alone', async () => {
    const [first, second] = await pipelined(queryRows(client, 'SELECT 1 AS one'), queryRows(client, 'SELECT 2 AS two'));
    expect([first, second]).toEqual([[{ one: 1 }], [{ two: 2 }]]);
    const [failed, found] = await Promise.allSettled([
      queryRows(client, 'SELECT 1 / $1::integer', [0]),
      queryRows(client, 'SELECT 2 AS two'),
    ]);
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: '22012', stack: expect.stringContaining('queryRows') } });
    expect(found).toEqual({ status: 'fulfilled', value: [{ two: 2 }] });
  });
});

describe('looking many things up by their keys', () => {
  it('is planned once, not each time', async () => {
    const database = await cloneDatabase();
    const session = await sessionOn(database.url);
    const [accounts, accountLists] = [new AccountRepository(session), new AccountListRepository(session)];
    const credentials = new CredentialRepository(session);
    const page = { size: 50, backward: false, from: undefined };
    const listing = {
      scope: { kind: 'children' },
      filter: {},
      order: creationOrder,
      page,
      columns: accountColumns,
      cursors: true,
    } as const;
    for (let time = 0; time < 12; time++) {
      await credentials.findForSignIn([{ key: { sid: 'AC' }, login: '', address: '' }]);
      await credentials.findTokens([{ sid: 'AC', readerSid: 'AC' }]);
      await accounts.findMany(['AC']);
      await accounts.findManyByKey([{ sid: 'AC' }]);
      await accountLists.pages(['AC'], listing);
      await accountLists.counts(['AC'], listing);
    }
    const plans = await queryRows<{ statement: string; custom: string }>(
      session,
      `SELECT statement, custom_plans AS custom FROM pg_prepared_statements WHERE statement LIKE '%(SELECT $1::text[])%' AND statement NOT LIKE '%pg_prepared_statements%'`,
    );
    await session.end();
    await database.drop();
    expect(plans).toHaveLength(6);
    // The first five times PostgreSQL finds out what another plan would bring.
    for (const { statement, custom } of plans) expect(Number(custom), statement).toBe(5);
  });
});
