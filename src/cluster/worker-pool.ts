import cluster from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Gateway } from '../app.js';
import type { Config } from '../config.js';
import { MetricsServer, MetricsSum } from '../metrics.js';
import { WorkerHandle } from './worker-handle.js';

/** How long a worker has to send its metrics, or to end after it was cut off. In milliseconds. */
const patience = 2_000;

/** How often a worker that serves is pinged, in milliseconds; and after how many unanswered pings it is replaced. */
const heartbeat = { interval: 1_000, missed: 5 };

/** How long to wait before a worker that ended is replaced: twice as long each time, unless it lived for a while. In milliseconds. */
const restartDelays = { shortest: 100, longest: 30_000, resetAfter: 60_000 };

/**
 * The primary process of a cluster: it starts workers that all serve at one port, replaces those that end, and adds up
 * their metrics. It accepts the connections and hands them out in turn, but serves nothing itself.
 *
 * The workers are started immediately, so that they load the program while the database starts. When this process dies, however
 * abruptly, their channel to it closes, and Node.js ends them.
 */
export class WorkerPool implements Gateway {
  readonly #workers = new Set<WorkerHandle>();
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
    // Node.js would end them too, but one that is still starting would first print that it has lost its channel.
    process.once('exit', () => this.#kill());
  }

  /** Opens the metrics port, then sends the workers the URL of the database. In that order, since a worker may make the Super Admin. @throws ConfigError */
  async connectTo(databaseUrl: string): Promise<this> {
    this.#metricsUrl = await this.#metricsServer.listen(this.config);
    this.#databaseUrl = databaseUrl;
    for (const worker of this.#workers) worker.send({ databaseUrl });
    return this;
  }

  /** @throws WorkerFailure unless all workers can start */
  async listen(): Promise<{ url: string; metricsUrl: string }> {
    const workers = [...this.#workers];
    const [url] = await Promise.all(workers.map(({ listening }) => listening));
    for (const worker of workers) void this.#keepReplacing(worker);
    this.#pingWorkers();
    return { url: url!, metricsUrl: this.#metricsUrl };
  }

  /** The workers cut their requests off themselves. Those that do not are killed. */
  cutOff(): void {
    setTimeout(() => this.#kill(), patience).unref();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const worker of this.#workers) worker.send({ drain: true });
    await Promise.all([...this.#workers].map(({ ended }) => ended));
    await this.#metricsServer.close();
  }

  #kill(): void {
    for (const worker of this.#workers) worker.kill();
  }

  #start(): WorkerHandle {
    const worker = new WorkerHandle(cluster.fork());
    if (this.#databaseUrl !== undefined) worker.send({ databaseUrl: this.#databaseUrl });
    this.#workers.add(worker);
    return worker;
  }

  async #keepReplacing(worker: WorkerHandle): Promise<void> {
    for (let pause = restartDelays.shortest; ;) {
      const ending = await worker.ended;
      this.#workers.delete(worker);
      this.#sum.addEnded(worker.measured);
      if (worker.age > restartDelays.resetAfter) pause = restartDelays.shortest;
      if (!this.#closing.signal.aborted) this.log.error({ ...ending, pause }, 'a worker has ended and is being replaced');
      await sleep(pause, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      if (this.#closing.signal.aborted) return;
      pause = Math.min(2 * pause, restartDelays.longest);
      worker = this.#start();
    }
  }

  /**
   * Kills workers that hang: a stopped process is still handed connections, which nobody would serve. Unanswered pings count, not
   * time: when the whole machine was suspended, no worker has missed a ping.
   */
  #pingWorkers(): void {
    const timer = setInterval(() => {
      for (const worker of this.#workers) {
        if (worker.ping() < heartbeat.missed) continue;
        this.log.error({ worker: worker.pid }, 'a worker does not answer and is killed');
        worker.kill();
      }
    }, heartbeat.interval);
    this.#closing.signal.addEventListener('abort', () => clearInterval(timer));
  }

  /** Of a worker that does not answer in time, the last metrics it sent. */
  async #metrics(): Promise<string> {
    await Promise.race([Promise.all([...this.#workers].map((worker) => worker.measure())), sleep(patience, undefined, { ref: false })]);
    return this.#sum.text([...this.#workers].map(({ measured }) => measured));
  }
}
