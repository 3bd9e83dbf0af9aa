import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Secrets } from '../../src/service/secrets.js';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { spawnGateway } from '../support/gateway-process.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { plant, plantAuthTokens } from '../support/plant.js';
import { runGateway } from '../support/processes.js';
import { create, password } from '../support/tree.js';

const signIn = async (url: string, login: Login): Promise<number> => (await postGraphql(url, login, '{ viewer { sid } }')).status;
const tokenOf = async (url: string, reader: Login, sid: string): Promise<string> =>
  (await postGraphql(url, reader, 'query($sid: ID!) { authToken(sid: $sid) }', { sid })).data!.authToken;

describe('the key is lost, on the embedded database', () => {
  const folder = useGatewayFolder();
  const run = (...args: string[]) => runGateway(folder.environment(), args);
  const keyFile = () => join(folder.path, 'credentials.key');

  it('replace-key makes another one: passwords go on, AuthTokens from before do not, new ones work, and the history is sound', async () => {
    await folder.startedBefore();
    const before = await folder.start();
    const root = { login: before.adminEmail, secret: before.adminPassword };
    const { viewer } = (await postGraphql(before.url, root, '{ viewer { sid } }')).data!;
    const old = { login: viewer.sid, secret: await tokenOf(before.url, root, viewer.sid) };
    expect(await signIn(before.url, old)).toBe(200);

    await rm(keyFile());
    // As long as a gateway runs that has read the key, it is not lost to it; and it could not read what is made by another.
    for (const command of [['replace-key', '--yes'], ['rotate-key']]) {
      expect(await run(...command)).toMatchObject({
        code: 78,
        mistakes: [expect.stringMatching(/^A gateway runs on .* Stop it first\.$/)],
      });
    }
    await before.end('SIGTERM');
    for (const refused of [await run(), await run('reset-password')]) {
      expect(refused).toMatchObject({
        code: 78,
        mistakes: [expect.stringMatching(/credentials\.key is missing, .*"account-gateway replace-key"/)],
      });
    }
    const asked = await run('replace-key');
    expect([asked.code, asked.mistakes.join('\n')]).toEqual([
      64,
      expect.stringMatching(/^1 account will get a new AuthToken, [^]*\nTo do it, add --yes\.$/),
    ]);
    expect(await readdir(folder.path)).not.toContain('credentials.key');

    expect(await run('replace-key', '--yes')).toMatchObject({
      code: 0,
      mistakes: [],
      output: expect.stringMatching(/^1 account has a new AuthToken, and must be told\. .*\n.* Gateways may start now\.\n$/),
    });
    expect((await run('replace-key')).output).toBe('Nothing to replace: the key at hand reads every AuthToken and every secret.\n');
    const { url } = await folder.start();
    expect(await signIn(url, root)).toBe(200);
    expect(await signIn(url, old)).toBe(401);
    const secret = await tokenOf(url, root, viewer.sid);
    expect(secret).not.toBe(old.secret);
    expect(await signIn(url, { login: viewer.sid, secret })).toBe(200);
    expect(await run('verify-history')).toMatchObject({ code: 0, output: expect.stringMatching(/^The history is sound: /) });
  });

  it('a wrong key is refused with a sentence; the right one, put back, is enough', async () => {
    await folder.startedBefore();
    const right = await readFile(keyFile(), 'utf8');
    await writeFile(keyFile(), `${'a'.repeat(64)}\n`);
    expect(await run()).toMatchObject({
      code: 78,
      mistakes: [expect.stringMatching(/credentials\.key is not the key that .* Restore the right one\. .*"account-gateway replace-key"/)],
    });
    await writeFile(keyFile(), right);
    const { url, adminEmail, adminPassword } = await folder.start();
    expect(await signIn(url, { login: adminEmail, secret: adminPassword })).toBe(200);
  });

  it('a wrong key, which may be that of another gateway, is kept beside the new one', async () => {
    await folder.startedBefore();
    const wrong = `${'a'.repeat(64)}\n`;
    await writeFile(keyFile(), wrong);
    expect(await run('replace-key', '--yes')).toMatchObject({
      code: 0,
      mistakes: [expect.stringMatching(/^The key that was there is kept as \S+credentials\.key\.\S+\.$/)],
    });
    const [kept] = (await readdir(folder.path)).filter((name) => name.startsWith('credentials.key.'));
    expect(await readFile(join(folder.path, kept!), 'utf8')).toBe(wrong);
    expect(await readFile(keyFile(), 'utf8')).not.toBe(wrong);
    await folder.start();
  });
});

