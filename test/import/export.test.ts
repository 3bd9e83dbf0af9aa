import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ndjsonFile } from '../../src/import/files.js';
import { planImport } from '../../src/import/plan.js';
import { type SourceRows, readRows } from '../../src/import/source.js';
import { Database } from '../../src/persistence/connection/database.js';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { exportTree } from '../../src/service/account-export.js';
import { AccountImport } from '../../src/service/account-import.js';
import { Secrets } from '../../src/service/secrets.js';
import { startTestGateway, testKey } from '../support/gateway.js';
import { brokenInvariants } from '../support/invariants.js';
import { assertAsyncProperty } from '../support/property.js';
import { md5 } from '../support/restcomm.js';

const noChoices = { remedies: {}, roles: new Map(), statuses: new Map(), types: new Map(), timeZone: undefined, maxLevels: 10 };

const steps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of steps.splice(0).toReversed()) await step();
});

/** A gateway that was only just made. */
async function newGateway() {
  const gateway = await startTestGateway();
  const dataSource = createDataSource({ url: gateway.database.url, poolSize: 2 });
  await dataSource.initialize();
  steps.push(
    () => gateway.stop(),
    () => dataSource.destroy(),
  );
  const database = new Database(dataSource);
  return {
    gateway,
    async take(rows: SourceRows): Promise<void> {
      const plan = planImport(rows, false, noChoices);
      expect(plan.findings).toEqual([]);
      const accountImport = new AccountImport(database, new Secrets([testKey]));
      await accountImport.stage(plan);
      expect(await accountImport.takeOver(plan)).toBe('done');
    },
    async exported(sid?: string): Promise<string[]> {
      const lines: string[] = [];
      expect(await exportTree(database, sid, async (batch) => void lines.push(...batch.map((line) => JSON.stringify(line))))).toBe(true);
      return lines;
    },
  };
}

async function rowsOf(lines: readonly string[]): Promise<SourceRows> {
  const folder = await mkdtemp(join(tmpdir(), 'export-'));
  steps.push(() => rm(folder, { recursive: true }));
  const file = join(folder, 'accounts.ndjson');
  await writeFile(file, lines.map((line) => `${line}\n`).join(''));
  return readRows(ndjsonFile(file));
}

const date = fc.integer({ min: 1_300_000_000_000, max: 1_700_000_000_000 }).map((time) => new Date(time).toISOString());
const hex = fc.nat().map((number) => md5(`${number}`));

