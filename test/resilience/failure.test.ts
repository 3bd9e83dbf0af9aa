import { appendFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer, connect as connectTcp, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded-postgres/launcher.js';
import { poolNumbers } from '../../src/persistence/connection/driver.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { eventually } from '../support/patience.js';
import { ask, pidOf, postmasterOf, processesIn } from '../support/processes.js';
import { sendRest } from '../support/rest-client.js';
import { type Created, create, uniqueEmail } from '../support/tree.js';

let folder: string;
let server: EmbeddedPostgres;
let gateway: TestGateway;
let account: Created;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-failure-'));
  server = await startEmbeddedPostgres({ directory: folder, settings: { max_connections: '30', fsync: 'off' } });
  const { url } = server;
  gateway = await startTestGateway({
    database: {
      url,
      query: <Row extends object>(sql: string, parameters?: unknown[]) => ask<Row>(url, sql, parameters),
      drop: async () => {},
    },
    // A change that nothing else ends is not ended by its own deadline within any test.
    config: { readMilliseconds: 3_000, lockMilliseconds: 8_000, changeMilliseconds: 3_600_000 },
  });
  account = await create(graphqlSurface(gateway.url));
});
afterAll(async () => {
  await gateway?.stop();
  await server?.stop();
  await removeFolder(folder);
});

const read = () => postGraphql(gateway.url, admin, '{ accounts { nodes { sid } } }');
const update = (sid = account.sid) =>
  postGraphql(
    gateway.url,
    admin,
    'mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Again" }) { account { sid } } }',
    {
      sid,
    },
  );
const readByRest = () => sendRest(gateway.url, admin, { path: `/Accounts/${account.sid}.json` });
const updateByRest = () =>
  sendRest(gateway.url, admin, { method: 'PUT', path: `/Accounts/${account.sid}`, form: { FriendlyName: 'By REST' } });
const isReady = async () => (await fetch(`${gateway.url}/health/ready`)).status;

/** Fails unless each surface refuses, to read and to change, with a code and a time to come again. */
async function expectRefusals(code: 'UNAVAILABLE' | 'OVERLOADED'): Promise<void> {
  const [reading, updating, readingByRest, updatingByRest] = await Promise.all([read(), update(), readByRest(), updateByRest()]);
  for (const answer of [reading, updating]) expect(answer).toMatchObject({ status: 503, errors: [{ extensions: { code } }] });
  for (const answer of [readingByRest, updatingByRest]) expect(answer).toMatchObject({ status: 503, text: expect.stringContaining(code) });
  for (const { headers } of [reading, updating, readingByRest, updatingByRest]) expect(headers.get('retry-after')).toBe('1');
}

async function expectNotReady(): Promise<void> {
  expect(await isReady()).toBe(503);
}

/** Fails unless everything works again before long, without anybody's help, and nothing is left over. */
async function expectRecovery(): Promise<void> {
  await eventually(async () => expect(await isReady()).toBe(200));
  const answers = () => Promise.all([read(), update(), readByRest(), updateByRest()]);
  await eventually(async () => expect((await answers()).map(({ status }) => status)).toEqual([200, 200, 200, 200]));
  await expectNothingLeft();
}

/** No one waits in a queue, every connection is idle, and there are no more of them than the pool may have. */
async function expectNothingLeft(): Promise<void> {
  await eventually(async () => {
    const { totalCount, idleCount, waitingCount } = poolNumbers(gateway.app.dataSource)!;
    expect({ busy: totalCount - idleCount, waitingCount }).toEqual({ busy: 0, waitingCount: 0 });
    const metrics = await (await fetch(gateway.metricsUrl)).text();
    expect(metrics).toContain('gateway_database_queue_waiting{kind="read"} 0');
    expect(metrics).toContain('gateway_database_queue_waiting{kind="write"} 0');
    const connections = await ask(
      server.url,
      `SELECT state FROM pg_stat_activity WHERE application_name = 'account-gateway' AND state <> 'idle'
       UNION ALL SELECT 'too many' FROM pg_stat_activity WHERE application_name = 'account-gateway' HAVING count(*) > 10`,
    );
    expect(connections).toEqual([]);
  });
}

