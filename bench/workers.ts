import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Contender, gateway } from './contenders.js';
import { createDataset, smallSize } from './dataset.js';
import { type Measurement, type RunningContender, type Turns, measureInTurns, runsOf } from './measure.js';
import { scenariosOf } from './scenarios.js';
import { ServerProcess } from './server-process.js';

const counts = [1, 2, 4];

/**
 * Measures what a request takes of the processor with several workers. All of them share one core, which nothing else has, and PostgreSQL
 * and we share another one: so a worker neither waits for a client, nor is it helped by a core that happens to be idle. Requests that a worker
 * has at the same time share look-ups; so several workers are compared under the same load, and under one that keeps each as busy.
 */
export async function measureWorkers(directory: string, turns: Turns): Promise<Measurement[][]> {
  // What is started from here on inherits it.
  execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', '1', String(process.pid)]);
  const dataset = await createDataset(smallSize);
  const running: RunningContender[] = [];
  try {
    for (const count of counts) {
      const contender = onOneCore(gateway(`WORKERS=${count}`, '', { environment: { WORKERS: String(count) } }));
      const outputFile = join(directory, `${contender.name}.log`);
      running.push({ contender, server: await ServerProcess.start({ ...contender.program(dataset), outputFile }) });
    }
    const measured: Measurement[][] = [];
    // Each worker compiles for itself, and gets only its share of the requests.
    const warmed = { ...turns, warmUpMilliseconds: 10_000 * Math.max(...counts) };
    for (const scenario of await scenariosOf(dataset)) {
      if (!['R1', 'R4'].includes(scenario.name)) continue;
      const runs = runsOf(running, scenario);
      const busier = runs.map((run, index) => ({
        ...run,
        scenario: { ...scenario, concurrency: scenario.concurrency * counts[index]! },
      }));
      measured.push(await measureInTurns(runs, dataset, warmed), await measureInTurns(busier, dataset, turns));
    }
    return measured;
  } finally {
    for (const { server } of running) await server.stop();
    await dataset.stop();
  }
}

/** The contender on the first core. */
function onOneCore(contender: Contender): Contender {
  return {
    ...contender,
    program(dataset) {
      const { node, args, environment } = contender.program(dataset);
      return { node: 'taskset', args: ['--cpu-list', '0', node, ...args], environment };
    },
  };
}
