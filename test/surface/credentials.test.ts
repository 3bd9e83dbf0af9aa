import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Passwords } from '../../src/service/passwords.js';
import { Secrets } from '../../src/service/secrets.js';
import { type TestGateway, admin, cheapPasswords, startTestGateway, testKey, unlimited } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { processorTime } from '../support/processor-time.js';
import { restJsonSurface, restXmlSurface } from '../support/rest-surface.js';
import { type Created, create, password } from '../support/tree.js';

let gateway: TestGateway;
/** Another instance on the same database. */
let other: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  other = await startTestGateway({ database: gateway.database });
});
afterAll(async () => {
  await other.stop();
  await gateway.stop();
});

const ask = (query: string, variables: Record<string, unknown> = {}, login: Login | undefined = admin, { url } = gateway) =>
  postGraphql(url, login, query, variables);
const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);
const signsIn = async (login: Login, at = gateway) => (await ask('{ viewer { sid } }', {}, login, at)).status;
const rotate = async (sid: string, overlapSeconds?: number) =>
  (
    await ask('mutation($input: RotateAuthTokenInput!) { rotateAuthToken(input: $input) { authToken account { version } } }', {
      input: { sid, overlapSeconds },
    })
  ).data!.rotateAuthToken;
const resetTokenFor = async (sid: string, login = admin) =>
  (await ask('mutation($sid: ID!) { createPasswordResetToken(input: { sid: $sid }) { resetToken expiresAt } }', { sid }, login)).data!
    .createPasswordResetToken;
const reset = (token: string, newPassword: string) =>
  ask(
    'mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { sid status } }',
    { input: { token, password: newPassword } },
    undefined,
  );

describe('an AuthToken', () => {
  it('stops at once when it is rotated without an overlap', async () => {
    const { sid } = await make();
    const first = (await rotate(sid)).authToken;
    expect(await signsIn({ login: sid, secret: first })).toBe(200);
    const { authToken, account } = await rotate(sid);
    expect([await signsIn({ login: sid, secret: first }), await signsIn({ login: sid, secret: authToken })]).toEqual([401, 200]);
    expect(account.version).toBe(3);
    expect(await signsIn({ login: sid, secret: password })).toBe(200);
  });

  it('stays valid beside its successor for the overlap, and not longer', async () => {
    const { sid } = await make();
    const old = (await rotate(sid)).authToken;
    const { authToken } = await rotate(sid, 60);
    expect([await signsIn({ login: sid, secret: old }), await signsIn({ login: sid, secret: authToken })]).toEqual([200, 200]);
    await gateway.database.query(`UPDATE credential SET previous_token_expires_at = now() WHERE account_sid = $1`, [sid]);
    expect([await signsIn({ login: sid, secret: old }), await signsIn({ login: sid, secret: authToken })]).toEqual([401, 200]);
  });

  it('stops within its overlap when the password is set', async () => {
    const { sid } = await make();
    const old = (await rotate(sid)).authToken;
    const { authToken } = await rotate(sid, 60);
    await ask('mutation($sid: ID!) { updateAccount(input: { sid: $sid, password: "another decent one" }) { account { sid } } }', { sid });
    for (const secret of [old, authToken]) expect(await signsIn({ login: sid, secret })).toBe(401);
  });

  it('cannot be rotated for an account that has no password yet', async () => {
    const { data } = await ask(
      'mutation { createAccount(input: { emailAddress: "waiting@tests.test", role: DEVELOPER }) { account { sid status } } }',
    );
    expect(data!.createAccount.account.status).toBe('UNINITIALIZED');
    const { errors } = await ask('mutation($sid: ID!) { rotateAuthToken(input: { sid: $sid }) { authToken } }', {
      sid: data!.createAccount.account.sid,
    });
    expect(errors![0]!.extensions.code).toBe('PASSWORD_RESET_REQUIRED');
  });

  it('is kept as ciphertext bound to its account, and as a keyed hash', async () => {
    const [{ sid }, stranger] = [await make(), await make()];
    const { authToken } = await rotate(sid);
    const [row] = await gateway.database.query<{ token_ciphertext: Buffer; token_hash: Buffer; password_hash: string }>(
      `SELECT * FROM credential WHERE account_sid = $1`,
      [sid],
    );
    expect(new Secrets([testKey]).unseal(sid, row!.token_ciphertext)).toBe(authToken);
    expect(() => new Secrets([testKey]).unseal(stranger.sid, row!.token_ciphertext)).toThrow();
    expect(() => new Secrets([Buffer.alloc(32)]).unseal(sid, row!.token_ciphertext)).toThrow();
    expect(new Secrets([Buffer.alloc(32)]).hashAuthToken(sid, authToken)).not.toEqual(row!.token_hash);
    expect(row!.password_hash).toMatch(/^\$argon2id\$/);
    expect(JSON.stringify([row, row!.token_ciphertext.toString('latin1')])).not.toContain(authToken);
  });
});

