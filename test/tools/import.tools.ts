import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyHistoryOf } from '../../src/cli/verify-history.js';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { importedAccounts } from '../support/effort.js';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { spawnGateway } from '../support/gateway-process.js';
import { brokenInvariants } from '../support/invariants.js';
import { eventually } from '../support/patience.js';
import { ask, embeddedUrl } from '../support/processes.js';
import {
  hsqldbScript,
  md5,
  mysqlStatements,
  passwordOf,
  plantDefects,
  restcommRoot,
  settlingOptions,
  soundRestcomm,
} from '../support/restcomm.js';

const restcomm = soundRestcomm(importedAccounts);
const expected = plantDefects(restcomm);

let folder: string;
let mariadb: ChildProcess;
let source: string;
let dump: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp('/tmp/import-tools-');
  mariadb = await startMariadb(folder);
  const socket = join(folder, 'mariadb.sock');
  source = `mysql://root@localhost/restcomm?socketPath=${encodeURIComponent(socket)}`;
  const connection = await createConnection({ socketPath: socket, user: 'root', charset: 'utf8mb4' });
  await connection.query('CREATE DATABASE restcomm CHARACTER SET utf8mb4');
  await connection.query('USE restcomm');
  for (const statement of mysqlStatements(restcomm, 1_000)) await connection.query(statement);
  await connection.end();
  dump = join(folder, 'restcomm.sql');
  await promisify(execFile)('mariadb-dump', [
    `--socket=${socket}`,
    '--user=root',
    '--single-transaction',
    `--result-file=${dump}`,
    'restcomm',
  ]);
  script = join(folder, 'restcomm.script');
  await writeFile(script, hsqldbScript(restcomm));
});
afterAll(async () => {
  mariadb.kill('SIGTERM');
  await once(mariadb, 'exit');
  await removeFolder(folder);
});

/** A MariaDB in the folder, which only its socket reaches. */
async function startMariadb(directory: string): Promise<ChildProcess> {
  const data = join(directory, 'data');
  await mkdir(data);
  const isRoot = userInfo().uid === 0;
  if (isRoot) {
    const { stdout } = await promisify(execFile)('id', ['-u', 'mysql']);
    for (const path of [directory, data]) await chown(path, Number(stdout), -1);
  }
  const asUser = isRoot ? ['--user=mysql'] : [];
  const install = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', ...asUser];
  await promisify(execFile)('mariadb-install-db', install);
  const socket = join(directory, 'mariadb.sock');
  const settings = [`--datadir=${data}`, `--socket=${socket}`, `--pid-file=${join(directory, 'pid')}`, '--skip-networking', ...asUser];
  const server = spawn('/usr/sbin/mariadbd', ['--no-defaults', ...settings], { stdio: 'ignore' });
  await eventually(async () => (await createConnection({ socketPath: socket, user: 'root' })).end(), 200);
  return server;
}

describe('an installation with every defect', () => {
  const gatewayFolder = useGatewayFolder();
  const importing = (...args: string[]) => ['import', 'restcomm', ...args, ...settlingOptions, '--root=replace'];
  /** Runs the program to its end, however long that takes on a busy machine. */
  const run = async (...args: string[]) => {
    const { child, output } = spawnGateway(gatewayFolder.environment(), args);
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output: output() };
  };
  const url = () => embeddedUrl(gatewayFolder.path);

  it.each([
    ['a dump', () => dump],
    ['a live MariaDB', () => source],
    ['a script of HSQLDB', () => script],
  ])('is told of alike from %s, by rule', async (_name, from) => {
    await gatewayFolder.startedBefore();
    const { code, output } = await run(...importing(from(), '--json'));
    expect(code).toBe(0);
    const { findings, refused, takenOver, outcome } = JSON.parse(output.slice(output.indexOf('{'))) as Record<string, any>;
    const counts: Record<string, number> = {};
    for (const { rule } of findings as { rule: string }[]) counts[rule] = (counts[rule] ?? 0) + 1;
    expect(counts).toEqual(expected);
    expect({ refused, takenOver, outcome }).toEqual({
      refused: 0,
      takenOver: {
        accounts: restcomm.restcomm_accounts.length,
        organizations: restcomm.restcomm_organizations.length,
        profiles: 1,
        links: 1,
      },
      outcome: 'dry run',
    });
  });

  it('is refused where its dump was cut between two statements', async () => {
    await gatewayFolder.startedBefore();
    const whole = await readFile(dump, 'utf8');
    const cut = join(folder, 'cut.sql');
    await writeFile(cut, whole.slice(0, whole.lastIndexOf('UNLOCK TABLES;') + 'UNLOCK TABLES;\n'.length));
    expect(await run(...importing(cut))).toEqual({ code: 78, output: expect.stringContaining('The dump has no end: it was cut') });
  });

  it('is taken over from a live MariaDB, killed in the middle, taken up again, and not twice', async () => {
    await gatewayFolder.startedBefore();
    const gateway = await gatewayFolder.start();
    const { child, output } = spawnGateway(gatewayFolder.environment(), importing(source, '--yes'));
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', () => /Preparing: [1-9]\d,/.test(output()) && child.kill('SIGKILL'));
    expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
    expect(await ask(url(), 'SELECT count(*)::integer AS count FROM account')).toEqual([{ count: 1 }]);

    // A dump of the same rows is the same import.
    const resumed = await run(...importing(dump, '--yes'));
    expect(resumed).toMatchObject({ code: 0, output: expect.stringContaining('The import is done.') });
    // It goes on behind the parts that were whole.
    expect(/Preparing: (\S+) of/.exec(resumed.output)![1]).toMatch(/^[1-9]\d,/);
    expect(await run(...importing(script, '--yes'))).toMatchObject({ code: 0, output: expect.stringContaining('has been done already') });

    const query = (sql: string, parameters?: unknown[]) => ask(url(), sql, parameters);
    expect(await brokenInvariants({ query: query as never })).toEqual([]);
    expect(await verifyHistoryOf(url())).toMatchObject({ isSound: true });
    const status = async (login: string, secret: string) => {
      const authorization = `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}`;
      const answer = await fetch(`${gateway.url}/restcomm/2012-04-24/Accounts/${encodeURIComponent(login)}.json`, {
        headers: { authorization },
      });
      await answer.arrayBuffer();
      return answer.status;
    };
    const one = 'sub12345@customer.test';
    for (const secret of [passwordOf(one), md5(passwordOf(one)), passwordOf(one)]) expect(await status(one, secret)).toBe(200);
    expect(await status(restcommRoot.emailAddress, restcommRoot.password)).toBe(200);
    expect(await status('inactive@defect.test', passwordOf('inactive@defect.test'))).toBe(403);
    expect(await gateway.end('SIGTERM')).toBe(0);
  });
});
