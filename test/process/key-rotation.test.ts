import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { Database } from '../../src/persistence/connection/database.js';
import { rotateKey } from '../../src/service/key-rotation.js';
import { Secrets } from '../../src/service/secrets.js';
import { copyStartedBefore, spawnGateway, startGateway } from '../support/gateway-process.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { plant } from '../support/plant.js';
import { expectNoProcessIn, runGateway } from '../support/processes.js';
import { create, password } from '../support/tree.js';

const oldKey = randomBytes(32);
const newKey = randomBytes(32);
const listed = (...keys: Buffer[]): string => keys.map((key) => key.toString('hex')).join(',');

let cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  cleanups = [];
});

async function start(credentialsKeys: readonly Buffer[], beside?: TestGateway): Promise<TestGateway> {
  const gateway = await startTestGateway({ credentialsKeys, ...(beside && { database: beside.database }) });
  cleanups.push(() => gateway.stop());
  return gateway;
}

/** Runs the command as an operator does. */
const rotateKeyOn = ({ database }: TestGateway, ...keys: Buffer[]) =>
  runGateway({ DATABASE_URL: database.url, CREDENTIALS_KEY: listed(...keys) }, ['rotate-key']);

const signsIn = async ({ url }: TestGateway, login: Login): Promise<number> => (await postGraphql(url, login, '{ viewer { sid } }')).status;
const tokenOf = async ({ url }: TestGateway, sid: string): Promise<string> =>
  (await postGraphql(url, admin, 'query($sid: ID!) { authToken(sid: $sid) }', { sid })).data!.authToken;
const rotateToken = async ({ url }: TestGateway, sid: string, more: Record<string, unknown> = {}): Promise<string> =>
  (
    await postGraphql(url, admin, 'mutation($input: RotateAuthTokenInput!) { rotateAuthToken(input: $input) { authToken } }', {
      input: { sid, ...more },
    })
  ).data!.rotateAuthToken.authToken;

/** Plants accounts with AuthTokens that the old key made, and tells these. */
async function plantTokens(gateway: TestGateway, count: number): Promise<Login[]> {
  const { sid } = await create(graphqlSurface(gateway.url));
  await plant(gateway.database, { below: sid, widths: [count] });
  const accounts = await gateway.database.query<{ sid: `AC${string}` }>(`SELECT sid FROM account WHERE parent_sid = $1`, [sid]);
  const secrets = new Secrets([oldKey]);
  const logins = accounts.map((account) => ({ login: account.sid, secret: secrets.newAuthToken() }));
  const kept = logins.map(({ login, secret }) => secrets.storedAuthToken(login, secret));
  await gateway.database.query(
    `INSERT INTO credential (account_sid, password_hash, token_ciphertext, token_hash)
     SELECT token.sid, credential.password_hash, ciphertext, hash
     FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS token (sid, ciphertext, hash), credential WHERE credential.account_sid = $4`,
    [logins.map(({ login }) => login), kept.map(({ tokenCiphertext }) => tokenCiphertext), kept.map(({ tokenHash }) => tokenHash), sid],
  );
  return logins;
}

