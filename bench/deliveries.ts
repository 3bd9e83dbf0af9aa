import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gateway, receiver } from './contenders.js';
import { type Measurement, type Turns, measureInTurns, runsOf } from './measure.js';
import { creationScenario } from './scenarios.js';
import { type Caller, type Dataset, type DatasetSize, createDataset, signInTopLevels, smallSize } from './dataset.js';
import { Connection, bytesOf } from './http-client.js';
import { ServerProcess, processorMilliseconds } from './server-process.js';

/** Some 1,000 trees, each of a few accounts. */
const size: DatasetSize = { ...smallSize, organizations: 996, siblings: 100, shapes: [[2]] };

/** Webhooks of the Super Admin, which are told of every tree, and webhooks of one tree each. */
const ofAll = 20;
const ofOne = 980;
const dead = 10;

/** Changes while nothing else happens: how many, and milliseconds from one to the next. */
const calm = { changes: 60, pause: 250 };
/** Changes as fast as they are made, on so many connections: some 6,000 deliveries. */
const rush = { changes: 300, connections: 8 };

/** For how long nothing may arrive while something is expected, in milliseconds. */
const patience = 60_000;

/** What webhooks take. */
export interface Deliveries {
  title: string;
  /** From the entry of the history until the receiver had it, in milliseconds, while nothing else happens. */
  calmLags: number[];
  /** The same while many changes are made. */
  rushLags: number[];
  perSecond: number;
  /** How many came again. */
  repeated: number;
  /** Processor time for each delivery, in milliseconds: of the gateway, which also makes the changes, and of PostgreSQL. */
  processor: number;
  postgres: number;
}

/** What webhooks take, and what creating an account takes where each tree has one. */
export interface WebhookResults {
  deliveries: Deliveries[];
  /** Without webhooks. */
  creationBefore: Measurement;
  creation: Measurement;
}

/**
 * Measures deliveries to 1,000 webhooks by one process: to all; without ten of them; and with these ten dead. Then creating accounts, where
 * only the webhooks of one tree each are left.
 */
