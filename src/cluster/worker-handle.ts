import type { Worker } from 'node:cluster';
import type { Measured } from '../metrics.js';
import { type Failure, type PrimaryMessages, WorkerFailure, type WorkerMessages, nextMessage } from './messages.js';

/** One worker, as the primary process sees it. */
export class WorkerHandle {
  /** The URL that it listens at. @throws WorkerFailure */
  readonly listening: Promise<string>;
  /** How it ended, for the log. */
  readonly ended: Promise<object>;
  /** Its metrics when it was last asked. */
  measured: Measured = [];
  readonly #startedAt = performance.now();
  readonly #receiving: Promise<true>;
  #isListening = false;
  #unansweredPings = 0;
  #failure: Failure | undefined;
  #measurement: Promise<void> | undefined;

  constructor(private readonly worker: Worker) {
    this.#receiving = nextMessage<WorkerMessages, 'receiving'>(worker, 'receiving');
    this.ended = this.#end();
    this.listening = Promise.race([nextMessage<WorkerMessages, 'url'>(worker, 'url'), this.#fail()]);
    this.listening.then(
      () => (this.#isListening = true),
      // Nobody waits for a worker that was started as a replacement.
      () => {},
    );
    worker.on('message', ({ pong }: Partial<WorkerMessages>) => {
      if (pong) this.#unansweredPings = 0;
    });
    void nextMessage<WorkerMessages, 'failure'>(worker, 'failure').then((failure) => (this.#failure = failure));
  }

  get age(): number {
    return performance.now() - this.#startedAt;
  }

  get pid(): number | undefined {
    return this.worker.process.pid;
  }

  /** Sends messages once the worker receives them. Messages to a worker that has ended are lost. */
  send(messages: Partial<PrimaryMessages>): void {
    void this.#receiving.then(() => this.worker.send(messages, () => {}));
  }

  /** Pings the worker, once it serves. Returns how many pings before this one it has not answered. */
  ping(): number {
    if (!this.#isListening) return 0;
    this.send({ ping: true });
    return this.#unansweredPings++;
  }

  kill(): void {
    this.worker.process.kill('SIGKILL');
  }

  /** Resolves once `measured` is up to date. Calls at the same time share one answer. */
  async measure(): Promise<void> {
    if (!this.#isListening) return;
    this.#measurement ??= this.#requestMeasured();
    await this.#measurement;
  }

  async #requestMeasured(): Promise<void> {
    this.send({ measure: true });
    this.measured = await nextMessage<WorkerMessages, 'measured'>(this.worker, 'measured');
    this.#measurement = undefined;
  }

  async #fail(): Promise<never> {
    const ending = await this.ended;
    const sentence = `The gateway stopped: a worker has ended, ${JSON.stringify(ending)}.`;
    throw new WorkerFailure(this.#failure ?? { sentences: [sentence], exitCode: 1 });
  }

  #end(): Promise<object> {
    const { worker } = this;
    return new Promise((resolve) => {
      const ended = (code: number | null, signal: string | null): void => {
        resolve({ worker: worker.process.pid, code, signal, reasons: this.#failure?.sentences });
      };
      // Its last messages have all arrived only once its channel is closed too.
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