describe('a reset token', () => {
  it('sets a password once, and activates an account that waits for one', async () => {
    const top = await make();
    const { data } = await ask(
      'mutation($parentSid: ID!) { createAccount(input: { parentSid: $parentSid, emailAddress: "invited@tests.test", role: DEVELOPER }) { account { sid } } }',
      {
        parentSid: top.sid,
      },
    );
    const { sid } = data!.createAccount.account;
    const { resetToken, expiresAt } = await resetTokenFor(sid, top.login);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    expect((await reset(resetToken, 'chosen by the invited')).data).toEqual({ resetPassword: { sid, status: 'ACTIVE' } });
    expect(await signsIn({ login: 'invited@tests.test', secret: 'chosen by the invited' })).toBe(200);
    expect((await reset(resetToken, 'chosen by a thief')).errors![0]!.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'token' });
  });

  it('is not used up by a password that is too weak', async () => {
    const { sid } = await make();
    const { resetToken } = await resetTokenFor(sid);
    expect((await reset(resetToken, 'password1')).errors![0]!.extensions.code).toBe('PASSWORD_TOO_WEAK');
    expect((await reset(resetToken, 'a better password')).data!.resetPassword.sid).toBe(sid);
  });

  it('works for one of many who use it at once', async () => {
    for (let round = 0; round < 20; round++) {
      const { sid } = await make();
      const { resetToken } = await resetTokenFor(sid);
      const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => reset(resetToken, `chosen by racer ${index}`)));
      expect(answers.filter(({ data }) => data?.resetPassword)).toHaveLength(1);
    }
  });

  it('stops when it expires, when a password is set, and when the account is closed', async () => {
    const [expired, replaced, closed] = [await make(), await make(), await make()];
    const tokens = await Promise.all([expired, replaced, closed].map(async ({ sid }) => (await resetTokenFor(sid)).resetToken as string));
    await gateway.database.query(`UPDATE password_reset_token SET expires_at = now() WHERE account_sid = $1`, [expired.sid]);
    await ask('mutation($sid: ID!) { updateAccount(input: { sid: $sid, password: "another decent one" }) { account { sid } } }', {
      sid: replaced.sid,
    });
    await ask('mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { dryRun } }', { sid: closed.sid });
    for (const token of tokens)
      expect((await reset(token, 'a better password')).errors![0]!.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'token' });
  });

  it('is kept as a hash only', async () => {
    const { sid } = await make();
    const { resetToken } = await resetTokenFor(sid);
    const rows = await gateway.database.query<{ token_hash: Buffer }>(`SELECT * FROM password_reset_token WHERE account_sid = $1`, [sid]);
    expect(rows).toHaveLength(1);
    expect(rows[0]!.token_hash).toEqual(new Secrets([testKey]).hashesOfResetToken(resetToken)[0]);
    expect(rows[0]!.token_hash.toString('base64url')).not.toBe(resetToken);
  });

  it('is one of ten that work; with one more, the one that ends first is gone, and so are all that have expired', async () => {
    const { sid } = await make();
    const kept = async () =>
      (
        await gateway.database.query<{ count: number }>(`SELECT count(*)::integer FROM password_reset_token WHERE account_sid = $1`, [sid])
      )[0]!.count;
    const tokens: string[] = [];
    for (let made = 0; made < 3; made++) tokens.push((await resetTokenFor(sid)).resetToken);
    await gateway.database.query(`UPDATE password_reset_token SET expires_at = now() WHERE account_sid = $1`, [sid]);
    tokens.push((await resetTokenFor(sid)).resetToken);
    expect(await kept()).toBe(1);
    for (let made = 0; made < 11; made++) tokens.push((await resetTokenFor(sid)).resetToken);
    expect(await kept()).toBe(10);
    await Promise.all(Array.from({ length: 8 }, () => resetTokenFor(sid)));
    expect(await kept()).toBe(10);
    for (const token of tokens.slice(0, 5)) {
      expect((await reset(token, 'a better password')).errors![0]!.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'token' });
    }
    expect((await reset((await resetTokenFor(sid)).resetToken, 'a better password')).data!.resetPassword.sid).toBe(sid);
    expect(await kept()).toBe(0);
  });

  it('is not made for oneself', async () => {
    const account = await make();
    const { errors } = await ask(
      'mutation($sid: ID!) { createPasswordResetToken(input: { sid: $sid }) { resetToken } }',
      { sid: account.sid },
      account.login,
    );
    expect(errors![0]!.extensions.code).toBe('FORBIDDEN');
  });
});

