import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Client } from './driver.js';

/** The connections that are timed at present. */
const timers = new WeakMap<Client, BusyTime>();

/**
 * How long PostgreSQL worked on the statements of one connection. Statements that overlap count once, from the start of the first
 * to the end of the last. When this process is busy, it reads answers late; that is not PostgreSQL's time and depends on other
 * requests, so it is subtracted.
 */
class BusyTime {
  #pending = 0;
  #since = 0;
  #milliseconds = 0;

  sent(): void {
    if (this.#pending === 0) this.#since = performance.now();
    this.#pending += 1;
  }

  answered(): void {
    this.#pending -= 1;
    if (this.#pending === 0) this.#milliseconds += this.#elapsed();
  }

  /** The time so far. A statement that was given up counts until now. */
  get milliseconds(): number {
    return this.#milliseconds + (this.#pending > 0 ? this.#elapsed() : 0);
  }

  #elapsed(): number {
    return Math.max(0, performance.now() - this.#since - eventLoopDelay());
  }
}

/** Does work on a connection, and reports how many milliseconds its statements took, whether they failed or not. */
export async function withBusyTime<Result>(
  client: Client,
  report: (milliseconds: number) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  const time = new BusyTime();
  timers.set(client, time);
  try {
    return await work();
  } finally {
    timers.delete(client);
    report(time.milliseconds);
  }
}

/** Starts timing a statement that is being sent on the connection. Returns the function to call when its answer has come. */
export function startStatement(client: Client): () => void {
  const time = timers.get(client);
  time?.sent();
  return () => time?.answered();
}

/** How often the delay is sampled, and for how long a mean of the samples is used; in milliseconds. */
const resolution = 10;
const period = 1000;

const delays = monitorEventLoopDelay({ resolution });
let meanDelay = 0;
let measuredAt = -Infinity;

/** By how much this process has been late lately in handling events: the mean, in milliseconds. */
function eventLoopDelay(): number {
  const now = performance.now();
  if (now - measuredAt >= period) {
    // Without samples there is no mean.
    meanDelay = delays.count === 0 ? 0 : Math.max(0, delays.mean / 1e6 - resolution);
    delays.reset();
    delays.enable();
    measuredAt = now;
  }
  return meanDelay;
}
