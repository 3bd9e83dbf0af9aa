import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { createApp } from '../src/app.js';
import { readConfig } from '../src/config.js';
import { contenders } from './contenders.js';
import { Connection } from './http-client.js';
import { requestsOf, statementsOf } from './measure.js';
import { table } from './report.js';
import { type Work, worksOf } from './scenarios.js';
import { type World, smallSize, startWorld } from './dataset.js';

/*
 * `npm run bench:check` holds how many statements a request of each kind takes of the gateway against bench/record.json, so
 * that a regression fails without a clock; with `--write` it writes the record anew.
 */

/** Statements for each request, by the name of its kind of work. */
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
  console.log('If that is meant, npm run bench:check -- --write writes the record anew.');
  process.exitCode = 1;
}

async function measured(): Promise<Figures> {
  const world = await startWorld(smallSize, { fsync: 'off' });
  try {
    return await figuresOf(world);
  } finally {
    await world.stop();
  }
}

async function figuresOf(world: World): Promise<Figures> {
  const app = await createApp({
    config: readConfig({ PORT: '0', METRICS_PORT: '0' }),
    databaseUrl: world.databaseUrl,
    credentialsKeys: [Buffer.from(world.credentialsKey, 'hex')],
    log: pino({ level: 'silent' }),
    announcePassword: () => {},
  });
  try {
    const port = Number(new URL((await app.listen()).url).port);
    const figures: Figures = {};
    for (const work of await worksOf(world)) {
      const next = requestsOf(contenders[0]!, work);
      // Whoever is shown an AuthToken is written down the first time.
      await warm(port, work, next);
      figures[work.name] = await statementsOf({ port }, world, next, work.counted);
    }
    return figures;
  } finally {
    await app.close();
  }
}

/** Asks each question once. */
async function warm(port: number, { questions }: Work, next: () => Buffer): Promise<void> {
  const connection = await Connection.open(port);
  for (const _ of questions) await connection.load(next());
  connection.close();
}

await main();
