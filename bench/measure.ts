import assert from 'node:assert/strict';
import { Connection, bytesOf } from './http-client.js';
import type { Contender } from './contenders.js';
import { type ServerProcess, processorMilliseconds } from './server-process.js';
import type { RequestKind, Scenario, ScenarioInput } from './scenarios.js';
import type { Dataset } from './dataset.js';

/** A contender whose server is running. */
export interface RunningContender {
  contender: Contender;
  server: ServerProcess;
}

/** What was measured in one turn. */
export interface Sample {
  requests: number;
  /** From the first request to the last answer. */
  milliseconds: number;
  /** The latency of each request, in milliseconds. */
  latencies: number[];
  /** Processor time, in milliseconds: of the server, and of all of PostgreSQL. */
  serverCpu: number;
  postgresCpu: number;
}

/** A contender with a scenario to run. */
interface ContenderRun {
  running: RunningContender;
  scenario: Scenario;
}

/** The measurement of a run. */
export interface Measurement extends ContenderRun {
  /** One sample for each round. */
  samples: Sample[];
  /** SQL statements for each request. */
  statements: number;
}

export interface Turns {
  rounds: number;
  /** How long a turn takes, in milliseconds. */
  milliseconds: number;
  /** How long each run is warmed up, in milliseconds; by default as long as one process needs. */
  warmUpMilliseconds?: number;
}

/** A run for each contender that supports the scenario. */
export function runsOf(running: readonly RunningContender[], scenario: Scenario): ContenderRun[] {
  return running.filter(({ contender }) => contender.requests[scenario.kind] !== undefined).map((one) => ({ running: one, scenario }));
}

/** How long Node.js goes on compiling and optimizing a program of many thousand lines. */
const enoughToCompile = 6_000;

/** Warms each run up and counts its statements; then measures them in turns, for some rounds. */
export async function measureInTurns(
  runs: readonly ContenderRun[],
  dataset: Dataset,
  { rounds, milliseconds, warmUpMilliseconds = enoughToCompile }: Turns,
): Promise<Measurement[]> {
  const measured: (Measurement & { next: () => Buffer })[] = [];
  for (const run of runs) {
    const next = requestsOf(run.running.contender, run.scenario);
    await loadDuring(run, dataset, next, Math.max(milliseconds, warmUpMilliseconds));
    measured.push({
      ...run,
      next,
      samples: [],
      statements: await countStatements(run.running.server, dataset, next, run.scenario.countedRequests),
    });
  }
  for (let round = 0; round < rounds; round++) {
    for (const one of measured) one.samples.push(await loadDuring(one, dataset, one.next, milliseconds));
  }
  return measured;
}

/** The requests of a contender, one after the other, from the start again after the last. Each is encoded once. */
export function requestsOf(contender: Contender, scenario: Scenario): () => Buffer {
  const write = contender.requests[scenario.kind]!;
  const bytes = (input: ScenarioInput): Buffer => bytesOf(write(input), input.caller.authorization);
  if (scenario.nextInput !== undefined) return () => bytes(scenario.nextInput!());
  const written = scenario.inputs.map(bytes);
  let number = 0;
  return () => written[number++ % written.length]!;
}

/** Sends requests for a while on several connections. Each sends its next request as soon as it has an answer. */
async function loadDuring(
  { running: { server }, scenario }: ContenderRun,
  { postgresPid }: Dataset,
  next: () => Buffer,
  milliseconds: number,
): Promise<Sample> {
  const connections = await Promise.all(Array.from({ length: scenario.concurrency }, () => Connection.open(server.port)));
  const latencies: number[] = [];
  const cpu = (): number[] => [processorMilliseconds(server.pid), processorMilliseconds(postgresPid)];
  const before = cpu();
  const start = performance.now();
  await Promise.all(
    connections.map(async (connection) => {
      for (let asked = start; asked - start < milliseconds;) {
        await connection.load(next());
        const answered = performance.now();
        latencies.push(answered - asked);
        asked = answered;
      }
    }),
  );
  const elapsed = performance.now() - start;
  const [serverCpu, postgresCpu] = cpu().map((time, index) => time - before[index]!);
  for (const connection of connections) connection.close();
  return { requests: latencies.length, milliseconds: elapsed, latencies, serverCpu: serverCpu!, postgresCpu: postgresCpu! };
}

/** Checks that all contenders give the same answer to each input. */
export async function compareAnswers(running: readonly RunningContender[], scenarios: readonly Scenario[]): Promise<void> {
  for (const scenario of scenarios) {
    const those = runsOf(running, scenario).map(({ running: one }) => one);
    const inputs = scenario.nextInput === undefined ? scenario.inputs : [scenario.nextInput()];
    const answers = await Promise.all(those.map((one) => answersOf(one, scenario.kind, inputs)));
    for (const [index, one] of those.entries()) {
      assert.deepEqual(
        answers[index],
        answers[0],
        `${one.contender.name} answers ${scenario.name} differently from ${those[0]!.contender.name}`,
      );
    }
  }
}

/** Contenders create accounts in the same database, so each uses e-mail addresses of its own. The comparison leaves the difference out. */
async function answersOf({ contender, server }: RunningContender, kind: RequestKind, inputs: readonly ScenarioInput[]): Promise<unknown[]> {
  const connection = await Connection.open(server.port);
  const answers: unknown[] = [];
  for (const input of inputs) {
    const own = input.emailAddress === undefined ? input : { ...input, emailAddress: `${contender.name}.${input.emailAddress}` };
    const answer = await connection.ask(bytesOf(contender.requests[kind]!(own), input.caller.authorization));
    assert.equal(answer.status, 200, answer.body);
    answers.push(JSON.parse(JSON.stringify(contender.normalize(kind, answer)).replaceAll(`${contender.name}.`, '')));
  }
  connection.close();
  return answers;
}

/** How many SQL statements a request takes, on average over some requests. */
export async function countStatements(
  { port }: Pick<ServerProcess, 'port'>,
  { query }: Dataset,
  next: () => Buffer,
  requests: number,
): Promise<number> {
  const connection = await Connection.open(port);
  await connection.load(next());
  await query('SELECT pg_stat_statements_reset()');
  for (let number = 0; number < requests; number++) await connection.load(next());
  // Looks for events to deliver come by the clock.
  const [counted] = await query<{ calls: number }>(
    `SELECT coalesce(sum(calls), 0)::float AS calls FROM pg_stat_statements
     WHERE query !~ 'pg_stat_statements|(watching|changed|due) AS MATERIALIZED'`,
  );
  connection.close();
  return counted!.calls / requests;
}
