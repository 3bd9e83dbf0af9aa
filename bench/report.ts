import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Cascade } from './cascades.js';
import type { AttackResult, Outcomes } from './hostile.js';
import type { Measurement, RunningContender, Sample } from './measure.js';
import { peakMemory } from './server-process.js';
import type { WebhookResults } from './deliveries.js';
import type { measureStreams } from './streams.js';
import type { SizeResults } from './sizes.js';
import type { StartUp } from './start-up.js';
import type { ScenarioName } from './scenarios.js';
import type { Dataset } from './dataset.js';

/** The results of a complete run. */
export interface Results {
  /** The command line. */
  command: string;
  /** The machine, the versions and the accounts, one line each. */
  circumstances: readonly string[];
  scenarios: ReadonlyMap<ScenarioName, readonly Measurement[]>;
  withPassword: readonly Measurement[];
  /** Trees of increasing width. */
  growth: readonly (readonly Measurement[])[];
  /** The first page of the long list, then a deep one. */
  pages: readonly (readonly Measurement[])[];
  cascades: readonly Cascade[];
  hostility: readonly AttackResult[];
  webhooks: WebhookResults;
  startUp: StartUp;
  running: readonly RunningContender[];
}

/** The results in Markdown. */
export function reportOf(results: Results): string {
  const { command, circumstances, scenarios, withPassword, growth, pages, cascades, hostility, webhooks, startUp, running } = results;
  const sections = [
    `# Results of the bench`,
    `Written by \`${command}\`; nothing here is edited by hand. How it measures, and what of the gateway's work the contenders leave out, is in [ADR 21](../docs/adr/0021-benchmark-in-turns-on-one-machine.md).`,
    circumstances.map((line) => `- ${line}`).join('\n'),
    `## Targets`,
    targetTable(results),
    `## Contenders`,
    table(
      ['', 'what', 'peak memory, MiB'],
      running.map(({ contender, server }) => [contender.name, contender.title, figure(peakMemory(server.pid))]),
    ),
    `## Scenarios`,
    `Requests per second: the median of the rounds, with minimum and maximum. CPU time for each request, of the server and of all of PostgreSQL. The ratio is the gateway's rate to the contender's rate in the same round: the median, with minimum and maximum.`,
    ...[...scenarios.values()].map(summaryOf),
    summaryOf(withPassword),
    `### R2 as it grows`,
    `Each account of the tree has that many children; ${String(Math.max(...growth.map(widthOf)))} is the most that one request can ask for within the default limits on pages and cost. If the time is linear in the size of the answer, accounts per second stay constant.`,
    growthTable(growth),
    `### R3 from the first page to a deep one`,
    pagesTable(pages),
    `### W2 and W3: changes of whole trees`,
    `The loop runs one prepared UPDATE for each account, each in its own transaction, on one direct connection to PostgreSQL. It is measured with 2,000 accounts and extrapolated to all. Meanwhile a reader asks the gateway for one account, on one connection.`,
    cascadeTable(cascades),
    hostilityOf(hostility),
    webhooksOf(webhooks),
    `### Sizes`,
    `With five million accounts: [SIZES.md](SIZES.md).`,
    `### Start-up`,
    `From the start of the process to "ready": ${milliseconds(median(startUp.warm))} (${milliseconds(Math.min(...startUp.warm))} to ${milliseconds(Math.max(...startUp.warm))}) with an existing embedded database; ${milliseconds(startUp.first)} the first time, when the database is created.`,
  ];
  return `${sections.join('\n\n')}\n`;
}

/** The machine, versions and accounts of the run. */
export function circumstancesOf({ accounts }: Dataset, postgresVersion: string, load: number, newerNode: string | undefined): string[] {
  return [
    machineOf(load),
    `Node.js ${process.version}; the newer one ${newerNode ?? 'was not installed'}; PostgreSQL ${postgresVersion}`,
    `Versions: ${versions()}`,
    `${accounts} accounts, on 3 to 5 levels`,
  ];
}

function machineOf(load: number): string {
  const [processor] = cpus();
  return `Machine: ${cpus().length} × ${processor!.model.trim()}, ${figure(totalmem() / 2 ** 30)} GiB, Linux ${release()}; load average before the run ${load.toFixed(1)} (5 minutes)`;
}

