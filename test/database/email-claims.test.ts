import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.js';
import { asAppError } from '../../src/persistence/connection/errors.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { brokenInvariants } from '../support/invariants.js';
import { type Created, create, uniqueEmail } from '../support/tree.js';

let gateway: TestGateway;
beforeAll(async () => void (gateway = await startTestGateway()));
afterAll(() => gateway.stop());

const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);
const close = async (sid: string): Promise<void> => {
  const { errors } = await postGraphql(gateway.url, admin, 'mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { reachedCount } }', {
    sid,
  });
  expect(errors).toBeUndefined();
};
const sidOf = async (emailAddress: string): Promise<string | undefined> => {
  const query = 'query($emailAddress: EmailAddress!) { account(by: { emailAddress: $emailAddress }) { sid } }';
  return (await postGraphql(gateway.url, admin, query, { emailAddress })).data!.account?.sid;
};
const claimsOf = (sid: string): Promise<object[]> =>
  gateway.database.query(`SELECT email_address AS "emailAddress" FROM email_claim WHERE account_sid = $1`, [sid]);

describe('closing an account', () => {
  it('frees its e-mail address and those of all accounts below it, which others can have then', async () => {
    const top = await make();
    const below = await make({ parent: top.sid });
    await close(top.sid);
    expect(await sidOf(below.emailAddress)).toBeUndefined();
    const next = await make({ emailAddress: below.emailAddress });
    expect(await sidOf(below.emailAddress)).toBe(next.sid);
    await close(next.sid);
    expect((await make({ emailAddress: below.emailAddress })).sid).not.toBe(next.sid);
  });
});

it('a new e-mail address takes the place of the old one', async () => {
  const [account, other] = [await make(), await make()];
  const change = (emailAddress: string) =>
    postGraphql(
      gateway.url,
      admin,
      'mutation($sid: ID!, $emailAddress: EmailAddress!) { updateAccount(input: { sid: $sid, emailAddress: $emailAddress }) { account { sid } } }',
      { sid: account.sid, emailAddress },
    );
  const emailAddress = uniqueEmail();
  expect((await change(emailAddress)).errors).toBeUndefined();
  expect(await claimsOf(account.sid)).toEqual([{ emailAddress }]);
  expect(await sidOf(account.emailAddress)).toBeUndefined();
  expect((await change(other.emailAddress)).errors).toMatchObject([{ extensions: { code: 'EMAIL_IN_USE' } }]);
});

describe('beside a gateway of the version before, which knows no claims,', () => {
  let older: Client;
  let top: Created;
  beforeEach(async () => {
    top = await make();
    older = new Client({ connectionString: gateway.database.url });
    await older.connect();
  });
  afterEach(() => older.end());

  /** As the version before creates an account and closes it. */
  const insert = (emailAddress: string, status = 'active') =>
    older.query<{ sid: string }>(
      `INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
       SELECT 'AC' || md5($2), sid, sid, path || md5($2), organization_sid, $2, 'old', 'Full', $3, 'Developer' FROM account WHERE sid = $1
       RETURNING sid`,
      [top.sid, emailAddress, status],
    );
  const found = async (emailAddress: string): Promise<unknown[]> =>
    (await older.query('SELECT sid FROM account WHERE open_email_address = $1', [emailAddress])).rows;
  const meaningOf = (failed: Promise<unknown>): Promise<unknown> => failed.then(() => undefined, asAppError);

  it('accounts that the other creates, closes and gives other addresses are found here by the addresses that they have', async () => {
    const [first, second] = [uniqueEmail(), uniqueEmail()];
    const { sid } = (await insert(first)).rows[0]!;
    expect(await sidOf(first)).toBe(sid);
    await older.query('UPDATE account SET email_address = $2 WHERE sid = $1', [sid, second]);
    expect([await sidOf(first), await sidOf(second)]).toEqual([undefined, sid]);
    await older.query(`UPDATE account SET status = 'closed' WHERE sid = $1`, [sid]);
    expect(await sidOf(second)).toBeUndefined();
    const third = uniqueEmail();
    await insert(third, 'closed');
    expect(await sidOf(third)).toBeUndefined();
  });

  it('the other finds accounts by the addresses that they were given here, and that were free again', async () => {
    const [first, second] = [await make(), await make()];
    expect(await found(first.emailAddress)).toEqual([{ sid: first.sid }]);
    await close(first.sid);
    const next = await make({ emailAddress: first.emailAddress });
    expect(await found(first.emailAddress)).toEqual([{ sid: next.sid }]);
    await close(second.sid);
    const { sid } = (await insert(second.emailAddress)).rows[0]!;
    expect(await found(second.emailAddress)).toEqual([{ sid }]);
    expect(await sidOf(second.emailAddress)).toBe(sid);
  });

  it('neither gives an account an address that one has from the other, and the refusal has the name that the other knows', async () => {
    const ours = await make();
    const refusal = insert(ours.emailAddress);
    await expect(refusal).rejects.toMatchObject({ code: '23505', constraint: 'account_open_email_address' });
    expect(await meaningOf(refusal)).toMatchObject({ code: 'EMAIL_IN_USE' } satisfies Partial<AppError>);
    const theirs = uniqueEmail();
    await insert(theirs);
    await expect(make({ emailAddress: theirs })).rejects.toThrow(/EMAIL_IN_USE|has this e-mail address|in use/i);
  });

  it('a role of its that has no right on the claims keeps them all the same', async () => {
    const role = `older_${process.pid}`;
    await gateway.database.query(
      `CREATE ROLE ${role}; GRANT SELECT, INSERT, UPDATE ON account TO ${role}; GRANT SELECT ON organization TO ${role}`,
    );
    await older.query(`SET ROLE ${role}`);
    const emailAddress = uniqueEmail();
    const { sid } = (await insert(emailAddress)).rows[0]!;
    await older.query('RESET ROLE');
    await gateway.database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    expect(await sidOf(emailAddress)).toBe(sid);
  });
});

it('once the version before is gone for good, a claim alone refuses an address that is in use', async () => {
  const taken = await make();
  await expect(
    gateway.database
      .query(`INSERT INTO email_claim (email_address, account_sid) VALUES ($1, 'AC')`, [taken.emailAddress])
      .catch((error) => {
        throw asAppError(error);
      }),
  ).rejects.toMatchObject({ code: 'EMAIL_IN_USE' });
});

it('claims and accounts agree after all this', async () => {
  expect(await brokenInvariants(gateway.database)).toEqual([]);
});
