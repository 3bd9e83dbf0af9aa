import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { admin } from '../support/gateway.js';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { eventually } from '../support/patience.js';
import { ask, runGateway } from '../support/processes.js';
import { type Created, create } from '../support/tree.js';

/** A PostgreSQL server of Debian's, with its own client: a client is never older than the server that it dumps. */
const binaries = '/usr/lib/postgresql';
const bin = join(binaries, readdirSync(binaries).toSorted().at(-1)!, 'bin');
const run = promisify(execFile);

let home: string;
let stopServer: () => Promise<void>;
const urlOf = (database: string, role: string): string => `postgresql:///${database}?host=${encodeURIComponent(home)}&user=${role}`;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'gateway-dump-'));
  // PostgreSQL does not run as root; Debian's package makes a user for it.
  const user = process.getuid?.() === 0 ? await idsOf('postgres') : undefined;
  if (user !== undefined) await chown(home, user.uid, user.gid);
  const data = join(home, 'data');
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'], { ...user, cwd: '/' });
  const args = ['-D', data, '-c', 'listen_addresses=', '-k', home, '-c', 'fsync=off'];
  const server = spawn(join(bin, 'postgres'), args, { ...user, cwd: '/', stdio: 'ignore' });
  const exited = once(server, 'exit');
  stopServer = async () => {
    server.kill('SIGINT');
    await exited;
  };
  await eventually(() => ask(urlOf('postgres', 'postgres'), 'CREATE ROLE gateway LOGIN CREATEDB'));
  await ask(urlOf('postgres', 'gateway'), `CREATE DATABASE gateway ENCODING 'UTF8' TEMPLATE template0`);
});
afterAll(async () => {
  await stopServer();
  await rm(home, { recursive: true, force: true });
});

async function idsOf(name: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)));
  return { uid: uid!, gid: gid! };
}

/** The guide's commands for a server. */
function documentedCommands(): string {
  const guide = readFileSync(join(import.meta.dirname, '../../docs/operating.md'), 'utf8');
  return /```sh\n(pg_dump [^`]+)```/.exec(guide)![1]!;
}

const folder = useGatewayFolder();

it('a database that was dumped while a gateway ran and restored as the guide says has all, and serves a gateway', async () => {
  const url = urlOf('gateway', 'gateway');
  const common = { CREDENTIALS_KEY: randomBytes(32).toString('hex'), ADMIN_EMAIL: admin.login, ADMIN_PASSWORD: admin.secret };
  const gateway = await folder.start({ environment: { ...common, DATABASE_URL: url } });
  const surface = graphqlSurface(gateway.url);
  const acknowledged: Created[] = [];
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) acknowledged.push(await create(surface));
  };
  const clients = [client(), client()];
  await eventually(() => expect(acknowledged.length).toBeGreaterThan(5));
  const before = [...acknowledged];
  const checkpoint = join(folder.path, 'checkpoint.json');
  const verify = (database: string, ...args: string[]) =>
    runGateway({ ...common, DATABASE_URL: database }, ['verify-history', ...args, checkpoint]);
  expect(await verify(url, '--new')).toMatchObject({ code: 0 });
  const environment = { PATH: `${bin}:${process.env.PATH}`, DATABASE_URL: url, PGHOST: home, PGUSER: 'gateway' };
  await run('/bin/sh', ['-ec', documentedCommands()], { cwd: folder.path, env: environment });
  isOver = true;
  await Promise.all(clients);
  await gateway.end('SIGTERM');

  const restoredUrl = urlOf('gateway_restored', 'gateway');
  expect(await verify(restoredUrl)).toMatchObject({ code: 0, output: expect.stringMatching(/^The history is sound: .+ continues the/) });
  const restored = await folder.start({ environment: { ...common, DATABASE_URL: restoredUrl } });
  for (const { login, sid } of before) {
    expect((await postGraphql(restored.url, login, '{ viewer { sid } }')).data).toEqual({ viewer: { sid } });
  }
  expect(await create(graphqlSurface(restored.url))).toMatchObject({ status: 'active' });
  const doctor = await runGateway({ ...common, DATABASE_URL: restoredUrl }, ['doctor']);
  expect(doctor).toMatchObject({ code: 0, mistakes: [] });
  expect(await restored.end('SIGTERM')).toBe(0);
});