export async function measureDeliveries(directory: string, turns: Turns): Promise<WebhookResults> {
  const dataset = await createDataset(size);
  const received = await ServerProcess.start({ ...receiver, outputFile: join(directory, 'receiver.log') });
  const contender = gateway('gateway', 'the gateway', {
    environment: { WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8', ACCOUNT_COST_PER_MINUTE: '1000000000', LOG_LEVEL: 'error' },
  });
  const server = await ServerProcess.start({ ...contender.program(dataset), outputFile: join(directory, 'gateway.log') });
  try {
    const trees = await signInTopLevels(dataset);
    const creating = async (): Promise<Measurement> =>
      (await measureInTurns(runsOf([{ contender, server }], creationScenario(trees.slice(0, ofOne))), dataset, turns))[0]!;
    const creationBefore = await creating();
    const bench = new DeliveryBench(dataset, server, received, trees);
    const url = `http://127.0.0.1:${received.port}`;
    const webhooks = await bench.register(url);
    const dying = webhooks.slice(0, dead);
    const deliveries = [await bench.measure(`${ofAll} of all trees and ${ofOne} of one each`, ofAll)];
    await bench.update(dying, { enabled: false });
    deliveries.push(await bench.measure(`${ofAll - dead} of all trees and ${ofOne} of one each`, ofAll - dead));
    // Half of them never answer, half refuse every connection.
    await bench.update(dying.slice(0, dead / 2), { enabled: true, url: `${url}/dead` });
    await bench.update(dying.slice(dead / 2), { enabled: true, url: 'http://127.0.0.1:1/' });
    deliveries.push(await bench.measure(`the same, and ${dead} dead ones of all trees`, ofAll - dead));
    await bench.update(webhooks, { enabled: false });
    return { deliveries, creationBefore, creation: await creating() };
  } finally {
    await server.stop();
    await received.stop();
    await dataset.stop();
  }
}

/** Makes changes, and asks the receiver what came of them. */
class DeliveryBench {
  #changes = 0;
  #repeated = 0;

  constructor(
    private readonly dataset: Dataset,
    private readonly server: ServerProcess,
    private readonly received: ServerProcess,
    private readonly trees: readonly Caller[],
  ) {}

  /** Registers all webhooks, and returns the SIDs of those of all trees. */
  async register(url: string): Promise<string[]> {
    const { superAdmin } = this.dataset;
    const connection = await Connection.open(this.server.port);
    let number = 0;
    const create = async ({ sid, authorization }: Caller): Promise<string> => {
      const query = `mutation { createWebhook(input: { accountSid: "${sid}", url: "${url}/${(number += 1)}" }) { webhook { sid } } }`;
      const { body } = await connection.ask(bytesOf({ method: 'POST', path: '/graphql', body: JSON.stringify({ query }) }, authorization));
      return JSON.parse(body).data.createWebhook.webhook.sid;
    };
    const webhooks: string[] = [];
    for (let count = 0; count < ofAll; count++) webhooks.push(await create(superAdmin));
    for (const caller of this.trees.slice(0, ofOne)) await create(caller);
    connection.close();
    return webhooks;
  }

  async update(sids: readonly string[], change: { enabled: boolean; url?: string }): Promise<void> {
    const connection = await Connection.open(this.server.port);
    const query = 'mutation($input: UpdateWebhookInput!) { updateWebhook(input: $input) { webhook { sid } } }';
    for (const sid of sids) {
      const body = JSON.stringify({ query, variables: { input: { sid, ...change } } });
      await connection.load(bytesOf({ method: 'POST', path: '/graphql', body }, this.dataset.superAdmin.authorization));
    }
    connection.close();
  }

  /** Measures while so many webhooks of all trees accept what they get. */
  async measure(title: string, alive: number): Promise<Deliveries> {
    const pids = [this.server.pid, this.dataset.postgresPid];
    await settled(pids);
    this.#repeated = 0;
    const calmLags = await this.#lagsOf(alive, calm.changes, async (connection) => {
      for (let count = 0; count < calm.changes; count++) {
        await this.#change(connection);
        await sleep(calm.pause);
      }
    });
    const before = pids.map(processorMilliseconds);
    const start = performance.now();
    const rushLags = await this.#lagsOf(alive, rush.changes, async (connection) => {
      const end = this.#changes + rush.changes;
      const connections = [connection];
      while (connections.length < rush.connections) connections.push(await Connection.open(this.server.port));
      await Promise.all(
        connections.map(async (one) => {
          while (this.#changes < end) await this.#change(one);
        }),
      );
      for (const one of connections.slice(1)) one.close();
    });
    const seconds = (performance.now() - start) / 1000;
    const [processor, postgres] = pids.map((pid, index) => (processorMilliseconds(pid) - before[index]!) / rushLags.length);
    return {
      title,
      calmLags,
      rushLags,
      perSecond: rushLags.length / seconds,
      repeated: this.#repeated,
      processor: processor!,
      postgres: postgres!,
    };
  }

  /** How late the events of the changes were, once all of them have come. */
  async #lagsOf(alive: number, changes: number, work: (connection: Connection) => Promise<void>): Promise<number[]> {
    const connection = await Connection.open(this.server.port);
    const first = this.#changes;
    await work(connection);
    connection.close();
    const watched = Array.from({ length: changes }, (_, index) => (first + index) % this.trees.length < ofOne);
    const expected = changes * alive + watched.filter(Boolean).length;
    const lags: number[] = [];
    const ask = bytesOf({ method: 'GET', path: '/lags' }, '');
    const received = await Connection.open(this.received.port);
    for (let since = performance.now(); lags.length < expected; await sleep(20)) {
      const told = JSON.parse((await received.ask(ask)).body) as { lags: number[]; repeated: number };
      if (told.lags.length > 0) since = performance.now();
      else if (performance.now() - since > patience) throw new Error(`${lags.length} deliveries of ${expected} came, and no more.`);
      lags.push(...told.lags);
      this.#repeated += told.repeated;
    }
    received.close();
    if (lags.length > expected) throw new Error(`${lags.length} deliveries came instead of ${expected}.`);
    return lags;
  }

  /** Renames a top-level account, each in its turn. */
  async #change(connection: Connection): Promise<void> {
    const number = this.#changes++;
    const { sid } = this.trees[number % this.trees.length]!;
    const query = `mutation { updateAccount(input: { sid: "${sid}", friendlyName: "Name ${number}" }) { account { sid } } }`;
    await connection.load(
      bytesOf({ method: 'POST', path: '/graphql', body: JSON.stringify({ query }) }, this.dataset.superAdmin.authorization),
    );
  }
}

/** Waits until the processes have next to nothing to do: registering webhooks leaves them something, since each place skips those changes. */
async function settled(pids: readonly number[]): Promise<void> {
  const taken = (): number => pids.reduce((sum, pid) => sum + processorMilliseconds(pid), 0);
  for (let before = taken(), now: number; ; before = now) {
    await sleep(2000);
    now = taken();
    if (now - before < 200) return;
  }
}
