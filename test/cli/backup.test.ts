import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { spawnGateway } from '../support/gateway-process.js';
import { admin } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { eventually } from '../support/patience.js';
import { ask, embeddedUrl, expectNoProcessIn, processesIn, runGateway } from '../support/processes.js';
import { type Created, create } from '../support/tree.js';

const folder = useGatewayFolder();

/** Where backups and what is restored go: outside of the data folder. */
let elsewhere: string;
beforeEach(async () => {
  elsewhere = await mkdtemp(join(tmpdir(), 'gateway-backup-'));
  folder.cleanUp(() => removeFolder(elsewhere));
  folder.cleanUp(() => expectNoProcessIn(elsewhere));
});

const run = (args: string[], settings: Record<string, string> = {}) => runGateway(folder.environment(settings), args);
const permissions = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

it('is taken while a gateway is busy, has all that was acknowledged before, and is restored elsewhere', async () => {
  const gateway = await folder.start({ environment: { ADMIN_EMAIL: admin.login, ADMIN_PASSWORD: admin.secret } });
  const surface = graphqlSurface(gateway.url);
  let isOver = false;
  const acknowledged: Created[] = [];
  const client = async (): Promise<void> => {
    while (!isOver) acknowledged.push(await create(surface));
  };
  // Without the slot that keeps it, WAL that the copy needs would be recycled.
  const checkpoints = async (): Promise<void> => {
    while (!isOver) for (const sql of ['SELECT pg_switch_wal()', 'CHECKPOINT']) await ask(embeddedUrl(folder.path), sql);
  };
  const clients = [client(), client(), client(), checkpoints()];
  await eventually(() => expect(acknowledged.length).toBeGreaterThan(10));
  const before = [...acknowledged];
  const made = join(elsewhere, 'made');
  const { code, output, mistakes } = await run(['backup', made]);
  isOver = true;
  await Promise.all(clients);

  expect([code, mistakes]).toEqual([0, []]);
  expect(output).toMatch(/^The database and its key are in \S+\/made\. .+\nThe history is sound: \d+ entries in \d+ chains\.\n$/);
  expect(acknowledged.length).toBeGreaterThan(before.length);
  expect(await readdir(elsewhere)).toEqual(['made']);
  expect((await readdir(made)).toSorted()).toEqual(['credentials.key', 'postgres']);
  expect(await Promise.all(['', 'postgres', 'credentials.key'].map((name) => permissions(join(made, name))))).toEqual([
    0o700, 0o700, 0o600,
  ]);

  const restored = join(elsewhere, 'restored');
  expect(await run(['restore', made], { DATA_DIR: restored })).toMatchObject({
    code: 0,
    output: expect.stringContaining('The history is sound'),
  });
  const next = await folder.start({ dataDirectory: restored });
  const { data } = await postGraphql(next.url, admin, '{ accounts(first: 100) { totalCount } }');
  expect(data?.accounts.totalCount).toBeGreaterThanOrEqual(before.length);
  for (const account of before) {
    expect((await postGraphql(next.url, account.login, '{ viewer { sid } }')).data).toEqual({ viewer: { sid: account.sid } });
  }
  // The key fits: an AuthToken can be read, and signs in.
  const [{ sid } = { sid: '' }] = before;
  const { data: token } = await postGraphql(next.url, admin, 'query($sid: ID!) { authToken(sid: $sid) }', { sid });
  expect((await postGraphql(next.url, { login: sid, secret: token!.authToken }, '{ viewer { sid } }')).status).toBe(200);
  expect(await next.end('SIGTERM')).toBe(0);
  expect(await gateway.end('SIGTERM')).toBe(0);
});

