import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { sendRest } from '../support/rest-client.js';
import { callsIn, statementsOf } from '../support/statements.js';
import { type Created, create } from '../support/tree.js';

/** Callers who ask in the same moment are looked up together; each must be answered as if it were alone. */
interface Caller {
  login: Login;
  /** The HTTP status, and the SID of the account that it is signed in as. */
  expected: [status: number, sid: string | undefined];
}

let gateway: TestGateway;
let accounts: Created[];
let callers: Caller[];
beforeAll(async () => {
  gateway = await startTestGateway({ config: { signInLimits: { perAccount: 1_000_000, perAddress: 1_000_000, windowSeconds: 60 } } });
  const surface = graphqlSurface(gateway.url);
  const parent = await create(surface);
  accounts = [parent];
  for (let number = 0; number < 15; number++) accounts.push(await create(surface, { parent: parent.sid }));
  const suspended = await create(surface, { parent: parent.sid, status: 'suspended' });
  const closed = await create(surface, { parent: parent.sid, status: 'closed' });
  callers = [
    ...accounts.flatMap(({ sid, emailAddress, login }, index): Caller[] => [
      { login, expected: [200, sid] },
      { login: { ...login, login: emailAddress.toUpperCase() }, expected: [200, sid] },
      { login: { ...login, secret: `wrong ${index}` }, expected: [401, undefined] },
    ]),
    { login: suspended.login, expected: [403, undefined] },
    { login: closed.login, expected: [401, undefined] },
    { login: { login: 'nobody@tests.test', secret: admin.secret }, expected: [401, undefined] },
    { login: { login: 'neither a SID\u0000 nor an address', secret: admin.secret }, expected: [401, undefined] },
  ];
});
afterAll(() => gateway.stop());

it('each of many callers at once is who it is, and sees what it may of what it asks about', async () => {
  const [parent] = accounts;
  const asked = Array.from({ length: 4 }, () => callers)
    .flat()
    .map((caller, index) => ({ ...caller, about: accounts[(index * 7) % accounts.length]! }));
  const askAll = (): Promise<unknown> =>
    Promise.all(
      asked.map(async ({ login, about, expected: [status, sid] }) => {
        const { data, ...answer } = await postGraphql(
          gateway.url,
          login,
          `{ account(by: { sid: "${about.sid}" }) { sid } viewer { sid } }`,
        );
        expect([answer.status, data?.viewer.sid], login.login).toEqual([status, sid]);
        if (sid === undefined) return;
        expect(data!.account, login.login).toEqual(sid === about.sid || sid === parent!.sid ? { sid: about.sid } : null);
      }),
    );
  // Connections are opened one after the other; on those that are open, all ask in the same moment.
  await askAll();
  const statements = await statementsOf(gateway.database, askAll);
  const lookUps = statements.filter(({ query }) => query.includes('AS caller('));
  // Else nothing was asked together.
  expect(callsIn(lookUps)).toBeLessThan(asked.length / 2);
});

it('each of many callers at once is shown its own AuthToken', async () => {
  const shown = await Promise.all(
    accounts.map(async ({ sid, login }) => {
      const { text } = await sendRest(gateway.url, login, { path: `/Accounts/${sid}.json` });
      return [sid, JSON.parse(text).auth_token];
    }),
  );
  const tokens = new Map(shown as [string, string][]);
  expect(new Set(tokens.values()).size).toBe(accounts.length);
  for (const { sid } of accounts) {
    const signedIn = await postGraphql(gateway.url, { login: sid, secret: tokens.get(sid)! }, '{ viewer { sid } }');
    expect(signedIn.data).toEqual({ viewer: { sid } });
  }
});