/** A tree whose rows hold all that a gateway's rows hold: each account is below one before it, or at its side. */
const tree = fc
  .array(
    fc.record({
      parent: fc.nat(),
      status: fc.constantFrom('active', 'suspended', 'closed', 'uninitialized'),
      role: fc.constantFrom('Administrator', 'Developer', 'ProvisioningAgent'),
      type: fc.constantFrom('Full', 'Trial'),
      friendlyName: fc.constantFrom('Plain', 'O\'Hara \\ "é" ☎', '😀'.repeat(64), 'line\u2060d'),
      dateCreated: date,
      dateUpdated: date,
      statusChangedAt: fc.option(date),
      isLinked: fc.boolean(),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .chain((accounts) =>
    fc.tuple(fc.constant(accounts), fc.uniqueArray(hex, { minLength: accounts.length + 2, maxLength: accounts.length + 2 })),
  )
  .map(([accounts, ids]): SourceRows => {
    const rank = ['active', 'suspended', 'uninitialized', 'closed'];
    const [organizations, profileSid] = [[`OR${ids.at(-1)}`, `OR${ids.at(-2)}`], `PR${ids.at(-1)}`];
    const rows: Record<string, string | null>[] = [];
    const levels: number[] = [];
    for (const [index, { parent, status, isLinked: _, ...account }] of accounts.entries()) {
      let above = index === 0 ? -1 : parent % index;
      if (above >= 0 && levels[above]! > 8) above = 0;
      const parentStatus = rows[above]?.status ?? 'active';
      // Below what is not active nothing is active, and below what is closed everything is closed.
      const lowest = parentStatus === 'closed' ? 'closed' : parentStatus === 'active' ? 'active' : 'suspended';
      levels.push(above < 0 ? 1 : levels[above]! + 1);
      rows.push({
        ...account,
        sid: `AC${ids[index]}`,
        parentSid: above < 0 ? null : rows[above]!.sid!,
        organizationSid: above <= 0 ? organizations[index % 2]! : rows[above]!.organizationSid!,
        emailAddress: `${ids[index]}@round.test`,
        status: index === 0 ? 'active' : rank[Math.max(rank.indexOf(status), rank.indexOf(lowest))]!,
      });
    }
    const dates = { dateCreated: accounts[0]!.dateCreated, dateUpdated: accounts[0]!.dateUpdated };
    const linked = rows.filter(({ status }, index) => status !== 'closed' && accounts[index]!.isLinked);
    return {
      accounts: rows,
      organizations: organizations.map((sid, index) => ({ sid, domainName: `round${index}.test`, status: 'active', ...dates })),
      profiles: [{ sid: profileSid, document: '{"big": 12345678901234567890, "text": "\u2028"}', ...dates }],
      links: [...linked.map(({ sid }) => ({ ownerSid: sid!, profileSid })), { ownerSid: organizations[0]!, profileSid }],
    };
  });

const sorted = (lines: readonly string[]): string[] =>
  lines.filter((line) => !line.includes('"kind":"end"') && (!line.includes('"status":"closed"') || line.includes('"account"'))).toSorted();

describe('an export', () => {
  it('reads back: what a gateway exports, another one imports, and exports the same', async () => {
    await assertAsyncProperty(
      fc.asyncProperty(tree, async (rows) => {
        const one = await newGateway();
        await one.take(rows);
        const lines = await one.exported();
        const told = lines.map((line) => JSON.parse(line) as Record<string, string | null>);
        const ofKind = (kind: string) => told.filter((line) => line.kind === kind).map(({ kind: _, ...row }) => row);
        const bySid = (one: object, other: object) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);
        const asWritten = (row: object) => Object.fromEntries(Object.entries(row).toSorted());
        expect(ofKind('account').map(asWritten).toSorted(bySid)).toEqual(rows.accounts.map(asWritten).toSorted(bySid));
        expect(ofKind('profile')).toEqual(rows.profiles);
        expect(ofKind('link').toSorted(bySid)).toEqual([...rows.links].toSorted(bySid));

        const other = await newGateway();
        await other.take(await rowsOf(lines));
        expect(await brokenInvariants(other.gateway.database)).toEqual([]);
        // Each gateway has closed the organization that it was made with.
        expect(sorted(await other.exported())).toEqual(sorted(lines));
      }),
      { numRuns: 4 },
    );
  });

  it('is not read where its end, or a line in it, is missing', async () => {
    const { exported } = await newGateway();
    const lines = await exported();
    await expect(rowsOf(lines.slice(0, -1))).rejects.toThrow('The file has no last line of an export: it is not whole.');
    await expect(rowsOf(lines.slice(1))).rejects.toThrow(
      `The export had ${lines.length - 1} lines, of which ${lines.length - 2} are there`,
    );
  });

  it('of an account is a tree of its own, with the organization and the profiles that are in use there, and no secret', async () => {
    const { gateway, take, exported } = await newGateway();
    const [rows] = fc.sample(
      tree.filter(
        ({ accounts }) => accounts.length > 10 && accounts.some(({ parentSid }, index) => index > 0 && parentSid === accounts[0]!.sid),
      ),
      { numRuns: 1, seed: 7 },
    );
    await take(rows!);
    const top = rows!.accounts.find(({ parentSid }) => parentSid === rows!.accounts[0]!.sid)!;
    const lines = (await exported(top.sid!)).map((line) => JSON.parse(line) as Record<string, string | null>);
    const accounts = lines.filter(({ kind }) => kind === 'account');
    expect(accounts[0]).toMatchObject({ sid: top.sid, parentSid: null });
    const below = await gateway.database.query<{ sid: string }>('SELECT sid FROM account WHERE top_level_sid = $1', [top.sid]);
    expect(accounts.map(({ sid }) => sid).toSorted()).toEqual(below.map(({ sid }) => sid).toSorted());
    expect(lines.filter(({ kind }) => kind === 'organization').map(({ sid }) => sid)).toEqual([top.organizationSid]);
    expect(JSON.stringify(lines)).not.toMatch(/password|token|hash/i);
  });
});
