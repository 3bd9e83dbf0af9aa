import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { version } from '../../src/version.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { expectNoProcessIn, killProcessesIn, processesIn } from '../support/processes.js';

let folder: string;
let database: TestDatabase;
let gateway: GatewayProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-workers-'));
  database = await cloneDatabase();
});

afterEach(async () => {
  await killProcessesIn(folder);
  await database.drop();
  await removeFolder(folder);
});

async function start(settings: Record<string, string> = {}): Promise<void> {
  const environment = { WORKERS: '2', DATABASE_URL: database.url, CREDENTIALS_KEY: '0'.repeat(64), ...settings };
  gateway = await startGateway({ dataDirectory: folder, environment });
  await eventually(() => expect(gateway.output()).toContain('Metrics '));
}

/** How long a client waits, in milliseconds: what was handed to a worker that is killed is never answered. */
const clientPatience = 20_000;

/** Asks on a connection of its own; 0 when there is no answer. */
const live = (): Promise<number> =>
  fetch(`${gateway.url}/health/live`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(clientPatience) }).then(
    ({ status }) => status,
    () => 0,
  );

/** The processes that wrote into the log that they answered a request. */
const answering = (): number[] => [...new Set([...gateway.output().matchAll(/"pid":(\d+),.*"answered"/g)].map(([, pid]) => Number(pid)))];

/** Both workers, once each has answered; the connections are handed out in turn. */
async function workers(): Promise<number[]> {
  await eventually(async () => {
    await live();
    expect(answering()).toHaveLength(2);
  });
  expect(answering()).not.toContain(gateway.pid);
  return answering();
}

async function metric(name: string): Promise<number> {
  const [, metricsUrl] = /Metrics +(http\S+)/.exec(gateway.output())!;
  const lines = (await (await fetch(metricsUrl!)).text()).split('\n');
  return Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1));
}

const answered = 'gateway_request_duration_seconds_count{method="GET",route="/health/live",status="200"}';

const timesIn = (text: string, part: string): number => text.split(part).length - 1;

it('two workers share the port, what is done once, and what is measured', async () => {
  await start({ ADMIN_PASSWORD: '' });
  const pids = await workers();
  const before = await metric(answered);
  await Promise.all(Array.from({ length: 20 }, live));
  await eventually(async () => expect(await metric(answered)).toBe(before + 20));
  const by = (pid: number): number => timesIn(gateway.output(), `"pid":${pid},`);
  // The log is written a tenth of a second later.
  await eventually(() => expect(Math.min(...pids.map(by))).toBeGreaterThan(5));

  // A worker that is too busy to tell its metrics within two seconds is left out.
  await eventually(async () => expect(await metric('gateway_workers')).toBe(2));
  expect(await metric(`gateway_build_info{version="${version}",node="${process.versions.node}"}`)).toBe(1);
  expect(await metric('gateway_database_pool_connections{database="primary",state="total"}')).toBeGreaterThanOrEqual(2);
  for (const part of ['The Super Admin was created', 'is ready.', 'Metrics ']) expect(timesIn(gateway.output(), part)).toBe(1);
  expect(await database.query('SELECT count(*)::integer AS roots FROM account WHERE parent_sid IS NULL')).toEqual([{ roots: 1 }]);

  const [, password] = /\n +password +(\S+)/.exec(gateway.output())!;
  const viewers = Array.from({ length: 8 }, () =>
    postGraphql(gateway.url, { login: gateway.adminEmail, secret: password! }, '{ viewer { emailAddress } }'),
  );
  for (const { data } of await Promise.all(viewers)) expect(data).toEqual({ viewer: { emailAddress: gateway.adminEmail } });
});

it('a worker that is killed costs the requests that it had, and is replaced; no counter goes back', async () => {
  await start();
  const [killed, other] = await workers();
  const before = await metric(answered);
  let stop = false;
  const statuses: number[] = [];
  const clients = Array.from({ length: 4 }, async () => {
    for (; !stop; await sleep(20)) {
      // In the order in which they were asked: who was with the killed worker may wait until it gives up.
      const place = statuses.push(200) - 1;
      statuses[place] = await live();
    }
  });
  await eventually(() => expect(statuses.length).toBeGreaterThan(20));
  const counted = await metric(answered);
  expect(counted).toBeGreaterThan(before);

  process.kill(killed!, 'SIGKILL');
  await eventually(() => expect(gateway.output()).toContain('a worker has ended and is being replaced'));
  expect(await metric(answered)).toBeGreaterThanOrEqual(counted);
  await eventually(async () => expect(await metric('gateway_workers')).toBe(2));
  await eventually(() => expect(answering()).toHaveLength(3));
  stop = true;
  await Promise.all(clients);

  // Of each client at most the request that was there.
  expect(statuses.filter((status) => status !== 200).length).toBeLessThanOrEqual(2 * clients.length);
  expect(statuses.slice(-20)).toEqual(statuses.slice(-20).map(() => 200));
  expect(answering()).toContain(other);
  expect(gateway.output()).toContain(`"worker":${killed},"code":null,"signal":"SIGKILL","pause":100,`);
  expect(await gateway.end('SIGTERM')).toBe(0);
  await expectNoProcessIn(folder);
});

it('a worker that hangs is ended after DRAIN_SECONDS, and costs no metrics', async () => {
  await start({ DRAIN_SECONDS: '1' });
  const [hanging] = await workers();
  process.kill(hanging!, 'SIGSTOP');
  expect(await metric('gateway_workers')).toBeGreaterThanOrEqual(1);
  expect(await gateway.end('SIGTERM')).toBe(0);
  await expectNoProcessIn(folder);
});

it('a worker that hangs is ended while the gateway serves, and replaced; those that only have much to do are not', async () => {
  await start();
  const [hanging, other] = await workers();
  process.kill(hanging!, 'SIGSTOP');
  await eventually(() => expect(gateway.output()).toContain(`"worker":${hanging},"msg":"a worker does not answer and is killed"`));
  await eventually(() => expect(gateway.output()).toContain(`"worker":${hanging},"code":null,"signal":"SIGKILL"`));
  await eventually(async () => {
    await live();
    expect(answering()).toHaveLength(3);
  });
  const statuses = await Promise.all(Array.from({ length: 20 }, live));
  expect(statuses).toEqual(statuses.map(() => 200));

  // Stopped for less long than that, or together with the process that asks: neither has anything to answer for.
  process.kill(other!, 'SIGSTOP');
  await sleep(2_000);
  process.kill(gateway.pid, 'SIGSTOP');
  await sleep(6_000);
  process.kill(gateway.pid, 'SIGCONT');
  process.kill(other!, 'SIGCONT');
  await sleep(3_000);
  expect(timesIn(gateway.output(), 'does not answer')).toBe(1);
  expect(await gateway.end('SIGTERM')).toBe(0);
  await expectNoProcessIn(folder);
});

it('when the first process is killed, nothing is left, and the port is free', async () => {
  await start({ DATABASE_URL: '', CREDENTIALS_KEY: '' });
  await workers();
  expect(processesIn(folder).length).toBeGreaterThan(3);
  await gateway.end('SIGKILL');
  await expectNoProcessIn(folder);
  const server = createServer().listen(Number(new URL(gateway.url).port), '127.0.0.1');
  await once(server, 'listening');
  server.close();
});
