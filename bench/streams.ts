import { type Socket, connect } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gateway } from './contenders.js';
import { type Caller, type Dataset, type DatasetSize, createDataset, signInTopLevels, smallSize } from './dataset.js';
import { Connection, bytesOf } from './http-client.js';
import { ServerProcess, processorMilliseconds } from './server-process.js';

/** Some 300 trees, each of a few accounts. */
const size: DatasetSize = { ...smallSize, organizations: 300, siblings: 100, shapes: [[10]] };

const idleStreams = 10_000;
const busyStreams = 1_000;
const changesPerSecond = 10;
/** Milliseconds that each measurement takes. Idle: two heartbeats. */
const idleMilliseconds = 24_000;
const busyMilliseconds = 15_000;
/** How many streams are being opened at once. */
const openingAtOnce = 50;

/** What streams that wait take. */
export interface IdleStreams {
  streams: number;
  /** Resident memory of the process, in bytes for each stream. */
  bytesEach: number;
  /** Processor time in milliseconds for each second, of the gateway and of PostgreSQL. */
  processor: number;
  postgres: number;
  /** How long a small query took meanwhile, in milliseconds. */
  latencies: number[];
}

/** What streams that are told something take. */
export interface BusyStreams {
  title: string;
  /** Events that were sent, in a second. */
  sentPerSecond: number;
  processor: number;
  postgres: number;
  /** From the moment a change was asked for until its event was there, in milliseconds. */
  lags: number[];
}

/** Measures streams of events, all on one process. */
export async function measureStreams(directory: string): Promise<{ idle: IdleStreams; busy: BusyStreams[] }> {
  const dataset = await createDataset(size);
  const limit = String(idleStreams * 2);
  const { program } = gateway('gateway', 'the gateway', {
    environment: { MAX_STREAMS: limit, MAX_STREAMS_PER_TREE: limit, ACCOUNT_COST_PER_MINUTE: '1000000000', LOG_LEVEL: 'error' },
  });
  const server = await ServerProcess.start({ ...program(dataset), outputFile: join(directory, 'gateway.log') });
  try {
    const callers = await signInTopLevels(dataset);
    const turns = (count: number, of: readonly Caller[]): Caller[] => Array.from({ length: count }, (_, index) => of[index % of.length]!);
    // So that all code is compiled before memory is measured.
    await closeAll(await openStreams(server.port, turns(500, callers), () => {}));
    const idle = await measureIdle(dataset, server, turns(idleStreams, callers));
    const [, ...others] = callers;
    const busy = [
      await measureBusy(dataset, server, 'ten events a second among all', turns(busyStreams, others), others),
      await measureBusy(dataset, server, 'ten events a second for each', turns(busyStreams, callers.slice(0, 1)), callers.slice(0, 1)),
    ];
    return { idle, busy };
  } finally {
    await server.stop();
    await dataset.stop();
  }
}

async function measureIdle({ postgresPid }: Dataset, { pid, port }: ServerProcess, callers: readonly Caller[]): Promise<IdleStreams> {
  const before = residentBytes(pid);
  const sockets = await openStreams(port, callers, () => {});
  await sleep(idleMilliseconds / 2);
  const own = await Connection.open(port);
  const viewer = bytesOf(
    { method: 'POST', path: '/graphql', body: JSON.stringify({ query: '{ viewer { sid } }' }) },
    callers[0]!.authorization,
  );
  const latencies: number[] = [];
  const taken = await processorsPerSecond([pid, postgresPid], async () => {
    for (const end = performance.now() + idleMilliseconds; performance.now() < end; await sleep(50)) {
      const asked = performance.now();
      await own.load(viewer);
      latencies.push(performance.now() - asked);
    }
  });
  const bytesEach = (residentBytes(pid) - before) / callers.length;
  own.close();
  await closeAll(sockets);
  return { streams: callers.length, bytesEach, processor: taken[0]!, postgres: taken[1]!, latencies };
}

/** Measures streams while the accounts are renamed in turn. The new name says when that was asked for. */
async function measureBusy(
  { superAdmin, postgresPid }: Dataset,
  { pid, port }: ServerProcess,
  title: string,
  callers: readonly Caller[],
  renamed: readonly Caller[],
): Promise<BusyStreams> {
  const lags: number[] = [];
  const sockets = await openStreams(port, callers, (text) => {
    const arrived = performance.now();
    for (const [, asked] of text.matchAll(/"friendlyName":"([\d.]+)"/g)) lags.push(arrived - Number(asked));
  });
  const writer = await Connection.open(port);
  const renameFor = async (milliseconds: number): Promise<void> => {
    const start = performance.now();
    for (let count = 0; count * (1000 / changesPerSecond) < milliseconds; count++) {
      await sleep(Math.max(0, start + count * (1000 / changesPerSecond) - performance.now()));
      const input = `{ sid: "${renamed[count % renamed.length]!.sid}", friendlyName: "${performance.now()}" }`;
      const query = `mutation { updateAccount(input: ${input}) { account { sid } } }`;
      await writer.load(bytesOf({ method: 'POST', path: '/graphql', body: JSON.stringify({ query }) }, superAdmin.authorization));
    }
    // The events of the last change.
    await sleep(1000);
  };
  await renameFor(3000);
  lags.length = 0;
  const taken = await processorsPerSecond([pid, postgresPid], () => renameFor(busyMilliseconds - 1000));
  writer.close();
  await closeAll(sockets);
  return { title, sentPerSecond: (lags.length / busyMilliseconds) * 1000, processor: taken[0]!, postgres: taken[1]!, lags };
}

/** The processor time that the processes take in each second of the work, in milliseconds. */
async function processorsPerSecond(pids: readonly number[], work: () => Promise<void>): Promise<number[]> {
  const start = performance.now();
  const before = pids.map(processorMilliseconds);
  await work();
  const seconds = (performance.now() - start) / 1000;
  return pids.map((pid, index) => (processorMilliseconds(pid) - before[index]!) / seconds);
}

/** Opens a stream for each of the callers, about its own account and what is below it. */
async function openStreams(port: number, callers: readonly Caller[], onText: (text: string) => void): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const open = ({ sid, authorization }: Caller): Promise<void> =>
    new Promise((resolve, reject) => {
      const query = 'subscription($sid: ID!) { accountEvents(accountSid: $sid) { id type data { account { sid } after } } }';
      const body = JSON.stringify({ query, variables: { sid } });
      const headers = `host: 127.0.0.1\r\nauthorization: ${authorization}\r\naccept: text/event-stream\r\ncontent-type: application/json`;
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      socket.once('error', reject);
      socket.write(`POST /graphql/stream HTTP/1.1\r\n${headers}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      socket.once('data', (head) => {
        if (!head.toString('latin1').startsWith('HTTP/1.1 200')) return reject(new Error(`A stream was refused: ${head.toString()}`));
        socket.on('data', (chunk) => onText(chunk.toString('latin1')));
        return resolve();
      });
    });
  const waiting = [...callers];
  const openAll = async (): Promise<void> => {
    for (let next; (next = waiting.pop()) !== undefined;) await open(next);
  };
  await Promise.all(Array.from({ length: openingAtOnce }, openAll));
  return sockets;
}

async function closeAll(sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await sleep(3000);
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}
