import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Cascade } from './cascades.js';
import type { Felt, Outcomes } from './hostile.js';
import type { Measured, Running, Slice } from './measure.js';
import { peakMemory } from './server-process.js';
import type { StartUp } from './start-up.js';
import type { WorkName } from './scenarios.js';
import type { World } from './dataset.js';

/** All that a whole run brought. */
export interface Results {
  /** What was typed. */
  command: string;
  /** About the machine, the versions and the accounts: a line each. */
  circumstances: readonly string[];
  works: ReadonlyMap<WorkName, readonly Measured[]>;
  withPassword: readonly Measured[];
  /** Trees of growing width. */
  growth: readonly (readonly Measured[])[];
  /** The first page of the long list, then a deep one. */
  pages: readonly (readonly Measured[])[];
  cascades: readonly Cascade[];
  hostility: readonly Felt[];
  startUp: StartUp;
  running: readonly Running[];
}

/** What a run found, in Markdown. */
export function reportOf(results: Results): string {
  const { command, circumstances, works, withPassword, growth, pages, cascades, hostility, startUp, running } = results;
  const sections = [
    `# Results of the bench`,
    `Written by \`${command}\`; nothing here was written by hand. How it measures, and what the contenders leave out of the gateway's work, is in [ADR 21](../docs/adr/0021-benchmark-in-turns-on-one-machine.md).`,
    circumstances.map((line) => `- ${line}`).join('\n'),
    `## Targets`,
    targetTable(results),
    `## Contenders`,
    table(
      ['', 'what', 'peak memory, MiB'],
      running.map(({ contender, server }) => [contender.name, contender.title, figure(peakMemory(server.pid))]),
    ),
    `## Work`,
    `Requests a second: the median of the rounds, and the least and most. Processor time for each request, of the server and of all of PostgreSQL. The ratio is the gateway's rate to the contender's of the same round: the median, and the least and most.`,
    ...[...works.values()].map(summaryOf),
    summaryOf(withPassword),
    `### R2 as it grows`,
    `Each level of the tree has the width; ${String(Math.max(...growth.map(widthOf)))} is what one request can ask for at the default limits, of pages and of cost. If the time is linear in the answer, accounts a second stay.`,
    growthTable(growth),
    `### R3 from the first page to a deep one`,
    pagesTable(pages),
    `### W2 and W3: changes of whole trees`,
    `The loop is one prepared UPDATE for each account, each in its own transaction, on one connection beside PostgreSQL: measured on 2,000 accounts and scaled to all. Meanwhile a reader asks the gateway for one account, on one connection.`,
    cascadeTable(cascades),
    hostilityOf(hostility),
    `### Start-up`,
    `From the start of the process to "ready": ${milliseconds(median(startUp.warm))} (${milliseconds(Math.min(...startUp.warm))} to ${milliseconds(Math.max(...startUp.warm))}) with an embedded database that is there; ${milliseconds(startUp.first)} the first time, when it is made.`,
  ];
  return `${sections.join('\n\n')}\n`;
}

/** What the run was made on. */
export function circumstancesOf({ accounts }: World, postgresVersion: string, load: number, newerNode: string | undefined): string[] {
  const [processor] = cpus();
  return [
    `Machine: ${cpus().length} × ${processor!.model.trim()}, ${figure(totalmem() / 2 ** 30)} GiB, Linux ${release()}; others kept it busy by ${load.toFixed(1)} before the run (load average of 5 minutes)`,
    `Node.js ${process.version}; the newer one ${newerNode ?? 'was not installed'}; PostgreSQL ${postgresVersion}`,
    `Versions: ${versions()}`,
    `${accounts} accounts, on 3 to 5 levels`,
  ];
}

function versions(): string {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, '../../bench/contenders/package.json'), 'utf8'));
  return Object.entries(dependencies)
    .map(([name, version]) => `${name} ${version as string}`)
    .join(', ');
}

/** One kind of work: what each contender brought, and the first one's ratio to each other. */
export function summaryOf(measured: readonly Measured[]): string {
  const [first] = measured;
  const rows = measured.map((each) => {
    const latencies = each.slices.flatMap((slice) => slice.latencies);
    const ratio = ratioOf(first!, each);
    return [
      each.one.contender.name,
      spread(each.slices.map(rateOf)),
      figure(percentile(latencies, 0.5)),
      figure(percentile(latencies, 0.99)),
      figure(perRequest(each, 'serverCpu')),
      figure(perRequest(each, 'postgresCpu')),
      each.statements.toFixed(2).replace(/\.?0+$/, ''),
      each === first ? '' : `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}–${ratio.greatest.toFixed(2)})`,
    ];
  });
  const { name, title, atOnce } = first!.work;
  const columns = ['', 'req/s', 'p50 ms', 'p99 ms', 'Node CPU ms', 'PostgreSQL CPU ms', 'statements', 'ratio'];
  return `### ${name}: ${title}, ${atOnce} at once\n\n${table(columns, rows)}`;
}

