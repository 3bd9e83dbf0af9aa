import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { PostgresLog } from '../../src/embedded-postgres/log.js';
import { availableMemory, memorySettings } from '../../src/embedded-postgres/memory.js';
import { copyStartedBefore, startGateway } from '../support/gateway-process.js';
import { postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { ask, embeddedUrl, killProcessesIn } from '../support/processes.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-log-'));
});
afterEach(async () => {
  await killProcessesIn(folder);
  await removeFolder(folder);
});

/** A log of PostgreSQL in the folder, and what it told the gateway's. */
function logIn(directory: string, fileBytes?: number) {
  const told: [string, object, string][] = [];
  const reporter = {
    warn: (facts: object, message: string) => void told.push(['warn', facts, message]),
    error: (facts: object, message: string) => void told.push(['error', facts, message]),
  };
  return { log: new PostgresLog(directory, reporter, fileBytes), told };
}

const line = (code: string, severity: string, message: string): string =>
  `2026-11-28 12:00:00.123 UTC [4711] ${code} ${severity}:  ${message}`;

describe("the embedded PostgreSQL's log", () => {
  it('is kept whole; its warnings and what nobody foresaw are told to the gateway', async () => {
    const { log, told } = logIn(folder);
    const lines = [
      line('00000', 'LOG', 'database system is ready to accept connections'),
      line('01000', 'WARNING', 'could not flush dirty data'),
      line('23505', 'ERROR', 'duplicate key value violates unique constraint "account_open_email_address"'),
      line('25P02', 'ERROR', 'current transaction is aborted, commands ignored until end of transaction block'),
      line('22012', 'ERROR', 'division by zero'),
      line('55P03', 'ERROR', 'canceling statement due to lock timeout'),
      line('XX001', 'ERROR', 'invalid page in block 7 of relation "account"'),
      line('57P01', 'FATAL', 'terminating connection due to administrator command'),
      line('58030', 'PANIC', 'could not fsync file'),
      '\tand what belongs to a line before',
    ];
    for (const one of lines) log.add(one);
    expect(await readFile(join(folder, 'postgres.log'), 'utf8')).toBe(`${lines.join('\n')}\n`);
    expect((await stat(join(folder, 'postgres.log'))).mode & 0o777).toBe(0o600);
    expect(told).toEqual([
      ['warn', { severity: 'WARNING', sqlState: '01000' }, 'PostgreSQL: could not flush dirty data'],
      ['error', { severity: 'ERROR', sqlState: 'XX001' }, 'PostgreSQL: invalid page in block 7 of relation "account"'],
      ['error', { severity: 'PANIC', sqlState: '58030' }, 'PostgreSQL: could not fsync file'],
    ]);
  });

  it('is rotated: five files, each of no more than its size and a line', async () => {
    const { log } = logIn(folder, 1_000);
    for (let count = 0; count < 1_000; count++) log.add(line('00000', 'LOG', `line ${count}`));
    const names = (await readdir(folder)).toSorted();
    expect(names).toEqual(['postgres.log', ...[1, 2, 3, 4].map((number) => `postgres.log.${number}`)]);
    for (const name of names) expect((await stat(join(folder, name))).size).toBeLessThan(1_100);
    const kept = await Promise.all(names.toReversed().map((name) => readFile(join(folder, name), 'utf8')));
    const numbers = [...kept.join('').matchAll(/line (\d+)\n/g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.map((_, index) => 1_000 - numbers.length + index));

    // The next start goes on where this one ended.
    const { log: next } = logIn(folder, 1_000);
    next.add(line('00000', 'LOG', 'line 1000'));
    expect(await readFile(join(folder, 'postgres.log'), 'utf8')).toMatch(/line 999\n.*line 1000\n$|^.*line 1000\n$/);
  });

  it('that cannot be written is told once, and ends nothing', async () => {
    const nowhere = join(folder, 'missing');
    const { log, told } = logIn(nowhere);
    for (let count = 0; count < 3; count++) log.add(line('00000', 'LOG', 'lost'));
    expect(told).toEqual([['error', { reason: expect.stringContaining('ENOENT') }, "PostgreSQL's log cannot be written"]]);
    await mkdir(nowhere);
    log.add(line('00000', 'LOG', 'kept'));
    expect(await readFile(join(nowhere, 'postgres.log'), 'utf8')).toContain('kept');
  });

  it('goes to both logs while the gateway runs, and has no hash or password in it', async () => {
    await copyStartedBefore(folder);
    const gateway = await startGateway({ dataDirectory: folder });
    await ask(embeddedUrl(folder), `DO $$ BEGIN RAISE WARNING 'a word of warning'; END $$`);
    const forged = `INSERT INTO credential SELECT sid, 'a secret hash', 'x', 'y' FROM account, generate_series(1, 2)`;
    await expect(ask(embeddedUrl(folder), forged)).rejects.toThrow('duplicate key');
    await eventually(() => expect(gateway.output()).toMatch(/"level":40,.*"msg":"PostgreSQL: a word of warning"/));
    expect(await gateway.end('SIGTERM')).toBe(0);
    const text = await readFile(join(folder, 'postgres.log'), 'utf8');
    expect(text).toMatch(/WARNING: {2}a word of warning/);
    expect(text).toMatch(/ERROR: {2}duplicate key value/);
    expect(text).not.toContain('DETAIL');
    expect(text).toContain('database system is shut down');
  });
});

/** A file system of so many megabytes; none where it may not be made. */
function smallDisk(directory: string, megabytes: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it('a disk that is full is named in the log, costs no process, and is used again when there is room', async ({ skip }) => {
  skip(!smallDisk(folder, 200), 'no file system can be mounted here');
  try {
    await copyStartedBefore(folder);
    const gateway = await startGateway({ dataDirectory: folder });
    const login = { login: gateway.adminEmail, secret: gateway.adminPassword };
    const filler = join(folder, 'filler');
    await expect(async () => execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { stdio: 'ignore' })).rejects.toThrow();
    const url = embeddedUrl(folder);
    await expect(ask(url, `CREATE TABLE large AS SELECT repeat(md5(i::text), 30) FROM generate_series(1, 100000) AS i`)).rejects.toThrow();
    await eventually(() => expect(gateway.output()).toContain(`"msg":"the disk is full: ${folder} has no space left (PostgreSQL: `));

    await rm(filler);
    await eventually(async () => {
      const { errors } = await postGraphql(
        gateway.url,
        login,
        'mutation { createOrganization(input: { domainName: "room.test" }) { organization { sid } } }',
      );
      expect(errors).toBeUndefined();
    });
    expect(await gateway.end('SIGTERM')).toBe(0);
  } finally {
    await killProcessesIn(folder);
    execFileSync('umount', ['-l', folder]);
  }
});

describe('the embedded PostgreSQL is sized to the machine', () => {
  const gigabyte = 1024 ** 3;

  it.each([
    [gigabyte / 16, '32MB', '64MB', '4MB', '256MB'],
    [gigabyte / 2, '128MB', '256MB', '4MB', '256MB'],
    [4 * gigabyte, '1024MB', '2048MB', '8MB', '1024MB'],
    [1024 * gigabyte, '2048MB', '8192MB', '16MB', '4096MB'],
  ])('with %i bytes', (memory, shared_buffers, effective_cache_size, work_mem, max_wal_size) => {
    expect(memorySettings(memory)).toMatchObject({ shared_buffers, effective_cache_size, work_mem, max_wal_size });
  });

  it("by no more than a container's limit", () => {
    const limits = vi.spyOn(process, 'constrainedMemory');
    expect([gigabyte, 0, 2 ** 63].map((limit) => limits.mockReturnValue(limit) && availableMemory())).toEqual([
      gigabyte,
      totalmem(),
      totalmem(),
    ]);
    limits.mockRestore();
  });

  it('as it runs', async () => {
    await copyStartedBefore(folder);
    const gateway = await startGateway({ dataDirectory: folder });
    const [row] = await ask<{ kilobytes: number }>(
      embeddedUrl(folder),
      `SELECT setting::integer * 8 AS kilobytes FROM pg_settings WHERE name = 'shared_buffers'`,
    );
    expect(`${row!.kilobytes / 1024}MB`).toBe(memorySettings(availableMemory()).shared_buffers);
    expect(await gateway.end('SIGTERM')).toBe(0);
  });
});