describe('replace-key, on a server', () => {
  const oldKey = randomBytes(32);
  const newKey = randomBytes(32);
  const hex = (key: Buffer): string => key.toString('hex');

  let gateways: TestGateway[] = [];
  afterEach(async () => {
    for (const gateway of gateways.toReversed()) await gateway.stop();
    gateways = [];
  });
  const start = async (key: Buffer, beside?: TestGateway): Promise<TestGateway> => {
    const gateway = await startTestGateway({ credentialsKeys: [key], ...(beside && { database: beside.database }) });
    gateways.push(gateway);
    return gateway;
  };
  const environmentOf = ({ database }: TestGateway, keys = hex(newKey)) => ({ DATABASE_URL: database.url, CREDENTIALS_KEY: keys });
  const replace = (gateway: TestGateway, keys?: string) => runGateway(environmentOf(gateway, keys), ['replace-key', '--yes', '--json']);
  const asAdmin = async ({ url }: TestGateway, document: string, variables: Record<string, unknown>) =>
    (await postGraphql(url, admin, document, variables)).data!;

  it('replaces all that was made by the lost key, says what that is, and has the history tell it', async () => {
    const before = await start(oldKey);
    const customer = await create(graphqlSurface(before.url));
    const old = { login: customer.sid, secret: await tokenOf(before.url, admin, customer.sid) };
    const { createWebhook } = await asAdmin(
      before,
      'mutation($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { sid url } } }',
      { input: { accountSid: customer.sid, url: 'https://receiver.example.com/hook' } },
    );
    // With an overlap, there are two secrets that nobody can read.
    await asAdmin(before, 'mutation($sid: ID!) { rotateWebhookSecret(input: { sid: $sid }) { webhook { sid } } }', {
      sid: createWebhook.webhook.sid,
    });
    const { resetToken } = (
      await asAdmin(before, 'mutation($sid: ID!) { createPasswordResetToken(input: { sid: $sid }) { resetToken } }', { sid: customer.sid })
    ).createPasswordResetToken;
    const repeated = { input: { sid: customer.sid, friendlyName: 'Renamed', idempotencyKey: 'once' } };
    const rename = 'mutation($input: UpdateAccountInput!) { updateAccount(input: $input) { account { version } } }';
    await asAdmin(before, rename, repeated);

    const imported = await create(graphqlSurface(before.url));
    const hash = new Secrets([oldKey]).storedMd5(imported.sid, '0'.repeat(32)).passwordHash;
    await before.database.query('UPDATE credential SET password_hash = $1 WHERE account_sid = $2', [hash, imported.sid]);

    expect((await runGateway(environmentOf(before), ['replace-key'])).mistakes).toContainEqual(
      expect.stringMatching(/^1 imported password .* need a new one\.$/),
    );
    const { code, output, mistakes } = await replace(before);
    expect([code, mistakes]).toEqual([0, []]);
    const { sid, url } = createWebhook.webhook;
    const webhooks = [{ sid, accountSid: customer.sid, url }];
    expect(JSON.parse(output)).toEqual({ authTokens: 3, webhooks, resetTokens: 1, passwords: 1, requests: 1 });

    const after = await start(newKey, before);
    expect(await signIn(after.url, { login: customer.sid, secret: password })).toBe(200);
    expect(await signIn(after.url, old)).toBe(401);
    const secret = await tokenOf(after.url, admin, customer.sid);
    expect(await signIn(after.url, { login: customer.sid, secret })).toBe(200);
    const used = await postGraphql(
      after.url,
      undefined,
      'mutation($token: String!) { resetPassword(input: { token: $token, password: "another decent one" }) { sid } }',
      {
        token: resetToken,
      },
    );
    expect(used.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    const again = await postGraphql(after.url, admin, rename, repeated);
    expect(again.errors).toMatchObject([{ extensions: { code: 'IDEMPOTENCY_MISMATCH' } }]);
    const rotated = await asAdmin(after, 'mutation($sid: ID!) { rotateWebhookSecret(input: { sid: $sid }) { secret } }', { sid });
    expect(rotated.rotateWebhookSecret.secret).toMatch(/^whsec_/);

    const { account } = await asAdmin(
      after,
      'query($sid: ID!) { account(by: { sid: $sid }) { history(last: 5) { nodes { operation actorSid requestId after } } } }',
      { sid: customer.sid },
    );
    const byCommandLine = { actorSid: null, requestId: expect.stringMatching(/^command-line:/) };
    expect(account.history.nodes.filter(({ actorSid }: { actorSid: unknown }) => actorSid === null)).toEqual([
      { operation: 'ROTATE_WEBHOOK_SECRET', ...byCommandLine, after: { webhookSid: sid, overlapSeconds: 0, keyReplaced: true } },
      { operation: 'ROTATE_AUTH_TOKEN', ...byCommandLine, after: { overlapSeconds: 0, keyReplaced: true } },
    ]);
    expect((await runGateway({ DATABASE_URL: before.database.url }, ['verify-history'])).output).toMatch(/^The history is sound: /);
    expect(JSON.parse((await replace(before)).output)).toEqual({
      authTokens: 0,
      webhooks: [],
      resetTokens: 0,
      passwords: 0,
      requests: 0,
    });
  });

  it('leaves what another key at hand can read, but for encrypting it anew', async () => {
    const before = await start(oldKey);
    const { sid } = await create(graphqlSurface(before.url));
    const secret = await tokenOf(before.url, admin, sid);
    const lost = randomBytes(32);
    await plant(before.database, { below: sid, widths: [3] });
    await plantAuthTokens(before.database, lost);
    expect(JSON.parse((await replace(before, `${hex(newKey)},${hex(oldKey)}`)).output)).toMatchObject({ authTokens: 3 });
    const after = await start(newKey, before);
    expect(await tokenOf(after.url, admin, sid)).toBe(secret);
  });

  it('goes on where it was killed; until it is done, no gateway starts with the new key', async () => {
    const before = await start(oldKey);
    const { sid } = await create(graphqlSurface(before.url));
    await plant(before.database, { below: sid, widths: [6_000] });
    await plantAuthTokens(before.database, oldKey);
    const { child } = spawnGateway(environmentOf(before), ['replace-key', '--yes']);
    const ended = once(child, 'close');
    child.stderr.once('data', () => child.kill('SIGKILL'));
    expect(await ended).toEqual([null, 'SIGKILL']);
    await expect(start(newKey, before)).rejects.toThrow('"account-gateway replace-key" makes a new one.');

    const { authTokens } = JSON.parse((await replace(before)).output);
    expect(authTokens).toBeGreaterThan(0);
    expect(authTokens).toBeLessThanOrEqual(6_002 - 5_000);
    const after = await start(newKey, before);
    const [entries] = await before.database.query<{ count: number; accounts: number }>(
      `SELECT count(*)::integer AS count, count(DISTINCT subject_sid)::integer AS accounts FROM history WHERE operation = 'rotateAuthToken'`,
    );
    expect(entries).toEqual({ count: 6_002, accounts: 6_002 });
    expect(await signIn(after.url, { login: sid, secret: password })).toBe(200);
    expect((await runGateway({ DATABASE_URL: before.database.url }, ['verify-history'])).output).toMatch(/^The history is sound: /);
  });
});
