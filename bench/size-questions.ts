import type { Dataset } from './dataset.js';
import { type Connection, bytesOf } from './http-client.js';

/** A part of each of three trees is suspended, so that there is somebody to find. */
async function suspendSome({ query, superAdmin }: Dataset, connection: Connection): Promise<void> {
  const accounts = await query<{ sid: string }>(
    `SELECT child.sid FROM account AS top
     CROSS JOIN LATERAL (SELECT account.sid FROM account WHERE account.parent_sid = top.sid ORDER BY account.sid DESC LIMIT 1) AS child
     WHERE top.parent_sid = $1 ORDER BY top.sid DESC LIMIT 3`,
    [superAdmin.sid],
  );
  for (const { sid } of accounts) {
    const query = `mutation($input: SetAccountStatusInput!) { setAccountStatus(input: $input) { reachedCount } }`;
    await connection.load(
      bytesOf(
        { method: 'POST', path: '/graphql', body: JSON.stringify({ query, variables: { input: { sid, status: 'SUSPENDED' } } }) },
        superAdmin.authorization,
      ),
    );
  }
}

/** What is asked, by title: the next request of each question. */
export async function questionsOf(dataset: Dataset, connection: Connection): Promise<Map<string, () => Buffer>> {
  const { superAdmin, accountsToRead, parentOfMany, largeTrees, query } = dataset;
  await suspendSome(dataset, connection);
  await query('VACUUM (ANALYZE) account');
  const graphql = (authorization: string, text: string, variables: object = {}): Buffer =>
    bytesOf({ method: 'POST', path: '/graphql', body: JSON.stringify({ query: text, variables }) }, authorization);
  const inTurn = (requests: readonly Buffer[]): (() => Buffer) => {
    let number = 0;
    return () => requests[number++ % requests.length]!;
  };
  const many = parentOfMany.at(-1)!;
  const siblings = await query<{ dateCreated: Date; sid: string }>(
    `SELECT account.date_created AS "dateCreated", account.sid FROM account WHERE account.parent_sid = $1
     ORDER BY account.date_created, account.sid OFFSET 85000 LIMIT 1`,
    [many.sid],
  );
  const deep = Buffer.from(JSON.stringify(['dateCreated', siblings[0]!.dateCreated.toISOString(), siblings[0]!.sid])).toString('base64url');
  // One account of each level below the largest ordinary tree, to list from.
  const levels = await query<{ sid: string; level: number }>(
    `SELECT DISTINCT ON (octet_length(account.path)) account.sid, octet_length(account.path) / 32 AS level
     FROM account WHERE account.top_level_sid = $1 AND EXISTS (SELECT FROM account AS child WHERE child.parent_sid = account.sid)
     ORDER BY octet_length(account.path), account.path`,
    [accountsToRead[0]!.caller.sid],
  );
  const names = await query<{ name: string }>(
    `SELECT account.friendly_name AS name FROM account TABLESAMPLE BERNOULLI (0.05) WHERE account.friendly_name LIKE '% % %' LIMIT 40`,
  );
  const [reader] = accountsToRead;
  const anyone = [...new Map(accountsToRead.map(({ caller }) => [caller.sid, caller])).values()];
  const descendants = (list: string, sid?: string): string =>
    sid === undefined ? `{ viewer { descendants${list} } }` : `query($sid: ID!) { account(by: { sid: $sid }) { descendants${list} } }`;
  const page = '{ nodes { sid friendlyName status } pageInfo { hasNextPage } }';
  const bySuperAdmin = (list: string): (() => Buffer) => inTurn([graphql(superAdmin.authorization, descendants(list))]);
  const inTree = (list: string): (() => Buffer) => inTurn([graphql(reader!.caller.authorization, descendants(list))]);
  const search = (caller: string, words: readonly string[], fields: string): (() => Buffer) =>
    inTurn(
      words.map((text) =>
        graphql(caller, `query($text: String!) { viewer { descendants(first: 50, filter: { text: $text }) ${fields} } }`, { text }),
      ),
    );
  const whole = names.map(({ name }) => name);
  const words = [...new Set(whole.map((name) => name.split(' ').slice(0, 2).join(' ')))];
  let created = 0;
  const [huge] = largeTrees.toReversed();
  let isSuspended = false;

  return new Map<string, () => Buffer>([
    [
      'R1: one account',
      inTurn(
        accountsToRead.map(({ caller, sid }) =>
          graphql(
            caller.authorization,
            `
              query ($sid: ID!) {
                account(by: { sid: $sid }) {
                  sid
                  emailAddress
                  status
                  role
                }
              }
            `,
            { sid },
          ),
        ),
      ),
    ],
    ['signing in, as each of 40 accounts', inTurn(anyone.map(({ authorization }) => graphql(authorization, '{ viewer { sid status } }')))],
    [
      'R3: the first page of 100,000 children',
      inTurn([
        graphql(many.caller.authorization, `query($sid: ID!) { account(by: { sid: $sid }) { subAccounts(first: 50) ${page} } }`, {
          sid: many.sid,
        }),
      ]),
    ],
    [
      'R3: a page after 85,000 of them',
      inTurn([
        graphql(
          many.caller.authorization,
          `query($sid: ID!, $after: String) { account(by: { sid: $sid }) { subAccounts(first: 50, after: $after) ${page} } }`,
          { sid: many.sid, after: deep },
        ),
      ]),
    ],
    ['the Super Admin: how many accounts there are', bySuperAdmin('{ totalCount }')],
    ['the Super Admin: how many are suspended', bySuperAdmin('(filter: { status: SUSPENDED }) { totalCount }')],
    ['the Super Admin: 50 that are suspended', bySuperAdmin(`(first: 50, filter: { status: SUSPENDED }) ${page}`)],
    ['the Super Admin: 50 that are uninitialized (there are none)', bySuperAdmin(`(first: 50, filter: { status: UNINITIALIZED }) ${page}`)],
    ['the Super Admin: 50 Developers (there are none)', bySuperAdmin(`(first: 50, filter: { role: DEVELOPER }) ${page}`)],
    ['the Super Admin: 50 on trial (there are none)', bySuperAdmin(`(first: 50, filter: { type: TRIAL }) ${page}`)],
    ['the Super Admin: 50 one level down', bySuperAdmin(`(first: 50, maxDepth: 1) ${page}`)],
    ['the Super Admin: how many are one level down', bySuperAdmin(`(maxDepth: 1) { totalCount }`)],
    ['the Super Admin: 50 at most three levels down', bySuperAdmin(`(first: 50, maxDepth: 3) ${page}`)],
    ['the Super Admin: who has a whole name', search(superAdmin.authorization, whole, page)],
    ['the Super Admin: how many have a whole name', search(superAdmin.authorization, whole, '{ totalCount }')],
    ['the Super Admin: 50 with two words in their name (one of 900)', search(superAdmin.authorization, words, page)],
    ['the Super Admin: 50 with a part of the address that all have', search(superAdmin.authorization, ['planted'], page)],
    ['a tree: how many accounts it has', inTree('{ totalCount }')],
    ['a tree: 50 that are active', inTree(`(first: 50, filter: { status: ACTIVE }) ${page}`)],
    ['a tree: 50 that are suspended (there are none)', inTree(`(first: 50, filter: { status: SUSPENDED }) ${page}`)],
    ['a tree: who has a whole name', search(reader!.caller.authorization, whole, page)],
    ['a tree: 50 with two words in their name', search(reader!.caller.authorization, words, page)],
    ...levels.map(({ sid, level }): [string, () => Buffer] => [
      `a tree: 50 that are active, below an account on level ${level}`,
      inTurn([graphql(reader!.caller.authorization, descendants(`(first: 50, filter: { status: ACTIVE }) ${page}`, sid), { sid })]),
    ]),
    [
      'W1: create an account',
      () =>
        graphql(
          anyone[created % anyone.length]!.authorization,
          `
            mutation ($input: CreateAccountInput!) {
              createAccount(input: $input) {
                account {
                  sid
                }
              }
            }
          `,
          {
            input: {
              parentSid: anyone[created % anyone.length]!.sid,
              emailAddress: `new-${created++}-${process.pid}@created.test`,
              friendlyName: 'New',
              role: 'DEVELOPER',
            },
          },
        ),
    ],
    [
      'W2: suspend 100,000, and activate them',
      () => {
        isSuspended = !isSuspended;
        return graphql(
          superAdmin.authorization,
          `
            mutation ($input: SetAccountStatusInput!) {
              setAccountStatus(input: $input) {
                reachedCount
              }
            }
          `,
          { input: { sid: huge!.sid, status: isSuspended ? 'SUSPENDED' : 'ACTIVE' } },
        );
      },
    ],
  ]);
}
