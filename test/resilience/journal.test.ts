import { isDeepStrictEqual } from 'node:util';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { verifyHistoryOf } from '../../src/cli/verify-history.js';
import { newSid } from '../../src/domain/sid.js';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { crashPoints } from '../support/effort.js';
import { type GatewayProcess, copyStartedBefore, startGateway } from '../support/gateway-process.js';
import { postGraphql } from '../support/graphql-client.js';
import { brokenInvariants } from '../support/invariants.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { ask, embeddedUrl, expectNoProcessIn, killProcessesIn, postmasterOf } from '../support/processes.js';

/**
 * How many crashes, in how many pairs of a gateway and its PostgreSQL side by side, each with how many clients that write.
 * A machine that has other things to do comes to fewer of them in its time.
 */
const points = crashPoints;
const pairs = 2;
const clients = 4;
const milliseconds = 400_000;

it(
  `up to ${points} crashes of gateway and database at random points lose nothing that was acknowledged, and leave nothing by halves`,
  async () => {
    const began = Date.now();
    // All of them end before the test does, whichever of them fails.
    const ends = await Promise.allSettled(Array.from({ length: pairs }, () => crashAndCompare(points / pairs)));
    const done = ends.map((end) => {
      if (end.status === 'rejected') throw end.reason;
      return end.value;
    });
    const sum = (key: keyof Tally): number => done.reduce((total, tally) => total + tally[key], 0);
    console.info(
      `${sum('database') + sum('gateway') + sum('both')} crashes (${sum('database')} of PostgreSQL, ${sum('gateway')} of the gateway, ${sum('both')} of both) ` +
        `in ${Math.round((Date.now() - began) / 1000)} s; ${sum('acknowledged')} changes were acknowledged and are there; ` +
        `of ${sum('inDoubt')} that were not, ${sum('happened')} happened whole, the others not at all`,
    );
    expect(sum('database')).toBeGreaterThan(0);
    expect(sum('gateway') + sum('both')).toBeGreaterThan(0);
    expect(sum('acknowledged')).toBeGreaterThan(0);
    expect(sum('inDoubt')).toBeGreaterThan(0);
  },
  milliseconds + 300_000,
);

interface Tally {
  database: number;
  gateway: number;
  both: number;
  acknowledged: number;
  inDoubt: number;
  happened: number;
}

/** Crashes one pair again and again, and compares the database with what its clients know after each time. */
async function crashAndCompare(times: number): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-journal-'));
  const url = embeddedUrl(folder);
  const began = Date.now();
  const tally: Tally = { database: 0, gateway: 0, both: 0, acknowledged: 0, inDoubt: 0, happened: 0 };
  await copyStartedBefore(folder);
  let gateway = await startGateway({ dataDirectory: folder });
  try {
    let journals: Journal[] = [];
    for (let time = 0; time < times && Date.now() - began < milliseconds; time++) {
      if (time % 10 === 0) journals = await Promise.all(Array.from({ length: clients }, () => beginJournal(url)));
      const crash = new AbortController();
      const writing = journals.map((journal) => writeUntil(crash.signal, gateway, journal));
      await acknowledgements(journals, Math.random() * 12);
      await sleep(Math.random() * 20);

      const victim = time % 6 === 1 ? (Math.random() < 0.5 ? 'both' : 'gateway') : 'database';
      if (victim !== 'gateway') process.kill(await postgresProcess(folder, url), 'SIGKILL');
      if (victim !== 'database') await gateway.end('SIGKILL');
      crash.abort();
      tally[victim] += 1;
      await Promise.all(writing);
      if (victim !== 'database') {
        await expectNoProcessIn(folder);
        gateway = await startGateway({ dataDirectory: folder });
      }
      await recovered(gateway, url);
      for (const journal of journals) await compare(url, journal, tally);
      if (time % 10 === 9) expect(await brokenInvariants({ query: <Row extends object>(sql: string) => ask<Row>(url, sql) })).toEqual([]);
    }
    expect(await verifyHistoryOf(url, undefined)).toMatchObject({ isSound: true });
    expect(await gateway.end('SIGTERM')).toBe(0);
    return tally;
  } finally {
    await gateway.end('SIGKILL');
    await killProcessesIn(folder);
    await removeFolder(folder);
  }
}

/** Waits until so many changes were acknowledged, or for as long as a crash can be waited for. */
async function acknowledgements(journals: Journal[], many: number): Promise<void> {
  const began = Date.now();
  const count = () => journals.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  while (count() < many && Date.now() - began < 5_000) await sleep(1);
}

