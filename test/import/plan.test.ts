import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqlFile } from '../../src/import/files.js';
import { planImport } from '../../src/import/plan.js';
import type { ImportPlan } from '../../src/import/planned.js';
import type { Choices, RuleName } from '../../src/import/rules.js';
import { readRows } from '../../src/import/source.js';
import { hsqldbScript, md5, mysqlDump, plantDefects, restcommRoot, soundRestcomm } from '../support/restcomm.js';

const nothingChosen: Choices = { remedies: {}, roles: new Map(), statuses: new Map(), types: new Map(), timeZone: 'UTC', maxLevels: 10 };

const settled: Choices = {
  ...nothingChosen,
  remedies: {
    'bad-sid': 'new',
    'several-roots': 'top-level',
    'missing-parent': 'top-level',
    cycle: 'top-level',
    'not-closed-below': 'follow',
    'diverging-organization': 'follow-top-level',
    'unknown-organization': 'follow-parent',
    'closed-organization': 'reopen',
    'unknown-organization-status': 'active',
    'bad-domain-name': 'replace',
    'bad-email': 'replace',
    'duplicate-email': 'suffix',
    'bad-name': 'repair',
    'bad-date': 'repair',
    'bad-token': 'without',
    'bad-profile': 'leave-out',
  },
  roles: new Map([['administartor', 'Administrator']]),
  statuses: new Map([['frozen', 'suspended']]),
  types: new Map([['demo', 'Trial']]),
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'import-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function planOf(name: string, content: string | Buffer, choices: Choices = settled): Promise<ImportPlan> {
  const file = join(folder, name);
  await writeFile(file, content);
  const source = sqlFile(file);
  return planImport(await readRows(source), source.hasSecrets, choices);
}

function countsOf({ findings }: ImportPlan): Partial<Record<RuleName, number>> {
  const counts: Partial<Record<RuleName, number>> = {};
  for (const { rule } of findings) counts[rule] = (counts[rule] ?? 0) + 1;
  return counts;
}

