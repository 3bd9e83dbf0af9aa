import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountStatus } from '../../src/domain/account.js';
import { newSid, type Sid } from '../../src/domain/sid.js';
import { pathBelow, topLevelSidOf } from '../../src/domain/tree.js';
import { Secrets } from '../../src/service/secrets.js';
import { type TestDatabase, cloneDatabase } from './database.js';
import { raceRounds } from './effort.js';
import { type TestGateway, admin, startTestGateway, testKey } from './gateway.js';
import { postGraphql } from './graphql-client.js';
import { brokenInvariants } from './invariants.js';
import { eventually } from './patience.js';
import { sendRest } from './rest-client.js';
import { password, uniqueEmail } from './tree.js';

/*
 * Races, run for real: each case makes its calls together many times, with small random delays, on a tree of its own; then
 * asks the database for invariants that are broken. RACE_ROUNDS=… runs more rounds of each, RACE_VERBOSE=1 counts the answers.
 */

const secrets = new Secrets([testKey]);

/** What a call was told: OK, or the code of the refusal. */
export type Told = string;
export type Call = () => Promise<Told>;

/** What the cases of a file race with: calls to make, rows to plant, and the database to look into. */
export type Races = ReturnType<typeof racesOn>;

/** Defines the same races on one gateway and on two that share a database; then that no two transactions waited for each other. */
export function describeRaces(what: string, define: (races: Races) => void): void {
  describe.each([
    ['one gateway', 1],
    ['two gateways on one database', 2],
  ])(`races of ${what} on %s`, (_name, instances) => {
    const races = racesOn(instances);
    define(races);

    it('no two of all these transactions ever waited for each other', async () => {
      await races.stopGateways();
      const { database } = races;
      const others = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
      await eventually(async () => expect(await database.query(others)).toEqual([]));
      const [statistics] = await database.query<{ deadlocks: number; transactions: number }>(
        `SELECT deadlocks::integer, (xact_commit + xact_rollback)::integer AS transactions FROM pg_stat_database WHERE datname = current_database()`,
      );
      if (process.env.RACE_VERBOSE !== undefined) console.log(races.calls, 'calls', statistics);
      expect(statistics!.transactions).toBeGreaterThan(races.calls);
      expect(statistics!.deadlocks).toBe(0);
    });
  });
}

function racesOn(instances: number) {
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
    for (let count = 0; count < raceRounds; count++) {
      const { told, mayBe } = await round();
      const outcome = told.join(' ');
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      expect(outcome).not.toMatch(/INTERNAL|UNAVAILABLE/);
      for (const [index, allowed] of mayBe?.entries() ?? []) expect(allowed).toContain(told[index]);
    }
    if (process.env.RACE_VERBOSE !== undefined) console.log(expect.getState().currentTestName, outcomes);
    expect(await brokenInvariants(database)).toEqual([]);
  }

  return {
    ask,
    told,
    create,
    rename,
    setPassword,
    suspend,
    activate,
    close,
    migrate,
    rotate,
    closeOrganization,
    linkProfile,
    deleteProfile,
    put,
    makeResetToken,
    plant,
    plantOrganization,
    plantProfile,
    stateOf,
    together,
    race,
    get database() {
      return database;
    },
    get root() {
      return root;
    },
    get calls() {
      return calls;
    },
    /** Every backend tells the statistics about its deadlocks before it ends; so the gateways are stopped before these are read. */
    async stopGateways() {
      for (const gateway of gateways) await gateway.stop();
    },
  };
}