function growthTable(growth: readonly (readonly Measured[])[]): string {
  const names = growth[0]!.map(({ one }) => one.contender.name);
  return table(
    ['', ...growth.map((measured) => `${widthOf(measured)} × ${widthOf(measured)}: req/s`), 'accounts/s'],
    names.map((name, index) => [
      name,
      ...growth.map((measured) => spread(measured[index]!.slices.map(rateOf))),
      growth.map((measured) => figure(accountsPerSecond(measured[index]!))).join(', '),
    ]),
  );
}

function pagesTable([first, deep]: readonly (readonly Measured[])[]): string {
  return table(
    ['', `${first![0]!.work.title}: req/s`, `${deep![0]!.work.title}: req/s`, 'ratio'],
    first!.map((each, index) => {
      const { median: middle, least, greatest } = ratioOf(deep![index]!, each);
      return [
        each.one.contender.name,
        spread(each.slices.map(rateOf)),
        spread(deep![index]!.slices.map(rateOf)),
        `${middle.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})`,
      ];
    }),
  );
}

function cascadeTable(cascades: readonly Cascade[]): string {
  return table(
    ['', 'accounts', 'gateway, s', 'loop, s', 'ratio', 'reader before, p50 and p99 ms', 'reader meanwhile'],
    cascades.map(({ work, title, accounts, gateway, loop, readersBefore, readersMeanwhile }) => [
      `${work}: ${title}`,
      String(accounts),
      spread(gateway.map((time) => time / 1000)),
      spread(loop.map((time) => time / 1000)),
      figure(median(loop) / median(gateway)),
      `${figure(percentile(readersBefore, 0.5))}, ${figure(percentile(readersBefore, 0.99))}`,
      `${figure(percentile(readersMeanwhile, 0.5))}, ${figure(percentile(readersMeanwhile, 0.99))}`,
    ]),
  );
}

/** What one tenant felt of another one's attacks. */
export function hostilityOf(hostility: readonly Felt[]): string {
  const outcomes = ({ answered, refused }: Outcomes): string => `${answered}, ${refused}`;
  const rows = hostility.map(({ title, connections, before, meanwhile, victim, hostile, remedy }) => {
    const idle = median(before);
    const times = (latencies: readonly number[], share: number): string => `× ${figure(percentile(latencies, share) / idle)}`;
    return [
      title,
      String(connections),
      `${figure(idle)}, ${times(before, 0.99)}`,
      times(meanwhile, 0.5),
      times(meanwhile, 0.99),
      outcomes(victim),
      outcomes(hostile),
      remedy === undefined ? '' : milliseconds(remedy),
    ];
  });
  const columns = [
    'the hostile tenant asks for',
    'connections',
    'idle: p50 ms, p99',
    'p50',
    'p99',
    'answered, refused',
    'of the hostile',
    'suspended in',
  ];
  return `### A hostile tenant

One account with 60,000 sub-accounts asks without pause, for 10 seconds. Another tenant asks for \`{ viewer { sid } }\` meanwhile, on one connection: its median and 99th percentile, as multiples of its median before the attack. Each line has a gateway of its own, whose budgets are full at first.

${table(columns, rows)}`;
}

/** What was promised, what came of it, and whether that holds. */
function targetTable(results: Results): string {
  const targets: Target[] = [
    ...ratesAgainst(results, [
      ['R1', 'postgraphile', 1.5],
      ['R1', 'mercurius', 1],
      ['R2', 'postgraphile', 2],
      ['R2', 'mercurius', 2],
      ['R3', 'postgraphile', 1.5],
      ['W1', 'postgraphile', 1],
      ['R4', 'floor', 0.6],
    ]),
    ...cascadeTargets(results.cascades),
    flatness(results.pages),
    linearity(results.growth),
    workers(results.works.get('R1')!),
    {
      what: 'warm start-up',
      wanted: 'under 2 s',
      found: milliseconds(median(results.startUp.warm)),
      holds: median(results.startUp.warm) < 2000,
    },
  ];
  return table(
    ['', 'target', 'found', ''],
    targets.map(({ what, wanted, found, holds }) => [what, wanted, found, holds ? 'pass' : '**fail**']),
  );
}

