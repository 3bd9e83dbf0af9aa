import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { type TestGateway, admin, startTestGateway, testKey } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { type Ended, runGateway } from '../support/processes.js';
import { create, missingSid, password, uniqueEmail } from '../support/tree.js';

const signIn = async (url: string, login: Login): Promise<number> => (await postGraphql(url, login, '{ viewer { sid } }')).status;
const newPassword = 'a password nobody knew before';

describe("the Super Admin's password is lost, on the embedded database", () => {
  const folder = useGatewayFolder();
  const reset = (...args: string[]) => runGateway(folder.environment(), ['reset-password', ...args], `${newPassword}\n`);

  it('and the gateway stopped: the command sets another one, and the address too', async () => {
    await folder.startedBefore();
    const { code, output, mistakes } = await reset('--email', 'Rescued@Company.com', '--json');
    expect([code, mistakes]).toEqual([0, []]);
    expect(JSON.parse(output)).toEqual({ sid: expect.stringMatching(/^AC/), emailAddress: 'rescued@company.com', status: 'active' });

    const { url, adminEmail, adminPassword } = await folder.start();
    expect(await signIn(url, { login: 'rescued@company.com', secret: newPassword })).toBe(200);
    expect(await signIn(url, { login: 'rescued@company.com', secret: adminPassword })).toBe(401);
    expect(await signIn(url, { login: adminEmail, secret: newPassword })).toBe(401);
  });

  it('and the gateway running: the new one is in force at once', async () => {
    await folder.startedBefore();
    const { url, adminEmail, adminPassword } = await folder.start();
    expect(await signIn(url, { login: adminEmail, secret: adminPassword })).toBe(200);
    expect(await reset()).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^The password of administrator@company\.com \(AC\w+\) was changed, .*\n$/),
    });
    expect(await signIn(url, { login: adminEmail, secret: newPassword })).toBe(200);
    expect(await signIn(url, { login: adminEmail, secret: adminPassword })).toBe(401);
  });
});