describe('a password that was verified', () => {
  const slow = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

  it('is answered from memory afterwards', async () => {
    const passwords = new Passwords(slow);
    const account = await make();
    const hash = await passwords.hash(password, undefined);
    const known = { ...account, version: 1 } as never;
    const turn = { group: account.sid, member: '' };
    const verify = async () => expect(await passwords.verify(known, hash, password, turn)).toBe(true);
    const [hashed, remembered] = [await processorTime(verify), []] as [number, number[]];
    for (let count = 0; count < 10; count++) remembered.push(await processorTime(verify));
    expect(hashed).toBeGreaterThan(Math.min(...remembered) * 5);
    expect(await passwords.verify(known, hash, 'wrong', turn)).toBe(false);
  });

  it.each(['gateway', 'other'] as const)('is forgotten at once when it is changed through %s instance', async (which) => {
    const changing = { gateway, other }[which];
    const account = await make();
    for (const at of [gateway, other]) expect(await signsIn(account.login, at)).toBe(200);
    await ask(
      'mutation($sid: ID!) { updateAccount(input: { sid: $sid, password: "another decent one" }) { account { sid } } }',
      { sid: account.sid },
      admin,
      changing,
    );
    for (const at of [gateway, other]) {
      expect(await signsIn(account.login, at)).toBe(401);
      expect(await signsIn({ login: account.sid, secret: 'another decent one' }, at)).toBe(200);
    }
  });

  it('does not outlive the account: suspended is refused, and closed', async () => {
    const account = await make();
    for (const at of [gateway, other]) expect(await signsIn(account.login, at)).toBe(200);
    await ask('mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { dryRun } }', { sid: account.sid });
    for (const at of [gateway, other]) expect(await signsIn(account.login, at)).toBe(403);
    await ask('mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { dryRun } }', { sid: account.sid });
    for (const at of [gateway, other]) expect(await signsIn(account.login, at)).toBe(401);
  });
});

describe('signing in', () => {
  it('answers alike for a wrong secret, an unknown login and a closed account', async () => {
    const known = await make();
    const closed = await make({ status: 'closed' });
    const suspended = await make({ status: 'suspended' });
    const refusals = await Promise.all(
      [known.sid, known.emailAddress, closed.sid, suspended.sid, 'nobody@nowhere.test', `AC${'0'.repeat(32)}`, 'no login at all'].map(
        async (login) => {
          const { status, data, errors } = await ask('{ viewer { sid } }', {}, { login, secret: 'wrong secret' });
          return { status, data, errors };
        },
      ),
    );
    for (const refusal of refusals) expect(refusal).toEqual(refusals[0]);
    expect(refusals[0]).toMatchObject({ status: 401, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  it('works as hard for a login that nobody has as for a wrong secret', async () => {
    let verified = 0;
    class Watched extends Passwords {
      override async verify(...args: Parameters<Passwords['verify']>) {
        verified += 1;
        return super.verify(...args);
      }
    }
    const { SignIn } = await import('../../src/service/sign-in.js');
    const { Database } = await import('../../src/persistence/connection/database.js');
    const [database, secrets] = [new Database(gateway.app.dataSource), new Secrets([testKey])];
    const signIn = new SignIn(database, secrets, new Watched(cheapPasswords), unlimited(database, secrets));
    const [known, closed] = [await make(), await make({ status: 'closed' })];
    for (const login of [known.sid, closed.sid, 'nobody@nowhere.test', 'no login at all']) {
      await expect(signIn.authenticate({ login, secret: 'wrong', address: '127.0.0.1', slot: undefined })).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
      });
    }
    expect(verified).toBe(4);
  });
});

describe('bytes that are no UTF-8', () => {
  const basicOf = (bytes: string): string => `Basic ${Buffer.from(bytes, 'latin1').toString('base64')}`;
  const surfaces = [
    ['GraphQL', '/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"query":"{ viewer { sid } }"}' }],
    ['REST', '/restcomm/2012-04-24/Accounts.json', {}],
  ] as const;

  it.each(surfaces)(
    'in Basic credentials are refused by %s, and are not what the replacement character is',
    async (_name, path, request) => {
      const { sid } = await make({ password: 'caf\ufffd cr\ufffdme' });
      const send = (authorization: string) =>
        fetch(`${gateway.url}${path}`, { ...request, headers: { ...('headers' in request && request.headers), authorization } });
      for (const bytes of [`${sid}:caf\xe9 cr\xe8me`, `\xff${sid}:${password}`, `${sid}:caf\xed\xa0\x80 cr\xc0\x80me`]) {
        const answer = await send(basicOf(bytes));
        expect(answer.status).toBe(401);
        expect(await answer.text()).toContain('The credentials must be in UTF-8, and are not.');
      }
      expect((await send(`Basic ${Buffer.from(`${sid}:caf\ufffd cr\ufffdme`).toString('base64')}`)).status).toBe(200);
    },
  );

  it('in a body that sets a password are refused, and set none', async () => {
    const { sid, login } = await make();
    const body = `{"query":"mutation { updateAccount(input: { sid: \\"${sid}\\", password: \\"caf\xe9 cr\xe8me\\" }) { account { sid } } }"}`;
    const answer = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: basicOf(`${login.login}:${login.secret}`) },
      body: Buffer.from(body, 'latin1'),
    });
    expect([answer.status, await answer.json()]).toMatchObject([400, { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] }]);
    expect(await signsIn(login)).toBe(200);
  });
});

