import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureCascades } from './cascades.js';
import { contenders, installContenders, newerNode, service } from './contenders.js';
import { type Measurement, type RunningContender, compareAnswers, runsOf, measureInTurns } from './measure.js';
import { type AttackResult, hostileSize, measureHostility } from './hostile.js';
import { circumstancesOf, hostilityOf, reportOf, sizesOf, streamsOf, summaryOf, webhooksOf, workersOf } from './report.js';
import { ServerProcess } from './server-process.js';
import { measureSizes } from './sizes.js';
import { measureStartUp } from './start-up.js';
import { type WebhookResults, measureDeliveries } from './deliveries.js';
import { measureStreams } from './streams.js';
import { measureWorkers } from './workers.js';
import { type Scenario, type ScenarioName, pageScenario, passwordScenario, treeScenario, scenariosOf } from './scenarios.js';
import { type Dataset, fullSize, largestWidth, createDataset, sizeOf } from './dataset.js';

/*
 * `npm run bench` measures all scenarios with all contenders, and writes the results to bench/RESULTS.md. With `--only R1,W1`
 * or `--contenders gateway,baseline` it measures less, and prints the results only; with `hostile`, it measures only how one
 * tenant is affected by attacks of another; with `streams`, only thousands of streams of events; with `deliveries`, only deliveries to 1,000 webhooks;
 * with `workers`, only what requests take with several workers; with `--accounts 5000000`, it compares so many accounts with 200,000, and writes
 * bench/SIZES.md.
 */

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    contenders: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    accounts: { type: 'string' },
  },
});

const isWhole = options.only === undefined && options.contenders === undefined;
const turns = { rounds: Number(options.rounds), milliseconds: Number(options.seconds) * 1000 };
/** For measurements beside the scenarios themselves. */
const fewTurns = { rounds: Math.min(turns.rounds, 3), milliseconds: turns.milliseconds * 0.75 };
const runs = 3;
const startUps = 5;

const isChosen = (names: string | undefined, name: string): boolean => names === undefined || names.split(',').includes(name);

async function main(): Promise<void> {
  const chosen = contenders.filter(({ name }) => isChosen(options.contenders, name));
  if (chosen.some(({ isInstalled }) => !isInstalled)) installContenders();
  const [, load] = loadavg();
  const directory = await mkdtemp(join(tmpdir(), 'gateway-bench-output-'));
  const served = await ServerProcess.start({ ...service, outputFile: join(directory, 'service.log') });
  const dataset: Dataset = { ...(await createDataset(fullSize)), serviceUrl: `http://127.0.0.1:${served.port}` };
  const running: RunningContender[] = [];
  try {
    for (const contender of chosen) {
      const outputFile = join(directory, `${contender.name}.log`);
      running.push({ contender, server: await ServerProcess.start({ ...contender.program(dataset), outputFile }) });
    }
    const scenarios = (await scenariosOf(dataset)).filter(({ name }) => isChosen(options.only, name));
    await compareAnswers(running, scenarios);
    console.log(`${dataset.accounts} accounts; the contenders give the same answers.`);
    const found = new Map<ScenarioName, Measurement[]>();
    for (const scenario of scenarios) {
      found.set(scenario.name, await measureInTurns(runsOf(running, scenario), dataset, turns));
      console.log(`\n${summaryOf(found.get(scenario.name)!)}`);
    }
    if (isWhole) await writeReport(dataset, running, found, load!);
  } finally {
    for (const { server } of running) await server.stop();
    await served.stop();
    await dataset.stop();
    await rm(directory, { recursive: true });
  }
}

/** Measures the rest, and writes the report. */
async function writeReport(
  dataset: Dataset,
  running: readonly RunningContender[],
  scenarios: Map<ScenarioName, Measurement[]>,
  load: number,
): Promise<void> {
  const [gateway] = running;
  // Without the gateway's variants.
  const distinct = running.filter(({ contender }) => !contender.name.startsWith('gateway-'));
  const inTurns = async (runs: readonly RunningContender[], scenario: Scenario): Promise<Measurement[]> =>
    measureInTurns(runsOf(runs, scenario), dataset, fewTurns);
  const several = async (some: readonly Scenario[]): Promise<Measurement[][]> => {
    const measured = await measureInTurns(
      some.flatMap((scenario) => runsOf(distinct, scenario)),
      dataset,
      fewTurns,
    );
    return some.map((scenario) => measured.filter((each) => each.scenario === scenario));
  };
  const trees = [10, 50, largestWidth].map((width) => treeScenario(dataset, width));
  const pages = [await pageScenario(dataset, 1), await pageScenario(dataset, 1800)];
  await compareAnswers(distinct, [...trees, ...pages]);
  const [version] = await dataset.query<{ server_version: string }>('SHOW server_version');
  const results = {
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--'] : []), ...process.argv.slice(2)].join(' '),
    circumstances: circumstancesOf(
      dataset,
      version!.server_version,
      load,
      execFileSync(newerNode, ['--version'], { encoding: 'utf8' }).trim(),
    ),
    scenarios,
    withPassword: await inTurns([gateway!], passwordScenario(dataset)),
    growth: await several(trees),
    pages: await several(pages),
    cascades: await measureCascades(gateway!, dataset, runs),
    hostility: await hostility(),
    webhooks: await webhooks(),
    startUp: await measureStartUp(startUps),
    running,
  };
  await save('RESULTS.md', reportOf(results));
}

/** Writes results into the folder of the bench, in the format of all files. */
async function save(name: string, text: string): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  const file = join(root, 'bench', name);
  await writeFile(file, text);
  execFileSync(join(root, 'node_modules/.bin/oxfmt'), [file]);
  console.log(`\nThe results are in ${file}.`);
}

/** Does the work with a folder for the outputs of the servers that it starts. */
async function withFolder<Result>(work: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-bench-output-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Measures attacks, on a smaller dataset of their own. */
async function hostility(): Promise<AttackResult[]> {
  const dataset = await createDataset(hostileSize);
  try {
    return await withFolder((directory) => measureHostility(dataset, join(directory, 'gateway.log')));
  } finally {
    await dataset.stop();
  }
}

/** Measures webhooks, on a dataset of many small trees. */
const webhooks = (): Promise<WebhookResults> => withFolder((directory) => measureDeliveries(directory, fewTurns));

/** Measures what was asked for, and returns the results in Markdown; undefined where that is everything. */
async function part(): Promise<string | undefined> {
  const { accounts } = options;
  if (accounts !== undefined) {
    const [, load] = loadavg();
    const measured = await withFolder((directory) => measureSizes([fullSize, sizeOf(Number(accounts))], directory));
    const text = sizesOf(measured, load!);
    await save('SIZES.md', text);
    return text;
  }
  if (positionals.includes('hostile')) return hostilityOf(await hostility());
  if (positionals.includes('streams')) return streamsOf(await withFolder(measureStreams));
  if (positionals.includes('deliveries')) return webhooksOf(await webhooks());
  if (positionals.includes('workers')) return workersOf(await withFolder((directory) => measureWorkers(directory, turns)));
  return undefined;
}

const measured = await part();
if (measured === undefined) await main();
else console.log(measured);