describe('npm run rotate-key', () => {
  it('re-encrypts every AuthToken, after which the old key is not needed', async () => {
    const before = await start([oldKey]);
    const [{ sid }, planted] = [await create(graphqlSurface(before.url)), await plantTokens(before, 20)];
    const login = { login: sid, secret: await tokenOf(before, sid) };

    // The order that is safe while instances are restarted one by one: all read both, then all write the new one.
    const [reading, writing] = [await start([oldKey, newKey], before), await start([newKey, oldKey], before)];
    expect(await rotateToken(reading, planted[0]!.login)).toBe(await tokenOf(writing, planted[0]!.login));
    const rotated = { ...planted[1]!, secret: await rotateToken(writing, planted[1]!.login) };
    for (const gateway of [reading, writing]) expect(await signsIn(gateway, rotated)).toBe(200);
    // What only has the old key does not know what the new one wrote.
    expect(await signsIn(before, rotated)).toBe(401);

    const ended = await rotateKeyOn(before, newKey, oldKey);
    // The root, the account, its parent of planted ones, and those but the one that has the new key already.
    expect(ended).toMatchObject({ code: 0, output: '22 AuthTokens re-encrypted; the old key is no longer needed.\n' });
    expect((await rotateKeyOn(before, newKey, oldKey)).output).toBe('0 AuthTokens re-encrypted; the old key is no longer needed.\n');

    const random = 'SELECT account_sid FROM credential WHERE token_hash = ANY (random_token_hashes) AND account_sid = ANY ($1)';
    expect(await before.database.query(random, [[sid, rotated.login]])).toHaveLength(2);

    const after = await start([newKey], before);
    for (const known of [login, rotated, ...planted.slice(2)]) {
      expect(await signsIn(after, known)).toBe(200);
      expect(await tokenOf(after, known.login)).toBe(known.secret);
    }
    await expect(start([oldKey], before)).rejects.toThrow('CREDENTIALS_KEY is not the key');
  });

  it('fails no sign-in and overwrites no change, while clients work and several run at once', async () => {
    const before = await start([oldKey]);
    const planted = await plantTokens(before, 1500);
    const gateways = [await start([newKey, oldKey], before), await start([oldKey, newKey], before)];
    const database = new Database(gateways[0]!.app.dataSource);
    const secrets = new Secrets([newKey, oldKey]);

    let isRunning = true;
    const rotations = Promise.all([1, 2, 3].map(() => rotateKey(database, secrets, () => {}))).finally(() => (isRunning = false));
    const changed = new Map<string, string>();
    const failures: string[] = [];
    const client = async (gateway: TestGateway, share: number) => {
      for (let index = share; isRunning || changed.size < 20; index += 4) {
        const { login, secret } = planted[(index * 37) % planted.length]!;
        if ((await signsIn(gateway, { login, secret: changed.get(login) ?? secret })) !== 200) failures.push(login);
        if (index % 3 !== 0 || changed.has(login)) continue;
        if (index % 2 === 0) changed.set(login, await rotateToken(gateway, login));
        else {
          const input = { sid: login, password: `another decent password ${index}` };
          await postGraphql(
            gateway.url,
            admin,
            'mutation($input: UpdateAccountInput!) { updateAccount(input: $input) { account { sid } } }',
            {
              input,
            },
          );
          changed.set(login, input.password);
        }
      }
    };
    await Promise.all([0, 1, 2, 3].map((share) => client(gateways[share % 2]!, share)));
    await rotations;
    expect(failures).toEqual([]);

    // The instance with the old key first may have written with it to the last moment.
    await rotateKey(database, secrets, () => {});
    const after = await start([newKey], before);
    for (const { login, secret } of [...planted.slice(0, 20), ...planted.filter(({ login }) => changed.has(login)).slice(0, 20)]) {
      expect(await signsIn(after, { login, secret: changed.get(login) ?? secret })).toBe(200);
      if (changed.has(login)) expect(await signsIn(after, { login, secret })).toBe(401);
    }
  });

  it('goes on where it was killed', async () => {
    const before = await start([oldKey]);
    const planted = await plantTokens(before, 7_000);
    const { child, output } = spawnGateway({ DATABASE_URL: before.database.url, CREDENTIALS_KEY: listed(newKey, oldKey) }, ['rotate-key']);
    const ended = once(child, 'close');
    child.stdout.once('data', () => child.kill('SIGKILL'));
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(output()).toMatch(/^5,\d{3} AuthTokens re-encrypted …\n/);

    const { output: rest } = await rotateKeyOn(before, newKey, oldKey);
    const [, count] = /([\d,]+) AuthTokens re-encrypted; the old key is no longer needed\.\n$/.exec(rest)!;
    expect(Number(count!.replace(',', ''))).toBeGreaterThan(0);
    expect(Number(count!.replace(',', ''))).toBeLessThanOrEqual(7_002 - 5_000);
    const after = await start([newKey], before);
    for (const login of [planted[0]!, planted.at(-1)!]) expect(await signsIn(after, login)).toBe(200);
  });

  it('tells until when the old key is needed, by what is kept as a hash only; that works till then', async () => {
    const before = await start([oldKey]);
    const { sid } = await create(graphqlSurface(before.url));
    const overlapping = await tokenOf(before, sid);
    const repeated = { idempotencyKey: 'once', overlapSeconds: 3600 };
    const authToken = await rotateToken(before, sid, repeated);
    const { resetToken } = (
      await postGraphql(before.url, admin, 'mutation($sid: ID!) { createPasswordResetToken(input: { sid: $sid }) { resetToken } }', { sid })
    ).data!.createPasswordResetToken;

    const neededUntil = async () =>
      Date.parse(/; the old key is needed until (\S+), for/.exec((await rotateKeyOn(before, newKey, oldKey)).output)![1]!) - Date.now();
    const hour = 3_600_000;
    // By the repeatable request and the reset token, 24 hours each; then, by the AuthToken's overlap.
    expect(await neededUntil()).toBeGreaterThan(23 * hour);
    const after = await start([newKey, oldKey], before);
    expect(await signsIn(after, { login: sid, secret: overlapping })).toBe(200);
    expect(await rotateToken(after, sid, repeated)).toBe(authToken);
    await before.database.query(`DELETE FROM idempotency_key`);
    expect(await neededUntil()).toBeGreaterThan(23 * hour);
    await before.database.query(`UPDATE password_reset_token SET expires_at = now() + interval '10 minutes'`);
    const overlap = await neededUntil();
    expect(overlap).toBeGreaterThan(hour / 2);
    expect(overlap).toBeLessThanOrEqual(hour);
    const reset = await postGraphql(
      after.url,
      undefined,
      'mutation($token: String!) { resetPassword(input: { token: $token, password: "another decent one" }) { sid } }',
      { token: resetToken },
    );
    expect(reset.data).toEqual({ resetPassword: { sid } });
    expect((await rotateKeyOn(before, newKey, oldKey)).output).toBe('0 AuthTokens re-encrypted; the old key is no longer needed.\n');
  });

  it('takes what was made before there were ids of keys', async () => {
    const before = await start([oldKey]);
    const { sid } = await create(graphqlSurface(before.url));
    const secret = await tokenOf(before, sid);
    await before.database.query(
      `UPDATE credential SET token_hash = substring(token_hash FROM 5),
         token_ciphertext = '\\x01'::bytea || substring(token_ciphertext FROM 6)`,
    );
    for (const keys of [[oldKey], [newKey, oldKey]]) {
      const gateway = await start(keys, before);
      expect(await signsIn(gateway, { login: sid, secret })).toBe(200);
      expect(await tokenOf(gateway, sid)).toBe(secret);
    }
    expect((await rotateKeyOn(before, newKey, oldKey)).output).toMatch(/^2 AuthTokens re-encrypted; the old key is no longer needed/);
    expect(await signsIn(await start([newKey], before), { login: sid, secret })).toBe(200);
  });

  it('says so when the old key is not the right one, or none is listed, and changes nothing', async () => {
    const before = await start([oldKey]);
    const { sid } = await create(graphqlSurface(before.url));
    expect(await rotateKeyOn(before, newKey, randomBytes(32))).toMatchObject({
      code: 1,
      output: expect.stringMatching(
        /^0 AuthTokens re-encrypted; 2 AuthTokens could not be read: they were encrypted with a key that is not listed/,
      ),
    });
    expect(await rotateKeyOn(before, newKey)).toMatchObject({
      code: 78,
      mistakes: ['CREDENTIALS_KEY lists only one key. To change to a new key, list it before the old one: new,old.'],
    });
    expect(await signsIn(before, { login: sid, secret: await tokenOf(before, sid) })).toBe(200);
    expect(await signsIn(before, { login: sid, secret: password })).toBe(200);
  });

  it('makes a new key for an embedded gateway, and removes the old one once that is not needed', async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'gateway-'));
    cleanups.push(() => removeFolder(dataDirectory));
    cleanups.push(() => expectNoProcessIn(dataDirectory));
    const file = join(dataDirectory, 'credentials.key');
    const keys = async () => (await readFile(file, 'utf8')).trim().split('\n');
    const run = () => runGateway({ DATA_DIR: dataDirectory }, ['rotate-key']);

    await copyStartedBefore(dataDirectory);
    const first = await startGateway({ dataDirectory });
    const login = { login: first.adminEmail, secret: first.adminPassword };
    const { viewer } = (await postGraphql(first.url, login, '{ viewer { sid } }')).data!;
    const authToken = async (url: string) =>
      (await postGraphql(url, login, 'query($sid: ID!) { authToken(sid: $sid) }', { sid: viewer.sid })).data!.authToken;
    const secret = await authToken(first.url);
    const [old] = await keys();
    await first.end('SIGTERM');

    expect((await run()).output).toBe('1 AuthToken re-encrypted; the old key was removed.\n');
    const [current, ...others] = await keys();
    expect([current === old, others]).toEqual([false, []]);

    // One that was cut off before it re-encrypted anything: no third key is made.
    const next = randomBytes(32).toString('hex');
    await writeFile(file, `${next}\n${current}\n`);
    const second = await startGateway({ dataDirectory });
    expect(await authToken(second.url)).toBe(secret);
    await second.end('SIGTERM');
    expect((await run()).output).toBe('1 AuthToken re-encrypted; the old key was removed.\n');
    expect(await keys()).toEqual([next]);
    const third = await startGateway({ dataDirectory });
    expect(await authToken(third.url)).toBe(secret);
    await third.end('SIGTERM');
  });
});