interface Target {
  what: string;
  wanted: string;
  found: string;
  holds: boolean;
}

function ratesAgainst({ works }: Results, wanted: readonly [WorkName, string, number][]): Target[] {
  return wanted.map(([work, other, factor]) => {
    const measured = works.get(work)!;
    const { median: middle, least, greatest } = ratioOf(named(measured, 'gateway'), named(measured, other));
    return {
      what: `${work}, gateway : ${other}`,
      wanted: `≥ ${factor}`,
      found: `${middle.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})`,
      holds: middle >= factor,
    };
  });
}

function cascadeTargets(cascades: readonly Cascade[]): Target[] {
  return cascades.flatMap(({ work, title, accounts, gateway, loop, readersBefore, readersMeanwhile }) => {
    const what = `${work}, ${title} ${accounts} accounts`;
    const ratio = median(loop) / median(gateway);
    const growth = percentile(readersMeanwhile, 0.99) / percentile(readersBefore, 0.99);
    const seconds = Math.max(...gateway) / 1000;
    const targets = [
      { what: `${what}, faster than the loop`, wanted: '≥ 50 times', found: figure(ratio), holds: ratio >= 50 },
      { what: `${what}, readers' p99`, wanted: 'less than doubled', found: `× ${growth.toFixed(2)}`, holds: growth < 2 },
    ];
    const whole = { what: `${what}, in`, wanted: 'under 10 s', found: `${figure(seconds)} s at most`, holds: seconds < 10 };
    return accounts >= 100_000 ? [...targets, whole] : targets;
  });
}

function flatness([first, deep]: Results['pages']): Target {
  const { median: middle } = ratioOf(named(deep!, 'gateway'), named(first!, 'gateway'));
  const wanted = 'within 20%';
  return { what: 'R3, page 1,800 : page 1', wanted, found: middle.toFixed(2), holds: middle >= 0.8 && middle <= 1.2 };
}

/** From 50 × 50 on: of a small answer, most is the work of any request. */
function linearity(growth: Results['growth']): Target {
  const [before, last] = growth.slice(-2).map((measured) => accountsPerSecond(named(measured, 'gateway')));
  const ratio = last! / before!;
  return { what: 'R2, accounts a second, largest : 50 × 50', wanted: '≥ 0.8', found: ratio.toFixed(2), holds: ratio >= 0.8 };
}

function workers(measured: readonly Measured[]): Target {
  const { median: middle, least, greatest } = ratioOf(named(measured, 'gateway-2-workers'), named(measured, 'gateway'));
  const found = `${middle.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})`;
  return { what: 'R1, WORKERS=2 : one process', wanted: '≥ 1.6', found, holds: middle >= 1.6 };
}

function named(measured: readonly Measured[], name: string): Measured {
  return measured.find(({ one }) => one.contender.name === name)!;
}

function widthOf(measured: readonly Measured[]): number {
  return measured[0]!.work.questions[0]!.width!;
}

function accountsPerSecond({ work, slices }: Measured): number {
  const width = work.questions[0]!.width!;
  return median(slices.map(rateOf)) * (1 + width + width * width);
}

const rateOf = ({ requests, milliseconds: time }: Slice): number => (requests / time) * 1000;

function perRequest({ slices }: Measured, what: 'serverCpu' | 'postgresCpu'): number {
  return sum(slices.map((slice) => slice[what])) / sum(slices.map(({ requests }) => requests));
}

/** The ratio of one entrant's rates to another's, round by round: the median, and the least and greatest. */
function ratioOf(one: Measured, other: Measured): { median: number; least: number; greatest: number } {
  const ratios = one.slices.map((slice, round) => rateOf(slice) / rateOf(other.slices[round]!));
  return { median: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that so large a share of the values does not exceed. */
function percentile(values: readonly number[], share: number): number {
  return values.toSorted((one, other) => one - other)[Math.ceil(values.length * share) - 1]!;
}

/** A table in Markdown. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** The median, and the least and the most. */
function spread(values: readonly number[]): string {
  return `${figure(median(values))} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
}

/** Three digits that count, whatever the size. */
function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function milliseconds(value: number): string {
  return `${value.toFixed(0)} ms`;
}