describe('AUTH_TOKEN_SCHEME=md5', () => {
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  let replacement: TestGateway;
  beforeAll(async () => {
    replacement = await startTestGateway({ environment: { AUTH_TOKEN_SCHEME: 'md5' } });
  });
  afterAll(() => replacement.stop());
  const tokenOf = async (sid: string) =>
    (await ask('query($sid: ID!) { authToken(sid: $sid) }', { sid }, admin, replacement)).data!.authToken as string;

  it('makes the AuthToken md5(password), from the first start on, and takes it as the secret', async () => {
    expect(await signsIn({ login: admin.login, secret: md5(admin.secret) }, replacement)).toBe(200);
    const account = await create(restJsonSurface(replacement.url), { password: 'pass wörd: 😀' });
    expect(await tokenOf(account.sid)).toBe(md5('pass wörd: 😀'));
    for (const secret of ['pass wörd: 😀', md5('pass wörd: 😀')]) {
      expect(await signsIn({ login: account.emailAddress, secret }, replacement)).toBe(200);
    }
  });

  it('follows the password, and stops with it', async () => {
    const account = await create(restXmlSurface(replacement.url));
    const surface = restXmlSurface(replacement.url);
    await surface.update(account.login, account.sid, { password: 'NewPassword' });
    expect(await tokenOf(account.sid)).toBe(md5('NewPassword'));
    expect(await signsIn({ login: account.sid, secret: md5('NewPassword') }, replacement)).toBe(200);
    expect(await signsIn({ login: account.sid, secret: md5(password) }, replacement)).toBe(401);
  });

  it('leaves a rotated AuthToken random, since no password comes with it', async () => {
    const { sid } = await create(restJsonSurface(replacement.url));
    await ask('mutation($sid: ID!) { rotateAuthToken(input: { sid: $sid }) { authToken } }', { sid }, admin, replacement);
    expect(await tokenOf(sid)).toMatch(/^[0-9a-f]{32}$/);
    expect(await tokenOf(sid)).not.toBe(md5(password));
    expect(await signsIn({ login: sid, secret: md5(password) }, replacement)).toBe(401);
  });

  it('is not brought back by the same password once it was replaced, by whichever way that is set', async () => {
    const { sid, login } = await create(restJsonSurface(replacement.url));
    const surfaces = [graphqlSurface(replacement.url), restJsonSurface(replacement.url)];
    // The AuthToken that it has follows from the password: to set that again changes nothing of it.
    for (const surface of surfaces) expect(await surface.update(login, sid, { password })).toMatchObject({ value: { sid } });
    await ask('mutation($sid: ID!) { rotateAuthToken(input: { sid: $sid }) { authToken } }', { sid }, admin, replacement);
    for (const surface of surfaces) expect(await surface.update(login, sid, { password })).toMatchObject({ refused: 'PASSWORD_TOO_WEAK' });
    const issued = await ask(
      'mutation($sid: ID!) { createPasswordResetToken(input: { sid: $sid }) { resetToken } }',
      { sid },
      admin,
      replacement,
    );
    const reset = await ask(
      'mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { sid } }',
      { input: { token: issued.data!.createPasswordResetToken.resetToken, password } },
      admin,
      replacement,
    );
    expect(reset.errors![0]!.message).toContain('bring back the AuthToken');
    expect(await signsIn({ login: sid, secret: md5(password) }, replacement)).toBe(401);
    expect(await surfaces[0]!.update(login, sid, { password: 'another decent one' })).toMatchObject({ value: { sid } });
    expect(await signsIn({ login: sid, secret: md5('another decent one') }, replacement)).toBe(200);
  });

  it('is off by default', async () => {
    const { sid } = await make();
    expect(await signsIn({ login: sid, secret: md5(password) })).toBe(401);
  });
});
