import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createApp } from '../src/app.js';
import { readConfig } from '../src/config.js';
import { contenders, service, upstreams } from './contenders.js';
import { Connection } from './http-client.js';
import { requestsOf, countStatements } from './measure.js';
import { ServerProcess } from './server-process.js';
import { table } from './report.js';
import { type Scenario, scenariosOf } from './scenarios.js';
import { type Dataset, smallSize, createDataset } from './dataset.js';

/*
 * `npm run bench:check` compares how many SQL statements the gateway runs for a request of each scenario with bench/record.json,
 * so that a regression fails without a clock. With `--write` it replaces the record.
 */

/** Statements for each request, by the name of the scenario. */
type Figures = Record<string, number>;

const file = join(import.meta.dirname, '../../bench/record.json');

async function main(): Promise<void> {
  const found = await measured();
  if (process.argv.includes('--write')) {
    await writeFile(file, `${JSON.stringify(found, null, 2)}\n`);
    return;
  }
  const recorded = JSON.parse(await readFile(file, 'utf8')) as Figures;
  const names = [...new Set([...Object.keys(recorded), ...Object.keys(found)])];
  const differing = names.filter((name) => recorded[name] !== found[name]);
  const rows = names.map((name) => [name, `${recorded[name]}`, `${found[name]}`, differing.includes(name) ? 'DIFFERS' : '']);
  console.log(table(['statements', 'recorded', 'found', ''], rows));
  if (differing.length === 0) return;
  console.log('If that is intended, replace the record: npm run bench:check -- --write');
  process.exitCode = 1;
}

async function measured(): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-bench-output-'));
  const served = await ServerProcess.start({ ...service, outputFile: join(directory, 'service.log') });
  const dataset = await createDataset(smallSize, { fsync: 'off' });
  try {
    return await figuresOf(dataset, `http://127.0.0.1:${served.port}`);
  } finally {
    await dataset.stop();
    await served.stop();
    await rm(directory, { recursive: true });
  }
}

async function figuresOf(dataset: Dataset, serviceUrl: string): Promise<Figures> {
  const app = await createApp({
    config: readConfig({ PORT: '0', METRICS_PORT: '0', SUBRESOURCE_UPSTREAMS: upstreams(serviceUrl) }),
    databaseUrl: dataset.databaseUrl,
    credentialsKeys: [Buffer.from(dataset.credentialsKey, 'hex')],
    log: pino({ level: 'silent' }),
    announcePassword: () => {},
    deliversEvents: false,
  });
  try {
    const port = Number(new URL((await app.listen()).url).port);
    const figures: Figures = {};
    for (const scenario of await scenariosOf(dataset)) {
      const next = requestsOf(contenders[0]!, scenario);
      // The first time a caller is shown an AuthToken, that is recorded in the history.
      await warm(port, scenario, next);
      figures[scenario.name] = await countStatements({ port }, dataset, next, scenario.countedRequests);
    }
    return figures;
  } finally {
    await app.close();
  }
}

/** Sends each input once. */
async function warm(port: number, { inputs }: Scenario, next: () => Buffer): Promise<void> {
  const connection = await Connection.open(port);
  for (const _ of inputs) await connection.load(next());
  connection.close();
}

await main();