describe('of a gateway that does not run', () => {
  beforeEach(() => folder.startedBefore());
  const made = (): string => join(elsewhere, 'made');

  it('a backup is made and restored, and tells so in JSON', async () => {
    await mkdir(made());
    const sound = { isSound: true, findings: [expect.stringMatching(/^The history is sound: /)] };
    const backup = await run(['backup', made(), '--json']);
    expect([backup.code, backup.mistakes, JSON.parse(backup.output)]).toEqual([0, [], { directory: made(), hasKey: true, ...sound }]);
    const restored = join(elsewhere, 'restored');
    // What an interrupted restoration leaves is not in the way.
    await mkdir(join(restored, 'unfinished-abc'), { recursive: true });
    const restore = await run(['restore', made(), '--json'], { DATA_DIR: restored });
    expect([restore.code, restore.mistakes, JSON.parse(restore.output)]).toEqual([0, [], { directory: restored, ...sound }]);
    expect(await readFile(join(restored, 'credentials.key'))).toEqual(await readFile(join(folder.path, 'credentials.key')));
  });

  it('a backup whose history was altered is kept, and says so with exit code 1', async () => {
    const gateway = await folder.start();
    await ask(embeddedUrl(folder.path), `UPDATE history SET operation = 'closeAccount' WHERE operation = 'createAccount'`);
    await gateway.end('SIGTERM');
    const { code, output } = await run(['backup', made()]);
    expect([code, output]).toEqual([1, expect.stringContaining('The history is not sound. ')]);
    expect(await readdir(elsewhere)).toEqual(['made']);
  });

  it('a backup has the old key too when that is replaced meanwhile', async () => {
    const { child } = spawnGateway(folder.environment(), ['backup', made()]);
    const ended = once(child, 'exit');
    await eventually(async () => {
      const [unfinished = ''] = await readdir(elsewhere);
      expect(await readdir(join(elsewhere, unfinished))).toContain('postgres');
    }, 1);
    const file = join(folder.path, 'credentials.key');
    const [before, after] = [await readFile(file, 'utf8'), `${randomBytes(32).toString('hex')}\n`];
    await writeFile(file, after);
    expect((await ended)[0]).toBe(0);
    expect(await readFile(join(made(), 'credentials.key'), 'utf8')).toBe(after + before);
  });

  it('a backup that is killed leaves nothing that looks like one', async () => {
    const { child } = spawnGateway(folder.environment(), ['backup', made()]);
    const ended = once(child, 'exit');
    await eventually(async () => expect((await readdir(elsewhere)).join()).toMatch(/^made\.unfinished-/), 1);
    child.kill('SIGKILL');
    await ended;
    expect(await readdir(elsewhere)).not.toContain('made');
    await eventually(() => expect([...processesIn(folder.path), ...processesIn(elsewhere)]).toEqual([]));
    expect(await run(['backup', made()])).toMatchObject({ code: 0 });
  });

  it('a backup that is stopped cleans up after itself', async () => {
    const { child } = spawnGateway(folder.environment(), ['backup', made()]);
    const ended = once(child, 'exit');
    await eventually(async () => expect(await readdir(elsewhere)).toHaveLength(1), 1);
    child.kill('SIGTERM');
    expect((await ended)[0]).toBe(1);
    expect(await readdir(elsewhere)).toEqual([]);
  });

  it('what cannot be backed up or restored says why, and nothing is written', async () => {
    const url = 'postgresql://gateway@127.0.0.1:1/gateway';
    await mkdir(join(elsewhere, 'full'));
    await writeFile(join(elsewhere, 'full/file'), '');
    const empty = join(elsewhere, 'empty');
    const refused = async (args: string[], settings: Record<string, string> = {}) => {
      const { code, mistakes, output } = await run(args, settings);
      return [code, ...mistakes, ...(output.includes('"level"') ? [output] : [])];
    };
    expect(await refused(['backup', made()], { DATABASE_URL: url })).toEqual([
      78,
      expect.stringMatching(/^backup is for the .+ pg_dump; see /),
    ]);
    expect(await refused(['restore', made()], { DATABASE_URL: url })).toEqual([
      78,
      expect.stringMatching(/^restore is for .+ pg_restore; /),
    ]);
    expect(await refused(['backup', join(elsewhere, 'full')])).toEqual([64, expect.stringMatching(/ is not empty\. Name a folder that /)]);
    expect(await refused(['backup', join(folder.path, 'made')])).toEqual([64, expect.stringMatching(/ is in the data folder itself, /)]);
    expect(await refused(['backup', made()], { DATA_DIR: empty })).toEqual([78, expect.stringMatching(/^There is no database in /)]);
    expect(await refused(['restore', empty], { DATA_DIR: made() })).toEqual([78, expect.stringMatching(/^There is no backup in /)]);
    expect(await refused(['restore', folder.path])).toEqual([
      78,
      expect.stringMatching(/^The data folder \S+ is not empty \(.+\)\. Stop /),
    ]);
    const gateway = await folder.start();
    expect(await refused(['restore', folder.path], { DATA_DIR: made() })).toEqual([
      78,
      expect.stringMatching(/ is in use: a gateway runs /),
    ]);
    await gateway.end('SIGTERM');
    await rm(join(folder.path, 'credentials.key'));
    expect(await refused(['backup', made()])).toEqual([78, expect.stringMatching(/credentials\.key is missing, /)]);
    expect(await readdir(elsewhere)).toEqual(['full']);
  });

  it('a backup that is damaged is not restored', async () => {
    expect(await run(['backup', made()])).toMatchObject({ code: 0 });
    const control = join(made(), 'postgres/global/pg_control');
    await chmod(control, 0o600);
    await writeFile(control, 'damaged');
    const restored = join(elsewhere, 'restored');
    const { code, mistakes } = await run(['restore', made()], { DATA_DIR: restored });
    expect([code, mistakes[0]]).toEqual([1, expect.stringMatching(/^Nothing was restored: PostgreSQL did not start in /)]);
    expect(await readdir(restored)).toEqual([]);
  });
});
