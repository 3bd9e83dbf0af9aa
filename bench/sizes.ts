import { join } from 'node:path';
import { gateway } from './contenders.js';
import { type Dataset, type DatasetSize, createDataset } from './dataset.js';
import { Connection } from './http-client.js';
import { ServerProcess, peakMemory } from './server-process.js';
import { questionsOf } from './size-questions.js';

/** A question that is asked of the gateway over datasets of different sizes. */
export interface SizedQuestion {
  title: string;
  /** Latencies in milliseconds, of each dataset; none where it has nothing to ask about. */
  latencies: number[][];
}

/** What was measured of each dataset, in the order of the datasets. */
export interface SizeResults {
  accounts: number[];
  questions: SizedQuestion[];
  /** Of the tables of accounts and their indexes, in MiB. */
  megabytes: number[];
  startMilliseconds: number[];
  /** Peak memory of the gateway's process, in MiB. */
  memory: number[];
}

/** A gateway over one dataset, and what is asked of it. */
interface Sized {
  dataset: Dataset;
  server: ServerProcess;
  connection: Connection;
  questions: Map<string, () => Buffer>;
}

/** How often each question is asked in one turn, and how many turns there are. */
const perTurn = 15;
const turns = 4;

/**
 * Asks the same questions of gateways over datasets of several sizes, in turns, on one connection each: so the figures are latencies of
 * a machine that does nothing else.
 */
export async function measureSizes(sizes: readonly DatasetSize[], directory: string): Promise<SizeResults> {
  const datasets: Dataset[] = [];
  const sized: Sized[] = [];
  try {
    // All datasets before the first gateway, which would close the connection to it while nothing is asked.
    for (const size of sizes) datasets.push(await createDataset(size));
    for (const dataset of datasets) {
      sized.push(await start(dataset, join(directory, `gateway-${dataset.accounts}.log`)));
      console.log(`${dataset.accounts} accounts are ready.`);
    }
    const questions: SizedQuestion[] = [];
    for (const title of sized.at(-1)!.questions.keys()) {
      const question: SizedQuestion = { title, latencies: sized.map(() => []) };
      for (const one of sized) await ask(one, title, 3);
      for (let turn = 0; turn < turns; turn++) {
        for (const [index, one] of sized.entries())
          question.latencies[index]!.push(...(await ask(one, title, title.startsWith('W2') ? 1 : perTurn)));
      }
      questions.push(question);
      console.log(
        `${title}: ${question.latencies.map((each) => each.toSorted((a, b) => a - b)[each.length >> 1]?.toFixed(2)).join(', ')} ms`,
      );
    }
    return {
      accounts: sized.map(({ dataset }) => dataset.accounts),
      questions,
      megabytes: await Promise.all(sized.map(({ dataset }) => megabytesOf(dataset))),
      startMilliseconds: sized.map(({ server }) => server.startMilliseconds),
      memory: sized.map(({ server }) => peakMemory(server.pid)),
    };
  } finally {
    for (const { server, connection } of sized) {
      connection.close();
      await server.stop();
    }
    for (const dataset of datasets) await dataset.stop();
  }
}

async function start(dataset: Dataset, outputFile: string): Promise<Sized> {
  // What is measured is not how soon one caller has used up its share.
  const { program } = gateway('gateway', 'the gateway', { environment: { ACCOUNT_COST_PER_MINUTE: '1000000000' } });
  const server = await ServerProcess.start({ ...program(dataset), outputFile });
  const connection = await Connection.open(server.port);
  return { dataset, server, connection, questions: await questionsOf(dataset, connection) };
}

async function ask({ connection, questions }: Sized, title: string, times: number): Promise<number[]> {
  const next = questions.get(title);
  if (next === undefined) return [];
  const latencies: number[] = [];
  for (let time = 0; time < times; time++) {
    const request = next();
    const asked = performance.now();
    await connection.load(request);
    latencies.push(performance.now() - asked);
  }
  return latencies;
}

async function megabytesOf({ query }: Dataset): Promise<number> {
  const [size] = await query<{ megabytes: number }>(`SELECT round(pg_total_relation_size('account') / 1048576.0)::integer AS megabytes`);
  return size!.megabytes;
}
