import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyHistoryOf } from '../../src/cli/verify-history.js';
import { sqlFile } from '../../src/import/files.js';
import { planImport } from '../../src/import/plan.js';
import type { ImportPlan } from '../../src/import/planned.js';
import { readRows } from '../../src/import/source.js';
import { Database } from '../../src/persistence/connection/database.js';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { AccountImport, partSize, rowsOf } from '../../src/service/account-import.js';
import { Secrets } from '../../src/service/secrets.js';
import { type TestGateway, admin, startTestGateway, testKey } from '../support/gateway.js';
import { brokenInvariants } from '../support/invariants.js';
import { type Restcomm, md5, mysqlDump, passwordOf, restcommRoot, soundRestcomm } from '../support/restcomm.js';

const noChoices = { remedies: {}, roles: new Map(), statuses: new Map(), types: new Map(), timeZone: 'UTC', maxLevels: 10 };
const top1 = 'top1@customer.test';

let gateway: TestGateway;
let folder: string;
let dataSource: ReturnType<typeof createDataSource>;
let accountImport: AccountImport;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'import-'));
  gateway = await startTestGateway();
  dataSource = createDataSource({ url: gateway.database.url });
  await dataSource.initialize();
  accountImport = importOn(testKey);
});
afterEach(async () => {
  await dataSource.destroy();
  await gateway.stop();
  await rm(folder, { recursive: true });
});

function importOn(...keys: Buffer[]): AccountImport {
  return new AccountImport(new Database(dataSource), new Secrets(keys));
}

async function planOf(restcomm: Restcomm): Promise<ImportPlan> {
  const file = join(folder, 'dump.sql');
  await writeFile(file, mysqlDump(restcomm));
  const source = sqlFile(file);
  return planImport(await readRows(source), source.hasSecrets, noChoices);
}

async function imported(restcomm = soundRestcomm(300)): Promise<ImportPlan> {
  const plan = await planOf(restcomm);
  await accountImport.stage(plan);
  expect(await accountImport.takeOver(plan)).toBe('done');
  return plan;
}

/** The status of reading oneself with the login and the secret. */
async function signIn(login: string, secret: string, url = gateway.url): Promise<number> {
  const response = await fetch(`${url}/2012-04-24/Accounts/${encodeURIComponent(login)}.json`, {
    headers: { authorization: `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}` },
  });
  await response.arrayBuffer();
  return response.status;
}

const passwordHashOf = async (sid: string): Promise<string> =>
  (await gateway.database.query<{ hash: string }>('SELECT password_hash AS hash FROM credential WHERE account_sid = $1', [sid]))[0]!.hash;