function versions(): string {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, '../../bench/contenders/package.json'), 'utf8'));
  return Object.entries(dependencies)
    .map(([name, version]) => `${name} ${version as string}`)
    .join(', ');
}

/** One scenario: the measurement of each contender, and the first one's ratio to each of the others. */
export function summaryOf(measured: readonly Measurement[]): string {
  const [first] = measured;
  const rows = measured.map((each) => {
    const latencies = each.samples.flatMap((sample) => sample.latencies);
    const ratio = ratioOf(first!, each);
    return [
      each.running.contender.name,
      spread(each.samples.map(rateOf)),
      figure(percentile(latencies, 0.5)),
      figure(percentile(latencies, 0.99)),
      figure(perRequest(each, 'serverCpu')),
      figure(perRequest(each, 'postgresCpu')),
      each.statements.toFixed(2).replace(/\.?0+$/, ''),
      each === first ? '' : `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}–${ratio.greatest.toFixed(2)})`,
    ];
  });
  const { name, title, concurrency } = first!.scenario;
  const columns = ['', 'req/s', 'p50 ms', 'p99 ms', 'Node CPU ms', 'PostgreSQL CPU ms', 'statements', 'ratio'];
  return `### ${name}: ${title}, ${concurrency} at once\n\n${table(columns, rows)}`;
}

function growthTable(growth: readonly (readonly Measurement[])[]): string {
  const names = growth[0]!.map(({ running }) => running.contender.name);
  return table(
    ['', ...growth.map((measured) => `${widthOf(measured)} × ${widthOf(measured)}: req/s`), 'accounts/s'],
    names.map((name, index) => [
      name,
      ...growth.map((measured) => spread(measured[index]!.samples.map(rateOf))),
      growth.map((measured) => figure(accountsPerSecond(measured[index]!))).join(', '),
    ]),
  );
}

function pagesTable([first, deep]: readonly (readonly Measurement[])[]): string {
  return table(
    ['', `${first![0]!.scenario.title}: req/s`, `${deep![0]!.scenario.title}: req/s`, 'ratio'],
    first!.map((each, index) => {
      const { median: middle, least, greatest } = ratioOf(deep![index]!, each);
      return [
        each.running.contender.name,
        spread(each.samples.map(rateOf)),
        spread(deep![index]!.samples.map(rateOf)),
        `${middle.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})`,
      ];
    }),
  );
}

function cascadeTable(cascades: readonly Cascade[]): string {
  return table(
    ['', 'accounts', 'gateway, s', 'loop, s', 'ratio', 'reader before, p50 and p99 ms', 'reader meanwhile'],
    cascades.map(({ scenario, title, accounts, gateway, loop, readersBefore, readersDuring }) => [
      `${scenario}: ${title}`,
      String(accounts),
      spread(gateway.map((time) => time / 1000)),
      spread(loop.map((time) => time / 1000)),
      figure(median(loop) / median(gateway)),
      `${figure(percentile(readersBefore, 0.5))}, ${figure(percentile(readersBefore, 0.99))}`,
      `${figure(percentile(readersDuring, 0.5))}, ${figure(percentile(readersDuring, 0.99))}`,
    ]),
  );
}