/** The postmaster, or a process that works for the gateway right now, if there is one. */
async function postgresProcess(folder: string, url: string): Promise<number> {
  if (Math.random() < 0.5) return postmasterOf(folder);
  const [busy] = await ask<{ pid: number }>(
    url,
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'account-gateway' ORDER BY state = 'idle', random() LIMIT 1`,
  );
  return busy?.pid ?? postmasterOf(folder);
}

/** Waits until the gateway has a database again whose processes are all those of after the crash. */
async function recovered(gateway: GatewayProcess, url: string): Promise<void> {
  await eventually(async () => {
    await ask(url, 'SELECT 1');
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
  });
}

/** An account as the client knows it: by the e-mail address, since it may not have learned the SID. */
interface Known {
  emailAddress: string;
  /** E-mail address of the account above it; null for the top-level account. */
  parent: string | null;
  friendlyName: string;
  status: string;
}

/** What one client knows to be in the database. No one else changes it. */
interface State {
  accounts: Known[];
  /** Domain name of the organization of its tree. */
  organization: string;
  /** Domain names of the organizations that it has made. */
  organizations: string[];
  /** What its profile says. */
  profile: number;
}

interface Journal {
  top: string;
  profileSid: string;
  sids: Map<string, string>;
  state: State;
  /** What holds if the change that was sent last has happened, unless its answer has come. */
  inDoubt: State | undefined;
  acknowledged: number;
}

/** A tree of a top-level account and 3 × 4 active accounts below it, with a profile and an organization beside. */
async function beginJournal(url: string): Promise<Journal> {
  const hex = newSid('account').slice(2);
  const [root] = await ask<{ sid: string }>(url, 'SELECT sid FROM account WHERE parent_sid IS NULL');
  await ask(
    url,
    `INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
     SELECT 'AC' || $1, sid, 'AC' || $1, path || $1, organization_sid, $1 || '@top.test', 'Top', 'Full', 'active', 'Administrator'
     FROM account WHERE sid = $2`,
    [hex, root!.sid],
  );
  await plant({ query: (sql, parameters) => ask(url, sql, parameters) }, { below: `AC${hex}`, widths: [3, 4] });
  const domain = `${hex}.test`;
  const profileSid = newSid('profile');
  await ask(url, `INSERT INTO organization (sid, domain_name, status) VALUES ($1, $2, 'active')`, [newSid('organization'), domain]);
  await ask(url, `INSERT INTO profile (sid, document) VALUES ($1, '{"n":0}')`, [profileSid]);
  const whose = { top: `AC${hex}`, profileSid, sids: new Map<string, string>() };
  return { ...whose, state: await found(url, whose), inDoubt: undefined, acknowledged: 0 };
}

/** What the database says. */
async function found(url: string, { top, profileSid, sids }: Pick<Journal, 'top' | 'profileSid' | 'sids'>): Promise<State> {
  const accounts = await ask<Known & { sid: string }>(
    url,
    `SELECT account.sid, account.email_address AS "emailAddress", account.friendly_name AS "friendlyName", account.status,
            CASE WHEN account.sid <> $1 THEN parent.email_address END AS parent
     FROM account JOIN account AS parent ON parent.sid = account.parent_sid
     WHERE account.top_level_sid = $1 ORDER BY account.email_address COLLATE "C"`,
    [top],
  );
  for (const { emailAddress, sid } of accounts) sids.set(emailAddress, sid);
  const [organization] = await ask<{ name: string }>(
    url,
    `SELECT organization.domain_name AS name FROM organization JOIN account ON account.organization_sid = organization.sid WHERE account.sid = $1`,
    [top],
  );
  const organizations = await ask<{ name: string }>(
    url,
    `SELECT domain_name AS name FROM organization WHERE domain_name LIKE '%' || $1 ORDER BY domain_name COLLATE "C"`,
    [`${top.slice(2)}.test`],
  );
  const [profile] = await ask<{ document: string }>(url, 'SELECT document::text AS document FROM profile WHERE sid = $1', [profileSid]);
  return {
    accounts: accounts.map(({ emailAddress, parent, friendlyName, status }) => ({ emailAddress, parent, friendlyName, status })),
    organization: organization!.name,
    organizations: organizations.map(({ name }) => name),
    profile: JSON.parse(profile!.document).n,
  };
}

/** What was acknowledged is there, and what is in doubt is there whole or not at all; from now on, the client knows. */
async function compare(url: string, journal: Journal, tally: Tally): Promise<void> {
  const state = await found(url, journal);
  if (journal.inDoubt !== undefined) {
    tally.inDoubt += 1;
    if (isDeepStrictEqual(state, journal.inDoubt)) tally.happened += 1;
    else expect(state).toEqual(journal.state);
  } else expect(state).toEqual(journal.state);
  tally.acknowledged += journal.acknowledged;
  Object.assign(journal, { state, inDoubt: undefined, acknowledged: 0 });
}

/** Sends one change after the other, each of a random kind, until a crash: its own answer says so first, or the signal. */
async function writeUntil(crash: AbortSignal, gateway: GatewayProcess, journal: Journal): Promise<void> {
  const login = { login: gateway.adminEmail, secret: gateway.adminPassword };
  while (!crash.aborted) {
    const { query, variables, after } = randomChange(journal);
    journal.inDoubt = after;
    const answer = await postGraphql(gateway.url, login, query, variables).catch(() => undefined);
    if (answer?.data && answer.errors === undefined) {
      const { created } = answer.data as { created?: { account: { sid: string; emailAddress: string } } };
      if (created !== undefined) journal.sids.set(created.account.emailAddress, created.account.sid);
      Object.assign(journal, { state: after, inDoubt: undefined });
      journal.acknowledged += 1;
      continue;
    }
    const codes = answer?.errors?.map(({ extensions, message }) => `${extensions.code}: ${message}`);
    if (codes !== undefined) expect(codes).toEqual([expect.stringMatching(/^(UNAVAILABLE|OVERLOADED): /)]);
    return;
  }
}

interface Change {
  query: string;
  variables: Record<string, unknown>;
  /** What holds once it has happened. */
  after: State;
}

let count = 0;

/** A change that the state allows. */
function randomChange(journal: Journal): Change {
  const { state, sids, top, profileSid } = journal;
  const after = structuredClone(state);
  const { accounts } = after;
  const pick = (condition: (account: Known) => boolean): Known | undefined => {
    const fit = accounts.filter(condition);
    return fit[Math.floor(Math.random() * fit.length)];
  };
  const parentOf = (account: Known) => accounts.find(({ emailAddress }) => emailAddress === account.parent);
  const isBelow = (account: Known | undefined, above: Known): boolean =>
    account !== undefined && (account === above || isBelow(parentOf(account), above));
  const cascade = (above: Known, from: string[], to: string) => {
    for (const account of accounts) if (isBelow(account, above) && from.includes(account.status)) account.status = to;
  };
  const hex = top.slice(2);
  count += 1;
  const change = (query: string, variables: Record<string, unknown>): Change => ({ query, variables, after });

  const kinds: (() => Change | undefined)[] = [
    () => {
      const parent = pick(({ status, parent: above }) => status === 'active' && (above === null || !above.startsWith('new')));
      if (parent === undefined) return undefined;
      const emailAddress = `new-${count}-${hex}@journal.test`;
      accounts.push({ emailAddress, parent: parent.emailAddress, friendlyName: emailAddress.slice(0, 64), status: 'uninitialized' });
      accounts.sort((one, other) => (one.emailAddress < other.emailAddress ? -1 : 1));
      return change(
        'mutation($sid: ID!, $email: EmailAddress!) { created: createAccount(input: { parentSid: $sid, emailAddress: $email, role: DEVELOPER }) { account { sid emailAddress } } }',
        { sid: sids.get(parent.emailAddress), email: emailAddress },
      );
    },
    () => {
      const account = pick(({ status }) => status !== 'closed')!;
      account.friendlyName = `Name ${count}`;
      return change(
        'mutation($sid: ID!, $name: String!) { updateAccount(input: { sid: $sid, friendlyName: $name }) { account { sid } } }',
        {
          sid: sids.get(account.emailAddress),
          name: account.friendlyName,
        },
      );
    },
    () => {
      const account = pick(({ status }) => status === 'active');
      if (account === undefined) return undefined;
      cascade(account, ['active'], 'suspended');
      return change('mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { reachedCount } }', {
        sid: sids.get(account.emailAddress),
      });
    },
    () => {
      const account = pick((one) => one.status === 'suspended' && (parentOf(one)?.status ?? 'active') === 'active');
      if (account === undefined) return undefined;
      cascade(account, ['suspended'], 'active');
      return change('mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: ACTIVE }) { reachedCount } }', {
        sid: sids.get(account.emailAddress),
      });
    },
    () => {
      const account = pick(({ status, parent }) => status !== 'closed' && parent !== null);
      if (account === undefined || Math.random() < 0.7) return undefined;
      cascade(account, ['uninitialized', 'active', 'suspended'], 'closed');
      return change('mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { reachedCount } }', { sid: sids.get(account.emailAddress) });
    },
    () => {
      const organization = after.organizations.find((name) => name !== after.organization);
      if (organization === undefined) return undefined;
      after.organization = organization;
      return change(
        'mutation($sid: ID!, $domain: DomainName!) { migrateAccount(input: { sid: $sid, organization: { domainName: $domain } }) { reachedCount } }',
        { sid: top, domain: organization },
      );
    },
    () => {
      const domainName = `o${count}.${hex}.test`;
      after.organizations.push(domainName);
      after.organizations.sort();
      return change('mutation($domain: DomainName!) { createOrganization(input: { domainName: $domain }) { organization { sid } } }', {
        domain: domainName,
      });
    },
    () => {
      after.profile = count;
      return change(
        'mutation($sid: ID!, $document: JSONObject!) { updateProfile(input: { sid: $sid, document: $document }) { profile { sid } } }',
        {
          sid: profileSid,
          document: { n: count },
        },
      );
    },
  ];
  return kinds[Math.floor(Math.random() * kinds.length)]!() ?? randomChange(journal);
}
