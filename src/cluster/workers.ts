import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { App, Gateway } from '../app.js';
import type { Config } from '../config.js';
import { type Measured, MetricsServer, MetricsSum } from '../metrics.js';

/** Why a process could not go on: what to tell whoever started it, and the code to exit with. */
export interface Failure {
  sentences: readonly string[];
  exitCode: number;
}

/** A worker could not start. */
export class WorkerFailure extends Error {
  constructor(readonly failure: Failure) {
    super(failure.sentences.join('\n'));
  }
}

/** What a worker is told by the process that started it. */
interface Orders {
  databaseUrl: string;
  measure: true;
  answer: true;
  drain: true;
}

/** What a worker tells that process. */
interface Reports {
  hears: true;
  url: string;
  measured: Measured;
  answers: true;
  failure: Failure;
}

/** How long a worker has to tell its metrics, or to end once it was cut off. In milliseconds. */
const patience = 2_000;

/** How often a worker that serves is asked whether it answers, in milliseconds; and after how many questions without an answer another one takes its place. */
const heartbeat = { interval: 1_000, missed: 5 };

/** How long the place of a worker stays empty that ended: twice as long each time, unless it had lived for a while. In milliseconds. */
const pauses = { shortest: 100, longest: 30_000, afterLife: 60_000 };

/**
 * Several processes that serve at one port, and this one, which starts them, puts others in the place of those that end,
 * and adds up their metrics. It accepts the connections and hands them out in turn, but serves nothing itself.
 *
 * The workers are started at once, to load the program while the database starts. When this process is gone, however
 * abruptly, its channel to them ends, and Node ends them.
 */
export class Workers implements Gateway {
  readonly #members = new Set<Member>();
  readonly #sum = new MetricsSum();
  readonly #metricsServer = new MetricsServer(() => this.#metrics());
  readonly #closing = new AbortController();
  #databaseUrl: string | undefined;
  #metricsUrl = '';

