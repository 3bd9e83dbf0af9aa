import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server of the tests as gateways reach it in the pooled pass. */
    poolerUrl: string;
  }
}

/** Sessions of PostgreSQL that all clients of one database share; far fewer than the clients that tests have. */
export const sharedSessions = 5;

const program = process.env.PGBOUNCER_PATH ?? '/usr/sbin/pgbouncer';

/** Starts PgBouncer in transaction mode in front of the server that global-setup.ts has provided. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { host, port, user, password } = new Client({ connectionString: project.getProvidedContext().serverUrl });
  const folder = await mkdtemp(join(tmpdir(), 'gateway-pooler-'));
  const runsAs = await userFor(host, folder);
  const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;
  const credentials = `user=${quoted(user!)}${password ? ` password=${quoted(password)}` : ''}`;
  const configuration = join(folder, 'pgbouncer.ini');
  await writeFile(
    configuration,
    `[databases]
* = host=${quoted(host)} port=${port} ${credentials}
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = ${folder}
auth_type = any
pool_mode = transaction
default_pool_size = ${sharedSessions}
max_client_conn = 1000
server_reset_query =
# A test waits for the end of all sessions, another for an answer without a database.
server_idle_timeout = 3
query_wait_timeout = 60
`,
    { mode: 0o644 },
  );

  // The shell becomes PgBouncer and leaves a watchdog, which ends it when the pipe ends: by us, or with this process.
  const watched = '(read -r _; kill $$) <&3 >/dev/null 2>&1 & exec "$0" "$1" 3<&-';
  const pgbouncer = spawn('/bin/sh', ['-c', watched, program, configuration], {
    ...runsAs,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let log = '';
  pgbouncer.stderr!.on('data', (chunk) => (log += chunk));
  const ended = once(pgbouncer, 'exit');
  const stop = async (): Promise<void> => {
    pgbouncer.stdio[3]!.destroy();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };

  const url = `postgresql:///postgres?host=${encodeURIComponent(folder)}&port=6432&user=postgres&sslmode=disable`;
  for (let tries = 0; !(await answers(url)); tries++) {
    if (tries < 1200 && pgbouncer.exitCode === null) await sleep(100);
    else {
      await stop();
      throw new Error(`PgBouncer (${program}) does not start:\n${log}`);
    }
  }
  project.provide('poolerUrl', url);
  return stop;
}

/** PgBouncer refuses to run as root: then whoever runs the embedded PostgreSQL runs it, and is let into its folder. */
async function userFor(host: string, folder: string): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const isSocket = host.startsWith('/');
  const { uid, gid } = isSocket ? await stat(host) : { uid: 65_534, gid: 65_534 };
  if (isSocket) await chmod(dirname(host), 0o711);
  await chown(folder, uid, gid);
  return { uid, gid };
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