async function signalServer(signal: NodeJS.Signals): Promise<void> {
  for (const line of processesIn(folder)) {
    // The shell beside it is the watchdog, which ends the server with the tests.
    if (line.includes('/bin/sh')) continue;
    try {
      process.kill(pidOf(line), signal);
    } catch {
      // It has ended by itself.
    }
  }
}

describe('while PostgreSQL', () => {
  it('restarts, requests are refused and nothing is lost; then all is as before', async () => {
    await expectRecovery();
    for (const [signal, sids] of [
      ['SIGKILL', []],
      ['SIGINT', []],
    ] as [NodeJS.Signals, string[]][]) {
      let isOver = false;
      const write = async (): Promise<void> => {
        while (!isOver) {
          const answer = await postGraphql(gateway.url, admin, createAccount, { email: uniqueEmail() });
          expect([200, 503]).toContain(answer.status);
          if (answer.data) sids.push(answer.data.createAccount.account.sid);
          else expect(answer.errors![0]!.extensions.code).toMatch(/^(UNAVAILABLE|OVERLOADED)$/);
        }
      };
      const writers = [write(), write(), write()];
      await eventually(() => expect(sids.length).toBeGreaterThan(5));
      process.kill(await postmasterOf(folder), signal);
      const before = sids.length;
      await eventually(() => expect(sids.length).toBeGreaterThan(before + 10));
      isOver = true;
      await Promise.all(writers);
      const kept = await ask(server.url, 'SELECT sid FROM account WHERE sid = ANY($1)', [sids]);
      expect(kept).toHaveLength(sids.length);
      await expectRecovery();
    }
  });

  it('is stopped, requests are refused at once', async () => {
    await server.stop();
    await expectRefusals('UNAVAILABLE');
    await expectNotReady();
    server = await startEmbeddedPostgres({ directory: folder, settings: { max_connections: '30', fsync: 'off' } });
    await expectRecovery();
  });

  it('is there and does not answer, requests are refused within seconds, those of connections in use and of new ones', async () => {
    await signalServer('SIGSTOP');
    try {
      const readiness = expectNotReady();
      await expectRefusals('UNAVAILABLE');
      await readiness;
      await expectRefusals('UNAVAILABLE');
      await expectNotReady();
    } finally {
      await signalServer('SIGCONT');
    }
    await expectRecovery();
  });

  it('falls silent in the middle of a change, the change is refused within seconds, though its statements may take minutes', async () => {
    const holder = await lockOf(account.sid);
    const changing = update();
    await eventually(async () => expect(await waitingForLocks()).toBe(1));
    await signalServer('SIGSTOP');
    try {
      expect(await changing).toMatchObject({ status: 503, errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
    } finally {
      await signalServer('SIGCONT');
    }
    await holder.end();
    await expectRecovery();
  });

  it('has no connection left, requests are refused', async () => {
    await endConnections();
    const others: Client[] = [];
    await takeFreeConnections(others);
    await others[0]!.query(terminateConnections);
    await expectRefusalsOnce(others);
    await Promise.all(others.map((client) => client.end()));
    await expectRecovery();
  });

  it.each([
    [
      'takes no connections to the database',
      'ALTER DATABASE gateway_failing ALLOW_CONNECTIONS false',
      'ALTER DATABASE gateway_failing ALLOW_CONNECTIONS true',
    ],
    ['lets the role have no connection', 'ALTER ROLE gateway_failing CONNECTION LIMIT 0', 'ALTER ROLE gateway_failing CONNECTION LIMIT -1'],
    ['lets the role not sign in', 'ALTER ROLE gateway_failing NOLOGIN', 'ALTER ROLE gateway_failing LOGIN'],
  ])('%s, requests are refused', async (_what, fail, recover) => {
    const other = await otherGateway();
    const answer = () => postGraphql(other.url, admin, '{ viewer { sid } }');
    expect((await answer()).status).toBe(200);
    await ask(server.url, fail);
    await ask(server.url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gateway_failing'`);
    await eventually(async () => expect(await answer()).toMatchObject({ status: 503, errors: [{ extensions: { code: 'UNAVAILABLE' } }] }));
    expect((await fetch(`${other.url}/health/ready`)).status).toBe(503);
    await ask(server.url, recover);
    await eventually(async () => expect((await answer()).status).toBe(200));
    await other.stop();
  });

  it('refuses this gateway by its own rules, requests are refused', async () => {
    const rules = join(folder, 'postgres/pg_hba.conf');
    const before = await readFile(rules, 'utf8');
    const master = new Client({ connectionString: server.url });
    await master.connect();
    await writeFile(rules, '');
    await appendFile(rules, 'local all all reject\n');
    await master.query('SELECT pg_reload_conf()');
    await eventually(() => expect(endConnections()).rejects.toThrow('pg_hba.conf rejects'));
    await master.query(terminateConnections);
    const left = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'account-gateway'`;
    await eventually(async () => expect((await master.query(left)).rowCount).toBe(0));
    await expectRefusals('UNAVAILABLE');
    await expectNotReady();
    await writeFile(rules, before);
    await master.query('SELECT pg_reload_conf()');
    await master.end();
    await expectRecovery();
  });

  it('takes no changes, changes are refused and reads answered', async () => {
    await ask(server.url, `ALTER SYSTEM SET default_transaction_read_only = on`);
    await ask(server.url, 'SELECT pg_reload_conf()');
    await eventually(async () => expect(await update()).toMatchObject({ status: 503, errors: [{ extensions: { code: 'UNAVAILABLE' } }] }));
    const byRest = await updateByRest();
    expect([byRest.status, byRest.headers.get('retry-after')]).toEqual([503, '1']);
    expect([(await read()).status, (await readByRest()).status, await isReady()]).toEqual([200, 200, 200]);
    await ask(server.url, 'ALTER SYSTEM RESET default_transaction_read_only');
    await ask(server.url, 'SELECT pg_reload_conf()');
    await expectRecovery();
  });
});

describe('a statement that waits for a lock', () => {
  it('is a read: it is cancelled in time, on the server too', async () => {
    const holder = new Client({ connectionString: server.url });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE account');
    try {
      await expectRefusals('UNAVAILABLE');
      // The holder too has ended none: what waited has been cancelled.
      await eventually(async () => expect(await waitingForLocks()).toBe(0));
      expect(await isReady()).toBe(200);
    } finally {
      await holder.end();
    }
    await expectRecovery();
  });

  it('is a change: it is told that another change takes long, and those who queue leave connections to others', async () => {
    const holder = await lockOf(account.sid);
    try {
      const changes = Array.from({ length: 20 }, () => update());
      await eventually(async () => expect(await waitingForLocks()).toBe(3));
      // None of the changes has ended, nor can have: what is answered now is answered beside them.
      const answers = await Promise.all([read(), readByRest(), isReady()]);
      expect(answers).toMatchObject([{ status: 200 }, { status: 200 }, 200]);
      expect(await waitingForLocks()).toBeGreaterThan(0);
      for (const change of await Promise.all(changes)) {
        expect(change).toMatchObject({ status: 503, errors: [{ extensions: { code: 'OVERLOADED' } }] });
        expect(change.headers.get('retry-after')).toBe('1');
      }
    } finally {
      await holder.end();
    }
    await expectRecovery();
    const metrics = await (await fetch(gateway.metricsUrl)).text();
    expect(metrics).toMatch(/gateway_overload_refusals_total\{reason="lock"\} [1-9]/);
  });
});

it('requests are refused while the network to the database swallows everything, and answered once it works again', async () => {
  const hole = await blackHole();
  const through = await startTestGateway({
    database: { url: hole.url, query: gateway.database.query, drop: async () => {} },
    config: { readMilliseconds: 3_000 },
  });
  const answer = () => postGraphql(through.url, admin, '{ viewer { sid } }');
  expect((await answer()).status).toBe(200);
  hole.swallow(true);
  for (let round = 0; round < 2; round++) {
    for (const one of await Promise.all([answer(), answer(), answer()])) {
      expect(one).toMatchObject({ status: 503, errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
    }
    expect((await fetch(`${through.url}/health/ready`)).status).toBe(503);
  }
  hole.swallow(false);
  await eventually(async () => expect((await answer()).status).toBe(200));
  await through.stop();
  await hole.close();
});

const createAccount =
  'mutation($email: EmailAddress!) { createAccount(input: { emailAddress: $email, role: DEVELOPER }) { account { sid } } }';

const terminateConnections = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'account-gateway'`;

const endConnections = () => ask(server.url, terminateConnections);

/** Connects until the server takes no more connections. */
async function takeFreeConnections(others: Client[]): Promise<void> {
  for (;;) {
    const client = new Client({ connectionString: server.url });
    client.on('error', () => {});
    try {
      await client.connect();
      others.push(client);
    } catch {
      break;
    }
  }
}

/** The connections that others left free by ending are taken again before the gateway has them. */
async function expectRefusalsOnce(others: Client[]): Promise<void> {
  await takeFreeConnections(others);
  await expectRefusals('UNAVAILABLE');
  await expectNotReady();
}

/** Holds the lock of an account's row, until it is ended. */
async function lockOf(sid: string): Promise<Client> {
  const holder = new Client({ connectionString: server.url });
  holder.on('error', () => {});
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT 1 FROM account WHERE sid = $1 FOR UPDATE', [sid]);
  return holder;
}

async function waitingForLocks(): Promise<number> {
  const [row] = await ask<{ count: number }>(
    server.url,
    `SELECT count(*)::integer AS count FROM pg_stat_activity WHERE application_name = 'account-gateway' AND wait_event_type = 'Lock'`,
  );
  return row!.count;
}

/** Another gateway on the same server, on a database and by a role of its own. */
async function otherGateway(): Promise<TestGateway> {
  const [exists] = await ask(server.url, `SELECT 1 FROM pg_roles WHERE rolname = 'gateway_failing'`);
  if (exists === undefined) {
    await ask(server.url, 'CREATE ROLE gateway_failing LOGIN');
    await ask(server.url, 'CREATE DATABASE gateway_failing OWNER gateway_failing');
  }
  const url = server.url.replace('/postgres?', '/gateway_failing?').replace('user=postgres', 'user=gateway_failing');
  return startTestGateway({ database: { url, query: gateway.database.query, drop: async () => {} } });
}

/** A port that leads to the server, until it swallows what is sent and connects to nothing. */
async function blackHole(): Promise<{ url: string; swallow: (whether: boolean) => void; close: () => Promise<void> }> {
  let isSwallowing = false;
  const sockets = new Set<Socket>();
  const socketPath = join(new URL(server.url.replace('postgresql:///', 'postgresql://x/')).searchParams.get('host')!, '.s.PGSQL.5432');
  const listener: Server = createServer((near) => {
    sockets.add(near);
    near.on('error', () => {}).on('close', () => sockets.delete(near));
    if (isSwallowing) return void near.resume();
    const far = connectTcp(socketPath);
    sockets.add(far);
    far
      .on('error', () => near.destroy())
      .on('close', () => {
        sockets.delete(far);
        near.destroy();
      });
    near.on('close', () => far.destroy());
    near.on('data', (bytes) => isSwallowing || far.write(bytes));
    far.on('data', (bytes) => isSwallowing || near.write(bytes));
  });
  await new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as { port: number };
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres?sslmode=disable`,
    swallow: (whether) => (isSwallowing = whether),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => void listener.close(resolve));
    },
  };
}