describe('an import', () => {
  it('takes over accounts as they were, and keeps every invariant and a sound history', async () => {
    const plan = await imported();
    expect(await brokenInvariants(gateway.database)).toEqual([]);
    expect(await verifyHistoryOf(gateway.database.url)).toMatchObject({ isSound: true });
    const [row] = await gateway.database.query('SELECT * FROM account WHERE email_address = $1', [top1]);
    expect(row).toMatchObject({
      sid: `AC${md5(top1)}`,
      parent_sid: restcommRoot.sid,
      organization_sid: `OR${md5(top1)}`,
      friendly_name: `It's "${top1}" \\ Zoë ☎`,
      type: 'Full',
      role: 'Administrator',
      status: 'active',
      date_created: new Date('2015-06-01T12:00:00Z'),
      date_updated: new Date('2016-02-29T23:59:59Z'),
      version: 1,
    });
    const links = await gateway.database.query('SELECT account_sid, profile_sid FROM account_profile');
    expect(links).toEqual([{ account_sid: `AC${md5(top1)}`, profile_sid: `PR${md5('gold')}` }]);
    const entries = await gateway.database.query(
      `SELECT count(*)::integer AS count, count(DISTINCT subject_sid)::integer AS subjects FROM history
       WHERE operation = 'createAccount' AND actor_sid IS NULL AND request_id = $1`,
      [`import:${plan.id}`],
    );
    expect(entries).toEqual([{ count: 300, subjects: 300 }]);
    const miscounted = await gateway.database.query(
      'SELECT tree_sid FROM history_head WHERE counts IS NULL OR counts <> count_accounts(tree_sid)',
    );
    expect(miscounted).toEqual([]);
  });

  it('that has a SID of the gateway changes nothing, and says so', async () => {
    const [ours] = await gateway.database.query<{ sid: string }>('SELECT sid FROM organization');
    const restcomm = soundRestcomm(3);
    const { sid } = restcomm.restcomm_organizations.at(-1)!;
    const plan = await planOf(JSON.parse(JSON.stringify(restcomm).replaceAll(String(sid), ours!.sid)) as Restcomm);
    await accountImport.stage(plan);
    await expect(accountImport.takeOver(plan)).rejects.toThrow(
      'The source has a SID that this gateway, or another row of the source, has too.',
    );
    expect(await signIn(admin.login, admin.secret)).toBe(200);
  });

  it('lets the old clients sign in: by password, by token, by SID and address; and the replaced root no longer', async () => {
    await imported();
    for (const login of [top1, `AC${md5(top1)}`]) {
      expect(await signIn(login, passwordOf(top1))).toBe(200);
      expect(await signIn(login, md5(passwordOf(top1)))).toBe(200);
      expect(await signIn(login, 'another password')).toBe(401);
    }
    expect(await signIn(restcommRoot.emailAddress, restcommRoot.password)).toBe(200);
    expect(await signIn(admin.login, admin.secret)).toBe(401);
  });

  it('keeps a password as argon2id from its first use on, and the token as it is', async () => {
    await imported();
    const sid = `AC${md5(top1)}`;
    expect(await signIn(sid, md5(passwordOf(top1)))).toBe(200);
    expect(await passwordHashOf(sid)).toMatch(/^md5:[0-9a-f]{72}$/);
    expect(await signIn(sid, passwordOf(top1))).toBe(200);
    expect(await passwordHashOf(sid)).toMatch(/^\$argon2id\$/);
    expect(await signIn(sid, passwordOf(top1))).toBe(200);
    expect(await signIn(sid, 'another password')).toBe(401);
    expect(await signIn(sid, md5(passwordOf(top1)))).toBe(200);
  });

  it('lets requests that signed in at the same time with the password all be done', async () => {
    await imported();
    const authorization = `Basic ${Buffer.from(`${top1}:${passwordOf(top1)}`).toString('base64')}`;
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async (_, number) => {
        const body = new URLSearchParams({ FriendlyName: `Name ${number}` });
        const response = await fetch(`${gateway.url}/2012-04-24/Accounts/AC${md5(top1)}`, {
          method: 'PUT',
          headers: { authorization },
          body,
        });
        await response.arrayBuffer();
        return response.status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it('limits guesses of a token that follows from a password, as it limits guesses of passwords', async () => {
    await imported();
    const limited = await startTestGateway({ database: gateway.database, environment: { SIGN_IN_FAILURES_PER_ACCOUNT: '3' } });
    try {
      for (let guess = 0; guess < 4; guess++) await signIn(top1, 'a guess', limited.url);
      expect(await signIn(top1, md5(passwordOf(top1)), limited.url)).toBe(429);
    } finally {
      await limited.stop();
    }
  });

  it('makes a new key encrypt and hash what it brought', async () => {
    await imported();
    const { rotateKey } = await import('../../src/service/key-rotation.js');
    const newKey = Buffer.alloc(32, 7);
    const rotation = () => rotateKey(new Database(dataSource), new Secrets([newKey, testKey]), () => {});
    // This password can only be hashed anew when it is used: its md5 is known no more.
    const top2 = 'top2@customer.test';
    const other = new Secrets([testKey]).storedAuthToken(`AC${md5(top2)}`, md5('another token'));
    await gateway.database.query('UPDATE credential SET token_hash = $2, token_ciphertext = $3 WHERE account_sid = $1', [
      `AC${md5(top2)}`,
      other.tokenHash,
      other.tokenCiphertext,
    ]);
    expect(await rotation()).toMatchObject({ rewritten: 300, passwords: 1 });
    const meanwhile = await startTestGateway({ database: gateway.database, credentialsKeys: [newKey, testKey] });
    expect(await signIn(top2, passwordOf(top2), meanwhile.url)).toBe(200);
    await meanwhile.stop();
    expect(await rotation()).toMatchObject({ rewritten: 0, passwords: 0 });
    const rotated = await startTestGateway({ database: gateway.database, credentialsKeys: [newKey] });
    try {
      expect(await signIn(top1, passwordOf(top1), rotated.url)).toBe(200);
      expect(await signIn(top1, md5(passwordOf(top1)), rotated.url)).toBe(200);
    } finally {
      await rotated.stop();
    }
  });

  it('does nothing when it is done again', async () => {
    const plan = await imported();
    const before = await gateway.database.query('SELECT sid, version FROM account ORDER BY sid');
    expect(await accountImport.isDone(plan)).toBe(true);
    await accountImport.stage(plan);
    expect(await accountImport.takeOver(plan)).toBe('repeated');
    expect(await gateway.database.query('SELECT sid, version FROM account ORDER BY sid')).toEqual(before);
  });

  it('shows nothing before all of it is there, and goes on after the last whole part', async () => {
    const plan = await planOf(soundRestcomm(partSize + 1_500));
    const stop = new Error('stopped');
    let whole = 0;
    const stopped = accountImport.stage(plan, (done) => {
      whole = done;
      if (done > partSize) throw stop;
    });
    await expect(stopped).rejects.toBe(stop);
    expect(await gateway.database.query('SELECT count(*)::integer AS count FROM account')).toEqual([{ count: 1 }]);
    expect(await signIn(top1, passwordOf(top1))).toBe(401);
    await expect(accountImport.takeOver(plan)).rejects.toThrow(/Another import was begun meanwhile/);
    const told: number[] = [];
    await accountImport.stage(plan, (done) => told.push(done));
    const accounts = plan.organizations.length + plan.profiles.length + plan.accounts.length;
    expect(whole).toBeLessThan(accounts);
    expect(told).toEqual([whole, accounts, rowsOf(plan)]);
    expect(await signIn(top1, passwordOf(top1))).toBe(401);
    expect(await accountImport.takeOver(plan)).toBe('done');
    expect(await signIn(top1, passwordOf(top1))).toBe(200);
    expect(await gateway.database.query('SELECT 1 FROM account_import_row LIMIT 1')).toEqual([]);
  });

  it('writes what waits anew after a change of the key, or of the source', async () => {
    const plan = await planOf(soundRestcomm(300));
    await accountImport.stage(plan);
    const other = await planOf(soundRestcomm(200));
    await accountImport.stage(other);
    await expect(accountImport.takeOver(plan)).rejects.toThrow(/Another import/);
    await accountImport.stage(plan);
    const newKey = Buffer.alloc(32, 7);
    const told: number[] = [];
    await importOn(newKey, testKey).stage(plan, (done) => told.push(done));
    expect(told[0]).toBe(0);
  });

  it('is refused by a gateway whose root has been used', async () => {
    const plan = await planOf(soundRestcomm(10));
    expect(await accountImport.obstacle()).toBeUndefined();
    const authorization = `Basic ${Buffer.from(`${admin.login}:${admin.secret}`).toString('base64')}`;
    const body = new URLSearchParams({ FriendlyName: 'Another name' });
    await fetch(`${gateway.url}/2012-04-24/Accounts/${admin.login}`, { method: 'PUT', headers: { authorization }, body });
    expect(await accountImport.obstacle()).toMatch(/has been used already/);
    await accountImport.stage(plan);
    await expect(accountImport.takeOver(plan)).rejects.toThrow(/has been used already/);
    expect(await signIn(admin.login, admin.secret)).toBe(200);
  });

  it('leaves a root uninitialized that nobody has initialized, and nobody signs in as it', async () => {
    const restcomm = soundRestcomm(1);
    Object.assign(restcomm.restcomm_accounts[0]!, { status: 'uninitialized', auth_token: md5('RestComm') });
    restcomm.restcomm_profile_associations = [{ ...restcomm.restcomm_profile_associations[0]!, target_sid: restcommRoot.sid }];
    await imported(restcomm);
    expect(await signIn(restcommRoot.emailAddress, 'RestComm')).toBe(401);
    expect(await brokenInvariants(gateway.database)).toEqual([]);
  });
});