describe('reset-password', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway();
  });
  afterAll(() => gateway.stop());

  const environment = () => ({ DATABASE_URL: gateway.database.url, CREDENTIALS_KEY: testKey.toString('hex') });
  const reset = (
    account: string,
    { input = `${newPassword}\n`, key = testKey.toString('hex'), args = [] as string[] } = {},
  ): Promise<Ended> => runGateway({ ...environment(), CREDENTIALS_KEY: key }, ['reset-password', account, ...args], input);
  const asAdmin = async (document: string, variables: Record<string, unknown>) =>
    (await postGraphql(gateway.url, admin, document, variables)).data!;
  const withoutPassword = async (parentSid?: string): Promise<{ sid: string }> =>
    (
      await asAdmin('mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { sid } } }', {
        input: { parentSid, emailAddress: uniqueEmail(), role: 'DEVELOPER' },
      })
    ).createAccount.account;

  it('gives an account a new password and AuthToken, ends its reset tokens, and tells the history that the command line did', async () => {
    const account = await create(graphqlSurface(gateway.url));
    const { authToken } = await asAdmin('query($sid: ID!) { authToken(sid: $sid) }', { sid: account.sid });
    const { createPasswordResetToken } = await asAdmin(
      'mutation($sid: ID!) { createPasswordResetToken(input: { sid: $sid }) { resetToken } }',
      { sid: account.sid },
    );
    const emailAddress = uniqueEmail('renamed');
    expect(await reset(account.emailAddress, { args: ['--email', emailAddress] })).toMatchObject({ code: 0, mistakes: [] });

    for (const secret of [password, authToken]) expect(await signIn(gateway.url, { login: account.sid, secret })).toBe(401);
    expect(await signIn(gateway.url, { login: emailAddress, secret: newPassword })).toBe(200);
    const { errors } = await postGraphql(
      gateway.url,
      undefined,
      'mutation($token: String!) { resetPassword(input: { token: $token, password: "another decent one" }) { sid } }',
      { token: createPasswordResetToken.resetToken },
    );
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);

    const { account: read } = await asAdmin(
      `query($sid: ID!) { account(by: { sid: $sid }) { history(last: 2) { nodes { operation actorSid requestId before after } } } }`,
      { sid: account.sid },
    );
    const byCommandLine = { operation: 'UPDATE_ACCOUNT', actorSid: null, requestId: expect.stringMatching(/^command-line:[0-9a-f-]{36}$/) };
    expect(read.history.nodes).toEqual([
      { ...byCommandLine, before: { emailAddress: account.emailAddress }, after: { emailAddress } },
      { ...byCommandLine, before: null, after: { passwordSet: true } },
    ]);
    const { events } = await asAdmin(
      `query($sid: ID!) { events(accountSid: $sid, types: [ACCOUNT_PASSWORD_CHANGED, ACCOUNT_EMAIL_CHANGED]) { nodes { type data { actor { sid } requestId } } } }`,
      { sid: account.sid },
    );
    const told = { data: { actor: null, requestId: expect.stringMatching(/^command-line:/) } };
    expect(events.nodes).toEqual([
      { type: 'ACCOUNT_EMAIL_CHANGED', ...told },
      { type: 'ACCOUNT_PASSWORD_CHANGED', ...told },
    ]);
  });

  it('makes an account active that had no password yet; one that is suspended stays so', async () => {
    const accounts = graphqlSurface(gateway.url);
    const { sid } = await withoutPassword();
    expect(await reset(sid)).toMatchObject({ code: 0, mistakes: [] });
    expect(await signIn(gateway.url, { login: sid, secret: newPassword })).toBe(200);

    const suspended = await create(accounts);
    await asAdmin('mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { account { sid } } }', {
      sid: suspended.sid,
    });
    expect(await reset(suspended.sid)).toMatchObject({
      code: 0,
      output: expect.stringContaining('\nThe account is suspended: it signs in once it is active.\n'),
    });
    const below = await gateway.database.query<{ status: string }>('SELECT status FROM account WHERE sid = $1', [suspended.sid]);
    expect(below).toEqual([{ status: 'suspended' }]);
  });

  it('makes a Super Admin active that was taken over without a password', async () => {
    const taken = await startTestGateway();
    try {
      await taken.database.query('ALTER TABLE account DROP CONSTRAINT account_root_active');
      await taken.database.query('DELETE FROM credential');
      await taken.database.query(`UPDATE account SET status = 'uninitialized'`);
      const key = testKey.toString('hex');
      const ended = await runGateway({ DATABASE_URL: taken.database.url, CREDENTIALS_KEY: key }, ['reset-password'], newPassword);
      expect(ended).toMatchObject({ code: 0, mistakes: [] });
      expect(await signIn(taken.url, { login: admin.login, secret: newPassword })).toBe(200);
    } finally {
      await taken.stop();
    }
  });

  it('refuses by the rules of every other change, with exit code 1, and changes nothing', async () => {
    const accounts = graphqlSurface(gateway.url);
    const account = await create(accounts);
    const other = await create(accounts);
    const closed = await create(accounts);
    await asAdmin('mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { account { sid } } }', { sid: closed.sid });
    const uninitialized = await withoutPassword(other.sid);
    await asAdmin('mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { account { sid } } }', {
      sid: other.sid,
    });
    const states = () => gateway.database.query('SELECT sid, version FROM account ORDER BY sid');
    const before = await states();

    const refused = [
      [await reset(account.sid, { input: 'short\n' }), /^The password is too weak: it has 5 characters/],
      [await reset(account.sid, { input: `${account.emailAddress}\n` }), /^The password is too weak: /],
      [await reset(account.sid, { args: ['--email', 'no address'] }), /^An e-mail address has at most 64 letters/],
      [
        await reset(account.sid, { args: ['--email', other.emailAddress] }),
        /^Another open account has this e-mail address\. Choose another address\.$/,
      ],
      [await reset(closed.sid), /^Account AC\w+ is closed for good, and can no longer be changed\.$/],
      [
        await reset(uninitialized.sid),
        /^The account above this one is not active, and nothing below it can be\. Activate that one first\.$/,
      ],
      [await reset(missingSid()), /^There is no such account\. Check its SID or e-mail address\.$/],
      [await reset('nobody@tests.test'), /^There is no such account\. Check its SID or e-mail address\.$/],
    ] as const;
    for (const [{ code, mistakes, output }, sentence] of refused) {
      expect([code, mistakes, output]).toEqual([1, [expect.stringMatching(sentence)], expect.anything()]);
    }
    expect(await reset(account.sid, { input: '' })).toMatchObject({
      code: 64,
      mistakes: [`Give the new password of ${account.emailAddress} on standard input, in one line.`],
    });
    // With another key, the gateway would not know the new AuthToken, and for the Super Admin would not start any more.
    expect(await reset(admin.login, { key: 'a'.repeat(64) })).toMatchObject({
      code: 78,
      mistakes: [expect.stringMatching(/^CREDENTIALS_KEY is not the key .*"account-gateway replace-key" makes a new one\.$/)],
    });
    expect(await states()).toEqual(before);
  });
});
