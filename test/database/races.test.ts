import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createApp } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import type { AccountStatus } from '../../src/domain/account.js';
import { newSid, type Sid } from '../../src/domain/sid.js';
import { pathBelow, topLevelSidOf } from '../../src/domain/tree.js';
import { Secrets } from '../../src/service/secrets.js';
import { type TestDatabase, cloneDatabase, urlForGateways } from '../support/database.js';
import { type TestGateway, admin, cheapPasswords, startTestGateway, testKey } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { brokenInvariants } from '../support/invariants.js';
import { sendRest } from '../support/rest-client.js';
import { password, uniqueEmail } from '../support/tree.js';

/*
 * Races, run for real: each case makes its calls together many times, with small random delays, on a tree of its own; then
 * asks the database for invariants that are broken. RACE_ROUNDS=… runs more rounds of each, RACE_VERBOSE=1 counts the answers.
 */

const rounds = Number(process.env.RACE_ROUNDS ?? 50);

const secrets = new Secrets([testKey]);

/** What a call was told: OK, or the code of the refusal. */
type Told = string;
type Call = () => Promise<Told>;

describe.each([
  ['one gateway', 1],
  ['two gateways on one database', 2],
])('races on %s', (_name, instances) => {
  let database: TestDatabase;
  let gateways: TestGateway[];
  let root: { sid: Sid; path: string; organization: Sid };
  let calls = 0;

  beforeAll(async () => {
    database = await cloneDatabase();
    gateways = [];
    while (gateways.length < instances) gateways.push(await startTestGateway({ database }));
    const [found] = await database.query<typeof root>(
      `SELECT sid, path, organization_sid AS organization FROM account WHERE parent_sid IS NULL`,
    );
    root = found!;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    for (const table of [
      'password_reset_token',
      'account_profile',
      'organization_profile',
      'credential WHERE account_sid <> $1',
      'account WHERE sid <> $1',
    ]) {
      await database.query(`DELETE FROM ${table}`, table.includes('$1') ? [root.sid] : []);
    }
  });

  /** Asks the gateways in turn, as the Super Admin. */
  async function ask(mutation: string, input: object, selection = 'account { sid }'): Promise<{ told: Told; data: any }> {
    const { url } = gateways[calls++ % instances]!;
    const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input`;
    const answer = await postGraphql(url, admin, `mutation($input: ${type}!) { ${mutation}(input: $input) { ${selection} } }`, { input });
    return { told: answer.errors?.[0]?.extensions.code ?? 'OK', data: answer.data?.[mutation] };
  }

  const told =
    (mutation: string, input: object, selection?: string): Call =>
    async () =>
      (await ask(mutation, input, selection)).told;
  const create = (parentSid: Sid, more: object = {}): Call =>
    told('createAccount', { parentSid, emailAddress: uniqueEmail(), password, role: 'DEVELOPER', ...more });
  const rename = (sid: Sid, more: object = {}): Call =>
    told('updateAccount', { sid, friendlyName: randomBytes(4).toString('hex'), ...more });
  const setPassword = (sid: Sid): Call => told('updateAccount', { sid, password });
  const suspend = (sid: Sid): Call => told('setAccountStatus', { sid, status: 'SUSPENDED' });
  const activate = (sid: Sid): Call => told('setAccountStatus', { sid, status: 'ACTIVE' });
  const close = (sid: Sid): Call => told('closeAccount', { sid });
  const migrate = (sid: Sid, organization: Sid): Call => told('migrateAccount', { sid, organization: { sid: organization } });
  const rotate = (sid: Sid): Call => told('rotateAuthToken', { sid });
  const closeOrganization = (sid: Sid): Call => told('closeOrganization', { sid }, 'organization { sid }');
  const linkProfile = (profile: Sid, target: object): Call => told('linkProfile', { sid: profile, target }, 'profile { sid }');
  const deleteProfile = (sid: Sid): Call => told('deleteProfile', { sid }, 'sid');
  /** A change of a name and the status in one request, as only the documented API has it. */
  const put =
    (sid: Sid, form: Record<string, string>): Call =>
    async () => {
      const { status, text } = await sendRest(gateways[calls++ % instances]!.url, admin, {
        method: 'PUT',
        path: `/Accounts/${sid}.json`,
        form,
      });
      return status === 200 ? 'OK' : (JSON.parse(text).error as string);
    };
  const makeResetToken = (sid: Sid): Call => told('createPasswordResetToken', { sid });

  /** A line of accounts below the root, the top-level one first, with these statuses; each has credentials, of which nobody knows the password. */
  async function plant(statuses: AccountStatus[], organization = root.organization): Promise<Sid[]> {
    const sids = statuses.map(() => newSid('account'));
    let above = root;
    for (const [index, status] of statuses.entries()) {
      const sid = sids[index]!;
      const path = pathBelow(above.path, sid);
      const { tokenCiphertext, tokenHash } = secrets.storedAuthToken(sid, secrets.newAuthToken());
      await database.query(
        `WITH planted AS (
           INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
           VALUES ($1, $2, $3, $4, $5, $6, 'planted', 'Full', $7, 'Administrator')
         )
         INSERT INTO credential (account_sid, password_hash, token_ciphertext, token_hash) VALUES ($1, '', $8, $9)`,
        [sid, above.sid, topLevelSidOf(path), path, organization, uniqueEmail(), status, tokenCiphertext, tokenHash],
      );
      above = { ...above, sid, path };
    }
    return sids;
  }

  async function plantOrganization(): Promise<Sid> {
    const sid = newSid('organization');
    await database.query(`INSERT INTO organization (sid, domain_name, status) VALUES ($1, $2, 'active')`, [
      sid,
      `${sid.toLowerCase()}.test`,
    ]);
    return sid;
  }

  async function plantProfile(): Promise<Sid> {
    const sid = newSid('profile');
    await database.query(`INSERT INTO profile (sid, document) VALUES ($1, '{}')`, [sid]);
    return sid;
  }

  async function stateOf(sid: Sid): Promise<{ status: AccountStatus; version: number; organization: Sid }> {
    const [account] = await database.query<Awaited<ReturnType<typeof stateOf>>>(
      `SELECT status, version, organization_sid AS organization FROM account WHERE sid = $1`,
      [sid],
    );
    return account!;
  }

  /** Makes the calls together, give or take a few milliseconds. */
  function together(...calls: Call[]): Promise<Told[]> {
    return Promise.all(
      calls.map(async (call) => {
        await sleep(Math.random() * 4);
        return call();
      }),
    );
  }

  /**
   * Races many times. A round makes its calls together and tells the answers, with what each may be, in the same order. No
   * answer ever shows that transactions met, and in the end no invariant is broken: what is broken once stays broken.
   */
  async function race(round: () => Promise<{ told: Told[]; mayBe?: Told[][] }>): Promise<void> {
    const outcomes: Record<string, number> = {};
    for (let count = 0; count < rounds; count++) {
      const { told, mayBe } = await round();
      const outcome = told.join(' ');
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      expect(outcome).not.toMatch(/INTERNAL|UNAVAILABLE/);
      for (const [index, allowed] of mayBe?.entries() ?? []) expect(allowed).toContain(told[index]);
    }
    if (process.env.RACE_VERBOSE !== undefined) console.log(expect.getState().currentTestName, outcomes);
    expect(await brokenInvariants(database)).toEqual([]);
  }

  const levels: [string, number][] = [
    ['top-level account', 0],
    ['grandparent', 1],
    ['parent', 2],
  ];

  describe.each(levels)('creating an account while its %s', (_name, level) => {
    it('is closed leaves nothing open', async () => {
      await race(async () => {
        const line = await plant(['active', 'active', 'active']);
        const told = await together(create(line[2]!), close(line[level]!), create(line[2]!));
        return { told, mayBe: [['OK', 'PARENT_NOT_ACTIVE'], ['OK'], ['OK', 'PARENT_NOT_ACTIVE']] };
      });
    });

    it('is suspended leaves nothing active', async () => {
      await race(async () => {
        const line = await plant(['active', 'active', 'active']);
        const told = await together(create(line[2]!), suspend(line[level]!), create(line[2]!));
        return { told, mayBe: [['OK', 'PARENT_NOT_ACTIVE'], ['OK'], ['OK', 'PARENT_NOT_ACTIVE']] };
      });
    });
  });

  it('creating an account while its tree is migrated puts it into the new organization', async () => {
    const [home, away] = [await plantOrganization(), await plantOrganization()];
    await race(async () => {
      const line = await plant(['active', 'active'], home);
      const told = await together(create(line[1]!), migrate(line[0]!, away), create(line[0]!));
      const strays = await database.query(`SELECT 1 FROM account WHERE top_level_sid = $1 AND organization_sid <> $2`, [line[0], away]);
      expect(strays).toEqual([]);
      return { told, mayBe: [['OK'], ['OK'], ['OK']] };
    });
  });

  it('cascades that cross keep each account at most as active as its parent', async () => {
    await race(async () => {
      const [, parent, child, grandchild] = await plant(['active', 'active', 'suspended', 'suspended']);
      const told = await together(suspend(parent!), activate(child!), close(grandchild!));
      expect((await stateOf(child!)).status).toBe('suspended');
      expect((await stateOf(grandchild!)).status).toBe('closed');
      return { told, mayBe: [['OK'], ['OK', 'PARENT_NOT_ACTIVE'], ['OK']] };
    });
  });

  it('activating a child while its parent is suspended leaves it suspended', async () => {
    await race(async () => {
      const [parent, child] = await plant(['active', 'suspended']);
      const told = await together(suspend(parent!), activate(child!));
      expect((await stateOf(child!)).status).toBe('suspended');
      return { told, mayBe: [['OK'], ['OK', 'PARENT_NOT_ACTIVE']] };
    });
  });

  it('a first password while the parent is suspended leaves the account not active', async () => {
    await race(async () => {
      const [, parent, child] = await plant(['active', 'active', 'uninitialized']);
      const told = await together(suspend(parent!), setPassword(child!));
      expect((await stateOf(child!)).status).not.toBe('active');
      return { told, mayBe: [['OK'], ['OK', 'PARENT_NOT_ACTIVE']] };
    });
  });

  it.each([
    ['a top-level account', 0],
    ['an account below', 1],
  ])('updates of %s at once are all made', async (_name, level) => {
    await race(async () => {
      const line = await plant(['active', 'active']);
      const account = line[level]!;
      const told = await together(...Array.from({ length: 4 }, () => rename(account)), create(account), rotate(account));
      expect((await stateOf(account)).version).toBe(6);
      return { told, mayBe: told.map(() => ['OK']) };
    });
  });

  it('updating a child while its tree is closed either comes first or is refused', async () => {
    await race(async () => {
      const [top, child] = await plant(['active', 'active']);
      const told = await together(rename(child!), close(top!), setPassword(child!), makeResetToken(child!));
      return { told, mayBe: [['OK', 'ACCOUNT_CLOSED'], ['OK'], ['OK', 'ACCOUNT_CLOSED'], ['OK', 'ACCOUNT_CLOSED']] };
    });
  });

  it.each([
    ['a top-level account', 0],
    ['an account below', 1],
  ])('rotating the token of %s while the tree is closed leaves no credentials', async (_name, level) => {
    await race(async () => {
      const line = await plant(['active', 'active']);
      const told = await together(rotate(line[level]!), close(line[0]!), setPassword(line[level]!));
      return { told, mayBe: [['OK', 'ACCOUNT_CLOSED'], ['OK'], ['OK', 'ACCOUNT_CLOSED']] };
    });
  });

  it('of ten who create an account with one e-mail address, one does', async () => {
    await race(async () => {
      const [one, other] = [await plant(['active', 'active']), await plant(['active'])];
      const emailAddress = uniqueEmail();
      const parents = [one[0]!, one[1]!, other[0]!, root.sid, one[0]!];
      const told = await together(...[...parents, ...parents].map((parent) => create(parent, { emailAddress })));
      expect(told.toSorted()).toEqual([...Array.from({ length: 9 }, () => 'EMAIL_IN_USE'), 'OK']);
      return { told: told.toSorted() };
    });
  });

  it('an e-mail address is taken over only from an account that is closed', async () => {
    await race(async () => {
      const [holder] = await plant(['active']);
      const [account] = await database.query<{ email: string }>(`SELECT email_address AS email FROM account WHERE sid = $1`, [holder]);
      const told = await together(
        close(holder!),
        create(root.sid, { emailAddress: account!.email }),
        create(root.sid, { emailAddress: account!.email }),
      );
      expect(told.slice(1)).toContain('EMAIL_IN_USE');
      return { told, mayBe: [['OK'], ['OK', 'EMAIL_IN_USE'], ['OK', 'EMAIL_IN_USE']] };
    });
  });

  it('creating a top-level account while its organization is closed leaves no open account in a closed organization', async () => {
    await race(async () => {
      const organization = await plantOrganization();
      const told = await together(create(root.sid, { organization: { sid: organization } }), closeOrganization(organization));
      expect(told.filter((code) => code === 'OK')).toHaveLength(1);
      return {
        told,
        mayBe: [
          ['OK', 'ORGANIZATION_NOT_FOUND'],
          ['OK', 'ORGANIZATION_NOT_EMPTY'],
        ],
      };
    });
  });

  it('migrating into an organization while it is closed leaves no open account in a closed organization', async () => {
    await race(async () => {
      const organization = await plantOrganization();
      const line = await plant(['active', 'active']);
      const told = await together(migrate(line[0]!, organization), closeOrganization(organization));
      expect(told.filter((code) => code === 'OK')).toHaveLength(1);
      return {
        told,
        mayBe: [
          ['OK', 'ORGANIZATION_REQUIRED'],
          ['OK', 'ORGANIZATION_NOT_EMPTY'],
        ],
      };
    });
  });

  it('closing an organization while its last tree is closed, grows or leaves finds it empty or not', async () => {
    const elsewhere = await plantOrganization();
    await race(async () => {
      const organization = await plantOrganization();
      const [one, other] = [await plant(['active'], organization), await plant(['active'], organization)];
      const told = await together(
        close(one[0]!),
        migrate(other[0]!, elsewhere),
        create(one[0]!),
        create(other[0]!),
        closeOrganization(organization),
      );
      return { told, mayBe: [['OK'], ['OK'], ['OK', 'PARENT_NOT_ACTIVE'], ['OK'], ['OK', 'ORGANIZATION_NOT_EMPTY']] };
    });
  });

  it('of ten who use one reset token, one does', async () => {
    await race(async () => {
      const [, child] = await plant(['active', 'uninitialized']);
      const { data } = await ask('createPasswordResetToken', { sid: child }, 'resetToken');
      const told10 = Array.from({ length: 10 }, () => told('resetPassword', { token: data.resetToken, password }, 'sid'));
      const answers = (await together(...told10)).toSorted();
      expect(answers).toEqual([...Array.from({ length: 9 }, () => 'BAD_USER_INPUT'), 'OK']);
      expect(await stateOf(child!)).toMatchObject({ status: 'active', version: 2 });
      return { told: answers };
    });
  });

  it('using a reset token while the account is closed leaves neither token nor credentials', async () => {
    await race(async () => {
      const [top, child] = await plant(['active', 'uninitialized']);
      const { data } = await ask('createPasswordResetToken', { sid: child }, 'resetToken');
      const told2 = await together(told('resetPassword', { token: data.resetToken, password }, 'sid'), close(top!));
      return { told: told2, mayBe: [['OK', 'BAD_USER_INPUT'], ['OK']] };
    });
  });

  it.each([
    ['a top-level account', 0],
    ['an account below', 1],
  ])('of ten who change the same version of %s, one does', async (_name, level) => {
    await race(async () => {
      const sid = (await plant(['active', 'active']))[level]!;
      const changes = Array.from({ length: 9 }, () => rename(sid, { version: 1 }));
      const answers = (await together(...changes, told('setAccountStatus', { sid, status: 'SUSPENDED', version: 1 }))).toSorted();
      expect(answers).toEqual(['OK', ...Array.from({ length: 9 }, () => 'VERSION_CONFLICT')]);
      expect((await stateOf(sid)).version).toBe(2);
      return { told: answers };
    });
  });

  it('linking a profile while its account or organization is closed, or it is deleted, leaves no link of what is closed', async () => {
    await race(async () => {
      const organization = await plantOrganization();
      const [top, child] = await plant(['active', 'active'], organization);
      const [profile, another] = [await plantProfile(), await plantProfile()];
      const told = await together(
        linkProfile(profile, { accountSid: child }),
        linkProfile(another, { accountSid: child }),
        linkProfile(profile, { organizationSid: organization }),
        deleteProfile(another),
        close(top!),
        closeOrganization(organization),
      );
      return {
        told,
        mayBe: [
          ['OK', 'ACCOUNT_CLOSED'],
          ['OK', 'ACCOUNT_CLOSED', 'PROFILE_NOT_FOUND'],
          ['OK', 'ORGANIZATION_NOT_FOUND'],
          ['OK'],
          ['OK'],
          ['OK', 'ORGANIZATION_NOT_EMPTY'],
        ],
      };
    });
  });

  it('deleting a profile while trees with many of its links are closed waits, and never in a circle', async () => {
    await race(async () => {
      const profile = await plantProfile();
      const [top] = await plant(['active']);
      const children: Sid[] = [];
      for (let count = 0; count < 12; count++) {
        const { sid } = (await ask('createAccount', { parentSid: top, emailAddress: uniqueEmail(), role: 'DEVELOPER' })).data.account;
        children.push(sid);
      }
      await database.query(`INSERT INTO account_profile SELECT sid, $1 FROM unnest($2::text[]) AS sid ORDER BY random()`, [
        profile,
        children,
      ]);
      const told = await together(
        deleteProfile(profile),
        close(top!),
        ...children.slice(0, 3).map((sid) => linkProfile(profile, { accountSid: sid })),
      );
      return { told, mayBe: [['OK'], ['OK']] };
    });
  });

  it('changing a name and the status at once happens whole, or is refused', async () => {
    await race(async () => {
      const [top, child] = await plant(['active', 'suspended']);
      const told = await together(put(child!, { FriendlyName: 'both', Status: 'active' }), suspend(top!), activate(top!));
      const [account] = await database.query<{ name: string }>(`SELECT friendly_name AS name FROM account WHERE sid = $1`, [child]);
      expect(account!.name).toBe(told[0] === 'OK' ? 'both' : 'planted');
      return { told, mayBe: [['OK', 'PARENT_NOT_ACTIVE'], ['OK'], ['OK']] };
    });
  });

  it('any changes of one tree at once break nothing', async () => {
    await race(async () => {
      const [home, away] = [await plantOrganization(), await plantOrganization()];
      const line = await plant(['active', 'active', 'suspended', 'uninitialized'], home);
      const profile = await plantProfile();
      const anyOf = <Item>(items: Item[]): Item => items[Math.floor(Math.random() * items.length)]!;
      const kinds: ((sid: Sid) => Call)[] = [
        create,
        rename,
        setPassword,
        suspend,
        activate,
        rotate,
        makeResetToken,
        (sid) => put(sid, { FriendlyName: 'Put', Status: anyOf(['active', 'suspended', 'closed']) }),
        (sid) => put(sid, { Password: password, Status: 'active' }),
        (sid) => linkProfile(profile, { accountSid: sid }),
        () => linkProfile(profile, { organizationSid: anyOf([home, away]) }),
        () => deleteProfile(profile),
        () => migrate(line[0]!, anyOf([home, away])),
        () => closeOrganization(anyOf([home, away])),
        () => create(root.sid, { organization: { sid: anyOf([home, away]) } }),
      ];
      const mixed = Array.from({ length: 11 }, () => anyOf(kinds)(anyOf(line)));
      const told = await together(...mixed, close(anyOf(line)));
      return { told };
    });
  });

  /** Every backend tells the statistics about its deadlocks before it ends; so the gateways are stopped first. */
  it('no two of all these transactions ever waited for each other', async () => {
    for (const gateway of gateways) await gateway.stop();
    const others = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    while ((await database.query(others)).length > 0) await sleep(20);
    const [statistics] = await database.query<{ deadlocks: number; transactions: number }>(
      `SELECT deadlocks::integer, (xact_commit + xact_rollback)::integer AS transactions FROM pg_stat_database WHERE datname = current_database()`,
    );
    if (process.env.RACE_VERBOSE !== undefined) console.log(calls, 'calls', statistics);
    expect(statistics!.transactions).toBeGreaterThan(calls);
    expect(statistics!.deadlocks).toBe(0);
  });
});

describe('gateways that start at once on an empty database', () => {
  it('migrate it once, and make one root with one password', async () => {
    for (let round = 0; round < 10; round++) {
      const name = `gateway_${randomBytes(6).toString('hex')}`;
      const server = new Client({ connectionString: inject('serverUrl') });
      await server.connect();
      await server.query(`CREATE DATABASE ${name}`);
      const announced: string[] = [];
      const apps = await Promise.all(
        [1, 2, 3].map(async () => {
          await sleep(Math.random() * 10);
          return createApp({
            config: readConfig({ PORT: '0', METRICS_PORT: '0', ADMIN_EMAIL: admin.login }),
            databaseUrl: urlForGateways(name),
            credentialsKeys: [testKey],
            log: pino({ level: 'silent' }),
            announcePassword: (_emailAddress, generated) => announced.push(generated),
            passwordCost: cheapPasswords,
          });
        }),
      );

      const urls = await Promise.all(apps.map(async (app) => (await app.listen()).url));
      const { dataSource } = apps[0]!;
      expect(await dataSource.query(`SELECT email_address, status FROM account`)).toEqual([
        { email_address: admin.login, status: 'active' },
      ]);
      expect(await dataSource.query(`SELECT domain_name FROM organization`)).toEqual([{ domain_name: 'provider.test' }]);
      expect(await dataSource.query(`SELECT name FROM migration ORDER BY id`)).toEqual(
        dataSource.migrations.map(({ constructor }) => ({ name: constructor.name })),
      );
      expect(announced).toHaveLength(1);
      const login = { login: admin.login, secret: announced[0]! };
      for (const url of urls) expect((await postGraphql(url, login, '{ viewer { role } }')).errors).toBeUndefined();

      for (const app of apps) await app.close();
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.end();
    }
  });
});
