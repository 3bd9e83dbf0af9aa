import assert from 'node:assert/strict';
import { Connection, bytesOf } from './http-client.js';
import type { Contender } from './contenders.js';
import { type ServerProcess, processorMilliseconds } from './server-process.js';
import type { Question, Work, WorkName } from './scenarios.js';
import type { World } from './dataset.js';

/** A contender whose server runs. */
export interface Running {
  contender: Contender;
  server: ServerProcess;
}

/** What one slice of time brought. */
export interface Slice {
  requests: number;
  /** From the first request to the last answer. */
  milliseconds: number;
  /** Of each request, in milliseconds. */
  latencies: number[];
  /** Processor time, in milliseconds: of the server, and of all of PostgreSQL. */
  serverCpu: number;
  postgresCpu: number;
}

/** A contender with work to do. */
export interface Entrant {
  one: Running;
  work: Work;
}

/** What an entrant brought. */
export interface Measured extends Entrant {
  /** One a round. */
  slices: Slice[];
  /** For each request. */
  statements: number;
}

export interface Turns {
  rounds: number;
  /** How long a turn takes, in milliseconds. */
  milliseconds: number;
}

/** Those of the contenders that offer the work. */
export function entrantsOf(running: readonly Running[], work: Work): Entrant[] {
  return running.filter(({ contender }) => contender.requests[work.name] !== undefined).map((one) => ({ one, work }));
}

/** So long a program of many thousand lines is compiled and optimized while it works. */
const warmUpMilliseconds = 6_000;

/** Lets the entrants work in turn, for some rounds, after each has counted its statements and become warm. */
export async function takeTurns(entrants: readonly Entrant[], world: World, { rounds, milliseconds }: Turns): Promise<Measured[]> {
  const measured: (Measured & { next: () => Buffer })[] = [];
  for (const entrant of entrants) {
    const next = requestsOf(entrant.one.contender, entrant.work);
    await loadFor(entrant, world, next, Math.max(milliseconds, warmUpMilliseconds));
    measured.push({ ...entrant, next, slices: [], statements: await statementsOf(entrant.one.server, world, next, entrant.work.counted) });
  }
  for (let round = 0; round < rounds; round++) {
    for (const one of measured) one.slices.push(await loadFor(one, world, one.next, milliseconds));
  }
  return measured;
}

/** The requests of a contender, each written once; one after the other, and over again. */
export function requestsOf(contender: Contender, work: Work): () => Buffer {
  const write = contender.requests[work.name]!;
  const bytes = (question: Question): Buffer => bytesOf(write(question), question.caller.authorization);
  if (work.another !== undefined) return () => bytes(work.another!());
  const written = work.questions.map(bytes);
  let number = 0;
  return () => written[number++ % written.length]!;
}

/** Asks for a slice of time, on several connections at once, each of which asks as soon as it was answered. */
async function loadFor(
  { one: { server }, work }: Entrant,
  { postgresPid }: World,
  next: () => Buffer,
  milliseconds: number,
): Promise<Slice> {
  const connections = await Promise.all(Array.from({ length: work.atOnce }, () => Connection.open(server.port)));
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

/** Holds that all contenders answer each question alike, as the first one of them does. */
export async function compareAnswers(running: readonly Running[], works: readonly Work[]): Promise<void> {
  for (const work of works) {
    const those = entrantsOf(running, work).map(({ one }) => one);
    const questions = work.another === undefined ? work.questions : [work.another()];
    const answers = await Promise.all(those.map((one) => answersOf(one, work.name, questions)));
    for (const [index, one] of those.entries()) {
      assert.deepEqual(answers[index], answers[0], `${one.contender.name} answers ${work.name} otherwise than ${those[0]!.contender.name}`);
    }
  }
}

/** Each new account is asked for by one contender only, so each makes it under an address of its own, of which the comparison knows nothing. */
async function answersOf({ contender, server }: Running, work: WorkName, questions: readonly Question[]): Promise<unknown[]> {
  const connection = await Connection.open(server.port);
  const answers: unknown[] = [];
  for (const question of questions) {
    const own =
      question.emailAddress === undefined ? question : { ...question, emailAddress: `${contender.name}.${question.emailAddress}` };
    const answer = await connection.ask(bytesOf(contender.requests[work]!(own), question.caller.authorization));
    assert.equal(answer.status, 200, answer.body);
    answers.push(JSON.parse(JSON.stringify(contender.normal(work, answer)).replaceAll(`${contender.name}.`, '')));
  }
  connection.close();
  return answers;
}

/** How many statements a request takes, of so many that are made one after the other. */
export async function statementsOf(
  { port }: Pick<ServerProcess, 'port'>,
  { query }: World,
  next: () => Buffer,
  requests: number,
): Promise<number> {
  const connection = await Connection.open(port);
  await connection.load(next());
  await query('SELECT pg_stat_statements_reset()');
  for (let number = 0; number < requests; number++) await connection.load(next());
  const [counted] = await query<{ calls: number }>(
    `SELECT coalesce(sum(calls), 0)::float AS calls FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'`,
  );
  connection.close();
  return counted!.calls / requests;
}