describe('an import is planned', () => {
  it('without a finding but for the default profile, where every row is sound', async () => {
    const plan = await planOf('sound.sql', mysqlDump(soundRestcomm(500)), { ...settled, remedies: {} });
    expect(countsOf(plan)).toEqual({ 'default-profile': 1 });
    expect(plan).toMatchObject({ refused: 0, accounts: { length: 500 }, links: { length: 1 }, profiles: { length: 1 } });
    expect(plan.accounts[1]!.friendlyName).toMatch(/^It's "\S+@customer\.test" \\ Zoë ☎$/);
    expect(JSON.parse(plan.profiles[0]!.document)).toEqual({ tier: 'gold', note: 'it\'s "ours"; \\ and ☎' });
  });

  it('alike from a dump, a compressed one and a script of HSQLDB', async () => {
    const restcomm = soundRestcomm(500);
    plantDefects(restcomm);
    const plans = [
      await planOf('one.sql', mysqlDump(restcomm)),
      await planOf('two.sql.gz', gzipSync(mysqlDump(restcomm))),
      await planOf('restcomm.script', hsqldbScript(restcomm)),
    ];
    expect(plans[1]).toEqual(plans[0]);
    // HSQLDB has dates with microseconds.
    const withoutDates = (plan: ImportPlan) => ({ ...plan, findings: plan.findings.filter(({ rule }) => rule !== 'bad-date') });
    expect(withoutDates(plans[2]!)).toEqual(withoutDates(plans[0]!));
  });

  it('with each defect told by its rule, and refused unless something was chosen', async () => {
    const restcomm = soundRestcomm(300);
    const expected = plantDefects(restcomm);
    const plan = await planOf('defects.sql', mysqlDump(restcomm));
    expect(countsOf(plan)).toEqual(expected);
    expect(plan.refused).toBe(0);
    const unsettled = await planOf('defects.sql', mysqlDump(restcomm), { ...nothingChosen, timeZone: undefined });
    expect(countsOf(unsettled)).toEqual({ ...expected, 'time-zone': 1 });
    const notes = ['suspended-status', 'dangling-link', 'default-profile'];
    expect(unsettled.findings.filter(({ done }) => done !== null).map(({ rule }) => rule)).toEqual(expect.arrayContaining(notes));
    expect(unsettled.refused).toBe(unsettled.findings.length - notes.length);
  });

  it('with what was chosen done to each row', async () => {
    const restcomm = soundRestcomm(300);
    plantDefects(restcomm);
    const { accounts, organizations } = await planOf('defects.sql', mysqlDump(restcomm));
    const by = (name: string) => accounts.find(({ emailAddress }) => emailAddress === `${name}@defect.test`)!;
    expect(by('upper').sid).toBe(`AC${md5('upper')}`);
    expect(by('short').sid).toBe(`AC${md5('AC1234')}`);
    for (const name of ['second-root', 'orphan', 'circle1']) expect(by(name).parentSid).toBe(accounts[0]!.sid);
    expect(by('circle2').parentSid).toBe(by('circle1').sid);
    expect(by('below-closed')).toMatchObject({ status: 'closed', authToken: null });
    expect(by('elsewhere').organizationSid).toBe(`OR${md5('top1@customer.test')}`);
    expect(by('nowhere').organizationSid).toBe(`OR${md5('top1@customer.test')}`);
    expect([by('inactive').status, by('frozen').status, by('typo').role, by('demo').type]).toEqual([
      'suspended',
      'suspended',
      'Administrator',
      'Trial',
    ]);
    expect(by('jane').authToken).not.toBeNull();
    expect(by('jane+2')).toMatchObject({ sid: `AC${md5('jane2@defect.test')}`, status: 'active' });
    expect(by('nameless').friendlyName).toBe('nameless@defect.test');
    expect(by('dateless').dateCreated).toEqual(by('dateless').dateUpdated);
    expect(by('tokenless').authToken).toBeNull();
    const replaced = accounts.find(({ sid }) => sid === `AC${md5('bad-address@defect.test')}`)!;
    expect(replaced.emailAddress).toBe(`${replaced.sid.toLowerCase()}@imported.invalid`);
    expect(organizations.find(({ domainName }) => domainName === 'gone.test')!.status).toBe('active');
    expect(organizations.find(({ domainName }) => domainName === 'odd.test')!.status).toBe('active');
    expect(organizations.find(({ sid }) => sid === `OR${md5('bad')}`)!.domainName).toBe(`or${md5('bad')}.imported.invalid`);
  });

  describe('where several open accounts have one e-mail address', () => {
    const keepOldest: Choices = { ...settled, remedies: { ...settled.remedies, 'duplicate-email': 'keep-oldest' } };
    /** Accounts below the root, by name: the year that each is from, its e-mail address, and the name of the one above it. */
    const planWith = async (people: Record<string, { year: number; address: string; below?: string }>, choices: Choices) => {
      const restcomm = soundRestcomm(1);
      const [root] = restcomm.restcomm_accounts;
      for (const [name, { year, address, below }] of Object.entries(people)) {
        restcomm.restcomm_accounts.push({
          ...root!,
          sid: `AC${md5(name)}`,
          email_address: `${address}@claims.test`,
          parent_sid: below === undefined ? root!.sid! : `AC${md5(below)}`,
          date_created: `${year}-01-01 00:00:00`,
        });
      }
      const plan = await planOf('claims.sql', mysqlDump(restcomm), choices);
      expect(plan.refused).toBe(0);
      return Object.fromEntries(
        Object.keys(people).map((name) => {
          const { status, emailAddress } = plan.accounts.find(({ sid }) => sid === `AC${md5(name)}`)!;
          return [name, status === 'closed' ? 'closed' : emailAddress.split('@')[0]];
        }),
      );
    };

    it('the oldest keeps it, and the others are closed with everything below them', async () => {
      const people = {
        younger: { year: 2013, address: 'a' },
        older: { year: 2012, address: 'a' },
        child: { year: 2014, address: 'b', below: 'younger' },
      };
      expect(await planWith(people, keepOldest)).toEqual({ younger: 'closed', older: 'a', child: 'closed' });
      expect(await planWith(people, settled)).toEqual({ younger: 'a+2', older: 'a', child: 'b' });
    });

    it('one that is closed because of an account above it takes no address from others', async () => {
      const people = {
        older: { year: 2012, address: 'a' },
        loser: { year: 2013, address: 'a' },
        below: { year: 2014, address: 'b', below: 'loser' },
        other: { year: 2015, address: 'b' },
      };
      expect(await planWith(people, keepOldest)).toEqual({ older: 'a', loser: 'closed', below: 'closed', other: 'b' });
    });

    it('nor does one that is older than the account above it', async () => {
      const people = {
        older: { year: 2012, address: 'a' },
        loser: { year: 2013, address: 'a' },
        below: { year: 2010, address: 'b', below: 'loser' },
        other: { year: 2015, address: 'b' },
      };
      expect(await planWith(people, keepOldest)).toEqual({ older: 'a', loser: 'closed', below: 'closed', other: 'b' });
    });
  });

  it('and what is below an account that is left out, is left out with it', async () => {
    const restcomm = soundRestcomm(300);
    const [, top] = restcomm.restcomm_accounts;
    top!.email_address = 'no address';
    const remedies = { ...settled.remedies, 'bad-email': 'leave-out' };
    const plan = await planOf('left-out.sql', mysqlDump(restcomm), { ...settled, remedies });
    expect(countsOf(plan)).toEqual({ 'bad-email': 1, 'dangling-link': 1, 'default-profile': 1 });
    expect(plan.accounts).toHaveLength(200);
    expect(plan.accounts.some(({ topLevelSid }) => topLevelSid === top!.sid)).toBe(false);
  });

  it('by the levels that are allowed', async () => {
    const dump = mysqlDump(soundRestcomm(300));
    const refused = await planOf('deep.sql', dump, { ...settled, maxLevels: 3 });
    expect(refused.refused).toBe(countsOf(refused)['too-deep']);
    const cut = await planOf('deep.sql', dump, { ...settled, maxLevels: 3, remedies: { ...settled.remedies, 'too-deep': 'leave-out' } });
    expect(cut.refused).toBe(0);
    expect(Math.max(...cut.accounts.map(({ path }) => path.length / 32))).toBe(3);
    expect(cut.accounts).toHaveLength(300 - countsOf(refused)['too-deep']!);
  });

  it.each([
    ['uninitialized', 'uninitialized', 'uninitialized', {}],
    ['uninitialized', 'active', 'active', { 'root-not-active': 1 }],
    ['suspended', 'suspended', 'active', { 'root-not-active': 1 }],
  ])('with a root that is %s above accounts that are %s as %s', async (status, statusBelow, expected, findings) => {
    const restcomm = soundRestcomm(20);
    for (const row of restcomm.restcomm_accounts) row.status = row.parent_sid === null ? status : statusBelow;
    const remedies = { ...settled.remedies, 'root-not-active': 'without-password' };
    const plan = await planOf('root.sql', mysqlDump(restcomm), { ...settled, remedies });
    expect(countsOf(plan)).toEqual({ 'default-profile': 1, ...findings });
    expect(plan.accounts[0]).toMatchObject({ sid: restcommRoot.sid, status: expected, authToken: null });
  });

  it('with dates of the time zone that was chosen, in summer and in winter', async () => {
    const plan = await planOf('dates.sql', mysqlDump(soundRestcomm(2)), { ...settled, timeZone: 'Europe/Rome' });
    expect(plan.accounts[1]).toMatchObject({
      dateCreated: new Date('2015-06-01T10:00:00Z'),
      dateUpdated: new Date('2016-02-29T22:59:59Z'),
    });
  });

  it.each([
    ['it.sql', 'CREATE TABLE `restcomm_accounts` (`sid` text);\n', 'The source has no accounts.'],
    ['it.sql', "INSERT INTO `restcomm_accounts` VALUES ('x');", /come without its columns/],
    ['it.sql', "INSERT INTO `restcomm_accounts` (`sid`) VALUES ('x','y');", /has 2 values for 1 columns/],
    ['it.sql', "INSERT INTO `restcomm_accounts` (`sid`) VALUES ('x", /ends in the middle of a statement/],
    ['it.sql', Buffer.from([0xff, 0xfe, 0x27]), /is not UTF-8/],
    ['cached.script', 'CREATE CACHED TABLE PUBLIC.RESTCOMM_ACCOUNTS(SID VARCHAR(34))\n', /\.data file/],
  ])('unless the source cannot be read: %s, %j', async (name, content, message) => {
    await expect(planOf(name, content)).rejects.toThrow(message);
  });

  it('unless a dump of mariadb-dump was cut between two statements', async () => {
    const [begin, end] = [
      '/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;\n',
      '/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;\n\n-- Dump completed on 2026-01-01  0:00:00\n',
    ];
    const dump = mysqlDump(soundRestcomm(3));
    expect((await planOf('whole.sql', begin + dump + end)).accounts).toHaveLength(3);
    await expect(planOf('cut.sql', begin + dump)).rejects.toThrow('The dump has no end: it was cut, and is not whole. Write it anew.');
    await expect(planOf('cut.sql.gz', gzipSync(begin + dump))).rejects.toThrow('is not whole');
  });

  it('unless HSQLDB was not shut down in an orderly way', async () => {
    await writeFile(join(folder, 'running.log'), "INSERT INTO RESTCOMM_ACCOUNTS VALUES('AC')\n");
    await expect(planOf('running.script', hsqldbScript(soundRestcomm(2)))).rejects.toThrow(/SHUTDOWN/);
  });
});