/** How attacks of one tenant affected another. */
export function hostilityOf(hostility: readonly AttackResult[]): string {
  const outcomes = ({ answered, refused }: Outcomes): string => `${answered}, ${refused}`;
  const rows = hostility.map(({ title, connections, before, during, victim, hostile, remedy }) => {
    const idle = median(before);
    const times = (latencies: readonly number[], share: number): string => `× ${figure(percentile(latencies, share) / idle)}`;
    return [
      title,
      String(connections),
      `${figure(idle)}, ${times(before, 0.99)}`,
      times(during, 0.5),
      times(during, 0.99),
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

One account with 60,000 sub-accounts sends requests without pause for 10 seconds. Meanwhile another tenant asks for \`{ viewer { sid } }\` on one connection. Its median and 99th percentile are shown as multiples of its median before the attack. Each line has a new gateway, whose budgets are full at first.

${table(columns, rows)}`;
}

/** What the size of the installation does to latencies. */
export function sizesOf({ accounts, questions, megabytes, startMilliseconds, memory }: SizeResults, load: number): string {
  const rows = questions.map(({ title, latencies }) => [
    title,
    ...latencies.map((each) => (each.length === 0 ? '' : `${figure(median(each))}, ${figure(percentile(each, 0.99))}`)),
    latencies.some((each) => each.length === 0) ? '' : `× ${figure(median(latencies.at(-1)!) / median(latencies[0]!))}`,
  ]);
  const facts = [
    ['size of the table of accounts with its indexes, MiB', ...megabytes.map(figure)],
    ['start of the gateway, ms', ...startMilliseconds.map(figure)],
    ['peak memory of the gateway, MiB', ...memory.map(figure)],
  ].map((row) => [...row, '']);
  const sections = [
    `# Results with ${accounts.at(-1)} accounts`,
    `Written by \`npm run bench -- --accounts ${accounts.at(-1)}\`; nothing here is edited by hand. Each question is asked of two gateways in turns, on one connection, over two embedded PostgreSQLs that are sized to the machine (ADR 32). Median and 99th percentile in milliseconds.`,
    `- ${machineOf(load)}\n- Node.js ${process.version}`,
    table(['', ...accounts.map((count) => `${count}: p50, p99`), 'p50'], [...rows, ...facts]),
  ];
  return `${sections.join('\n\n')}\n`;
}

/** What streams of events take. */
export function streamsOf({ idle, busy }: Awaited<ReturnType<typeof measureStreams>>): string {
  const share = (milliseconds: number): string => `${figure(milliseconds / 10)}%`;
  const quantiles = (values: readonly number[]): string[] => [0.5, 0.99, 1].map((each) => milliseconds(percentile(values, each)));
  return table(
    ['streams', 'events a second', 'memory of each', 'processor', 'of PostgreSQL', 'p50', 'p99', 'longest'],
    [
      [
        `${idle.streams} that wait (a small query meanwhile)`,
        '0',
        `${figure(idle.bytesEach / 1024)} KiB`,
        share(idle.processor),
        share(idle.postgres),
        ...quantiles(idle.latencies),
      ],
      ...busy.map(({ title, sentPerSecond, processor, postgres, lags }) => [
        `1000, ${title} (from the change to the event)`,
        figure(sentPerSecond),
        '',
        share(processor),
        share(postgres),
        ...quantiles(lags),
      ]),
    ],
  );
}

/** What deliveries to webhooks take, and what creating an account takes beside them. */
export function webhooksOf({ deliveries, creationBefore, creation }: WebhookResults): string {
  const quantiles = (values: readonly number[]): string => [0.5, 0.99, 1].map((each) => figure(percentile(values, each))).join(', ');
  const delivering = table(
    [
      'webhooks',
      'lag while it is calm: p50, p99, longest, ms',
      'deliveries a second',
      'lag then, ms',
      'came again',
      'ms of processor for each',
      'of PostgreSQL',
    ],
    deliveries.map(({ title, calmLags, rushLags, perSecond, repeated, processor, postgres }) => [
      title,
      quantiles(calmLags),
      figure(perSecond),
      quantiles(rushLags),
      String(repeated),
      figure(processor),
      figure(postgres),
    ]),
  );
  const creating = table(
    ['W1: create an account, without a password, 16 at once', 'req/s', 'Node CPU ms', 'PostgreSQL CPU ms'],
    [['without webhooks', creationBefore] as const, ['with a webhook of each tree, deliveries included', creation] as const].map(
      ([title, measured]) => [
        title,
        spread(measured.samples.map(rateOf)),
        figure(perRequest(measured, 'serverCpu')),
        figure(perRequest(measured, 'postgresCpu')),
      ],
    ),
  );
  return `### D1: deliveries to a thousand webhooks

1,000 trees. Calm: a change every 250 ms. Then changes as fast as they are made, on eight connections. A lag is the time from the entry of the history until the receiver has it. Half of the dead webhooks never answer, half refuse every connection. The gateway makes the changes too.

${delivering}

${creating}`;
}

/** What requests take with several workers on one core, and how much more that is than with one. */
export function workersOf(scenarios: readonly (readonly Measurement[])[]): string {
  return table(
    ['', 'at once', 'req/s', 'Node CPU ms', 'PostgreSQL CPU ms', 'Node CPU : one worker', 'statements'],
    scenarios.flatMap((measured) =>
      measured.map((one) => [
        `${one.scenario.name}, ${one.running.contender.name}`,
        String(one.scenario.concurrency),
        spread(one.samples.map(rateOf)),
        figure(perRequest(one, 'serverCpu')),
        figure(perRequest(one, 'postgresCpu')),
        figure(perRequest(one, 'serverCpu') / perRequest(measured[0]!, 'serverCpu')),
        figure(one.statements),
      ]),
    ),
  );
}

/** The targets, what was measured, and whether it meets them. */
function targetTable(results: Results): string {
  const targets: Target[] = [
    ...ratesAgainst(results, [
      ['R1', 'postgraphile', 1.5],
      ['R1', 'mercurius', 1],
      ['R2', 'postgraphile', 2],
      ['R2', 'mercurius', 2],
      ['R3', 'postgraphile', 1.5],
      ['W1', 'postgraphile', 1],
      ['W1', 'mercurius', 0.7],
      ['R4', 'baseline', 0.6],
      ['P1', 'http-proxy-3', 0.6],
    ]),
    ...cascadeTargets(results.cascades),
    flatness(results.pages),
    linearity(results.growth),
    workers(results.scenarios.get('R1')!),
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

function ratesAgainst({ scenarios }: Results, wanted: readonly [ScenarioName, string, number][]): Target[] {
  return wanted.map(([scenario, other, factor]) => {
    const measured = scenarios.get(scenario)!;
    const { median: middle, least, greatest } = ratioOf(named(measured, 'gateway'), named(measured, other));
    return {
      what: `${scenario}, gateway : ${other}`,
      wanted: `≥ ${factor}`,
      found: `${middle.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})`,
      holds: middle >= factor,
    };
  });
}

function cascadeTargets(cascades: readonly Cascade[]): Target[] {
  return cascades.flatMap(({ scenario, title, accounts, gateway, loop, readersBefore, readersDuring }) => {
    const what = `${scenario}, ${title} ${accounts} accounts`;
    const ratio = median(loop) / median(gateway);
    const growth = percentile(readersDuring, 0.99) / percentile(readersBefore, 0.99);
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

/** From 50 × 50 on: for a small answer, the fixed cost of a request dominates. */
function linearity(growth: Results['growth']): Target {
  const [before, last] = growth.slice(-2).map((measured) => accountsPerSecond(named(measured, 'gateway')));
  const ratio = last! / before!;
  return { what: 'R2, accounts a second, largest : 50 × 50', wanted: '≥ 0.8', found: ratio.toFixed(2), holds: ratio >= 0.8 };
}

function workers(measured: readonly Measurement[]): Target {
  const { median: middle, least, greatest } = ratioOf(named(measured, 'gateway-2-workers'), named(measured, 'gateway'));
  const found = `${middle.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})`;
  return { what: 'R1, WORKERS=2 : one process', wanted: '≥ 1.6', found, holds: middle >= 1.6 };
}

function named(measured: readonly Measurement[], name: string): Measurement {
  return measured.find(({ running }) => running.contender.name === name)!;
}

function widthOf(measured: readonly Measurement[]): number {
  return measured[0]!.scenario.inputs[0]!.width!;
}

function accountsPerSecond({ scenario, samples }: Measurement): number {
  const width = scenario.inputs[0]!.width!;
  return median(samples.map(rateOf)) * (1 + width + width * width);
}

const rateOf = ({ requests, milliseconds: time }: Sample): number => (requests / time) * 1000;

function perRequest({ samples }: Measurement, what: 'serverCpu' | 'postgresCpu'): number {
  return sum(samples.map((sample) => sample[what])) / sum(samples.map(({ requests }) => requests));
}

/** The ratio of one run's rates to another's, round by round: median, minimum and maximum. */
function ratioOf(one: Measurement, other: Measurement): { median: number; least: number; greatest: number } {
  const ratios = one.samples.map((sample, round) => rateOf(sample) / rateOf(other.samples[round]!));
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

/** The value that the given share of the values does not exceed. */
function percentile(values: readonly number[], share: number): number {
  return values.toSorted((one, other) => one - other)[Math.ceil(values.length * share) - 1]!;
}

/** A table in Markdown. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** The median, and the minimum and maximum. */
function spread(values: readonly number[]): string {
  return `${figure(median(values))} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
}

/** A number with three significant digits. */
function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function milliseconds(value: number): string {
  return `${value.toFixed(0)} ms`;
}