  constructor(
    private readonly config: Pick<Config, 'workers' | 'host' | 'metricsPort'>,
    private readonly log: Logger,
  ) {
    for (let count = 0; count < config.workers; count++) this.#start();
    // Node ends those that are left as well, but one that only starts would first write that it has lost its channel.
    process.once('exit', () => this.#kill());
  }

  /** Tells the workers which database there is, once the port of the metrics is taken: one of them may make the Super Admin. @throws ConfigError */
  async connectTo(databaseUrl: string): Promise<this> {
    this.#metricsUrl = await this.#metricsServer.listen(this.config);
    this.#databaseUrl = databaseUrl;
    for (const member of this.#members) member.tell({ databaseUrl });
    return this;
  }

  /** @throws WorkerFailure when not all of them can start */
  async listen(): Promise<{ url: string; metricsUrl: string }> {
    const members = [...this.#members];
    const [url] = await Promise.all(members.map(({ listening }) => listening));
    for (const member of members) void this.#keepReplacing(member);
    this.#watch();
    return { url: url!, metricsUrl: this.#metricsUrl };
  }

  /** The workers break off their requests themselves; those that do not are ended. */
  cutOff(): void {
    setTimeout(() => this.#kill(), patience).unref();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const member of this.#members) member.tell({ drain: true });
    await Promise.all([...this.#members].map(({ ended }) => ended));
    await this.#metricsServer.close();
  }

  #kill(): void {
    for (const member of this.#members) member.kill();
  }

  #start(): Member {
    const member = new Member(cluster.fork());
    if (this.#databaseUrl !== undefined) member.tell({ databaseUrl: this.#databaseUrl });
    this.#members.add(member);
    return member;
  }

  async #keepReplacing(member: Member): Promise<void> {
    for (let pause = pauses.shortest; ;) {
      const ending = await member.ended;
      this.#members.delete(member);
      this.#sum.addEnded(member.measured);
      if (member.age > pauses.afterLife) pause = pauses.shortest;
      if (!this.#closing.signal.aborted) this.log.error({ ...ending, pause }, 'a worker has ended; another one takes its place');
      await sleep(pause, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      if (this.#closing.signal.aborted) return;
      pause = Math.min(2 * pause, pauses.longest);
      member = this.#start();
    }
  }

  /**
   * Ends workers that do not answer: a stopped process is still handed connections, which nobody would serve. What counts is how often
   * this process asked, not for how long: when all of them were stopped, as with a machine that sleeps, none has missed anything.
   */
  #watch(): void {
    const timer = setInterval(() => {
      for (const member of this.#members) {
        if (member.beat() < heartbeat.missed) continue;
        this.log.error({ worker: member.pid }, 'a worker does not answer; it is ended');
        member.kill();
      }
    }, heartbeat.interval);
    this.#closing.signal.addEventListener('abort', () => clearInterval(timer));
  }

  /** Of a worker that does not answer, what it said last. */
  async #metrics(): Promise<string> {
    await Promise.race([Promise.all([...this.#members].map((member) => member.measure())), sleep(patience, undefined, { ref: false })]);
    return this.#sum.text([...this.#members].map(({ measured }) => measured));
  }
}

/** One worker, as the process that started it sees it. */
class Member {
  /** The URL that it listens at. @throws WorkerFailure */
  readonly listening: Promise<string>;
  /** How it ended, for the log. */
  readonly ended: Promise<object>;
  /** What it had measured when it was asked last. */
  measured: Measured = [];
  readonly #born = performance.now();
  readonly #hears: Promise<true>;
  #isListening = false;
  #missed = 0;
  #failure: Failure | undefined;
  #question: Promise<void> | undefined;

  constructor(private readonly worker: Worker) {
    this.#hears = heard<Reports, 'hears'>(worker, 'hears');
    this.ended = this.#end();
    this.listening = Promise.race([heard<Reports, 'url'>(worker, 'url'), this.#fail()]);
    this.listening.then(
      () => (this.#isListening = true),
      // Nobody waits for one that was started later.
      () => {},
    );
    worker.on('message', ({ answers }: Partial<Reports>) => {
      if (answers) this.#missed = 0;
    });
    void heard<Reports, 'failure'>(worker, 'failure').then((failure) => (this.#failure = failure));
  }

  get age(): number {
    return performance.now() - this.#born;
  }

  /** Not before it hears: Node throws away what comes earlier. What is told to one that has ended is lost. */
  tell(orders: Partial<Orders>): void {
    void this.#hears.then(() => this.worker.send(orders, () => {}));
  }

  get pid(): number | undefined {
    return this.worker.process.pid;
  }

  /** Asks it whether it answers, once it serves; tells how often it was asked since its last answer, before. */
  beat(): number {
    if (!this.#isListening) return 0;
    this.tell({ answer: true });
    return this.#missed++;
  }

  kill(): void {
    this.worker.process.kill('SIGKILL');
  }

  /** Returns once `measured` is up to date; those who ask at once share one answer. */
  async measure(): Promise<void> {
    if (!this.#isListening) return;
    this.#question ??= this.#askForMeasured();
    await this.#question;
  }

  async #askForMeasured(): Promise<void> {
    this.tell({ measure: true });
    this.measured = await heard<Reports, 'measured'>(this.worker, 'measured');
    this.#question = undefined;
  }

  async #fail(): Promise<never> {
    const ending = await this.ended;
    const sentence = `The gateway stops: a worker has ended, ${JSON.stringify(ending)}.`;
    throw new WorkerFailure(this.#failure ?? { sentences: [sentence], exitCode: 1 });
  }

  #end(): Promise<object> {
    const { worker } = this;
    return new Promise((resolve) => {
      const ended = (code: number | null, signal: string | null): void => {
        resolve({ worker: worker.process.pid, code, signal, reasons: this.#failure?.sentences });
      };
      // Only once its channel has ended, too, has all been heard that it had to say.
      worker.once('exit', (code, signal) => {
        if (worker.isConnected()) worker.once('disconnect', () => ended(code, signal));
        else ended(code, signal);
      });
      worker.on('error', ({ message }) => {
        if (worker.process.pid === undefined) resolve({ reasons: [message] });
      });
    });
  }
}

/** Whether this process is a worker. */
export const { isWorker } = cluster;

/** Serves as one of the workers, until it is told to drain. */
export async function work(createOn: (databaseUrl: string) => Promise<App>, drainMilliseconds: number): Promise<void> {
  const [databaseUrl, drain] = [heard<Orders, 'databaseUrl'>(process, 'databaseUrl'), heard<Orders, 'drain'>(process, 'drain')];
  await report({ hears: true });
  // What starts is left alone when this one is to end.
  const unlessDrained = <Result>(start: Promise<Result>) => Promise.race([start, drain.then(() => undefined)]);
  const app = await unlessDrained(databaseUrl.then(createOn));
  if (app === undefined) return;
  try {
    const url = await unlessDrained(app.open());
    if (url === undefined) return;
    process.on('message', async ({ measure, answer }: Partial<Orders>) => {
      if (answer) await report({ answers: true });
      if (measure) await report({ measured: await app.metrics.measured() });
    });
    await report({ url });
    await drain;
    setTimeout(() => app.cutOff(), drainMilliseconds).unref();
  } finally {
    await app.close();
  }
}

/** Tells the process that started this worker; returns when that was sent, so that this one may end. */
export function report(reports: Partial<Reports>): Promise<void> {
  return new Promise((resolve) => process.send!(reports, undefined, undefined, () => resolve()));
}

/** What the other process tells under the key, the first time from now on. */
function heard<Messages, Key extends keyof Messages>(channel: NodeJS.EventEmitter, key: Key): Promise<Messages[Key]> {
  return new Promise((resolve) => {
    const listen = (message: Partial<Messages>): void => {
      const value = message[key];
      if (value === undefined) return;
      channel.off('message', listen);
      resolve(value);
    };
    channel.on('message', listen);
  });
}
