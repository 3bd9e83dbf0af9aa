import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureCascades } from './cascades.js';
import { contenders, installContenders, newerNode } from './contenders.js';
import { type Measured, type Running, compareAnswers, entrantsOf, takeTurns } from './measure.js';
import { type Felt, hostileSize, measureHostility } from './hostile.js';
import { circumstancesOf, hostilityOf, reportOf, summaryOf } from './report.js';
import { ServerProcess } from './server-process.js';
import { measureStartUp } from './start-up.js';
import { type Work, type WorkName, pageWork, passwordWork, treeWork, worksOf } from './scenarios.js';
import { type World, fullSize, largestWidth, startWorld } from './dataset.js';

/*
 * `npm run bench` measures all work of all contenders, and writes what it found to bench/RESULTS.md. With `--only R1,W1`
 * or `--contenders gateway,floor` it measures less, and writes it to the terminal only; with `hostile`, nothing but what one
 * tenant feels of another one's attacks.
 */

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    contenders: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
  },
});

const isWhole = options.only === undefined && options.contenders === undefined;
const turns = { rounds: Number(options.rounds), milliseconds: Number(options.seconds) * 1000 };
/** For what is measured beside the kinds of work themselves. */
const fewTurns = { rounds: Math.min(turns.rounds, 3), milliseconds: turns.milliseconds * 0.75 };
const runs = 3;
const startsUp = 5;

const isChosen = (names: string | undefined, name: string): boolean => names === undefined || names.split(',').includes(name);

async function main(): Promise<void> {
  const chosen = contenders.filter(({ name }) => isChosen(options.contenders, name));
  if (chosen.some(({ isInstalled }) => !isInstalled)) installContenders();
  const [, load] = loadavg();
  const directory = await mkdtemp(join(tmpdir(), 'gateway-bench-output-'));
  const world = await startWorld(fullSize);
  const running: Running[] = [];
  try {
    for (const contender of chosen) {
      const outputFile = join(directory, `${contender.name}.log`);
      running.push({ contender, server: await ServerProcess.start({ ...contender.program(world), outputFile }) });
    }
    const works = (await worksOf(world)).filter(({ name }) => isChosen(options.only, name));
    await compareAnswers(running, works);
    console.log(`${world.accounts} accounts; the contenders answer alike.`);
    const found = new Map<WorkName, Measured[]>();
    for (const work of works) {
      found.set(work.name, await takeTurns(entrantsOf(running, work), world, turns));
      console.log(`\n${summaryOf(found.get(work.name)!)}`);
    }
    if (isWhole) await writeReport(world, running, found, load!);
  } finally {
    for (const { server } of running) await server.stop();
    await world.stop();
    await rm(directory, { recursive: true });
  }
}

/** Measures the rest, and writes all of it down. */
async function writeReport(world: World, running: readonly Running[], works: Map<WorkName, Measured[]>, load: number): Promise<void> {
  const [gateway] = running;
  // Those that are on the same Node.js, or on what they need.
  const distinct = running.filter(({ contender }) => !contender.name.startsWith('gateway-'));
  const inTurns = async (entrants: readonly Running[], work: Work): Promise<Measured[]> =>
    takeTurns(entrantsOf(entrants, work), world, fewTurns);
  const several = async (some: readonly Work[]): Promise<Measured[][]> => {
    const measured = await takeTurns(
      some.flatMap((work) => entrantsOf(distinct, work)),
      world,
      fewTurns,
    );
    return some.map((work) => measured.filter((each) => each.work === work));
  };
  const trees = [10, 50, largestWidth].map((width) => treeWork(world, width));
  const pages = [await pageWork(world, 1), await pageWork(world, 1800)];
  await compareAnswers(distinct, [...trees, ...pages]);
  const [version] = await world.query<{ server_version: string }>('SHOW server_version');
  const results = {
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--'] : []), ...process.argv.slice(2)].join(' '),
    circumstances: circumstancesOf(
      world,
      version!.server_version,
      load,
      execFileSync(newerNode, ['--version'], { encoding: 'utf8' }).trim(),
    ),
    works,
    withPassword: await inTurns([gateway!], passwordWork(world)),
    growth: await several(trees),
    pages: await several(pages),
    cascades: await measureCascades(gateway!, world, runs),
    hostility: await hostility(),
    startUp: await measureStartUp(startsUp),
    running,
  };
  const file = join(import.meta.dirname, '../../bench/RESULTS.md');
  await writeFile(file, reportOf(results));
  console.log(`\nAll of it is in ${file}.`);
}

/** In a world of its own, which is smaller. */
async function hostility(): Promise<Felt[]> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-bench-output-'));
  const world = await startWorld(hostileSize);
  try {
    return await measureHostility(world, join(directory, 'gateway.log'));
  } finally {
    await world.stop();
    await rm(directory, { recursive: true });
  }
}

if (positionals.includes('hostile')) console.log(hostilityOf(await hostility()));
else await main();
