import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Client } from './driver.js';

/** Those that are timed at present. */
const timers = new WeakMap<Client, BusyTime>();

/**
 * How long PostgreSQL worked on the statements of one connection. Statements that are sent together count once, from the
 * first one's start to the last one's end. What this process was late in reading an answer is not PostgreSQL's time, and
 * grows by what others ask for; so that is taken off each time.
 */
class BusyTime {
  #underWay = 0;
  #since = 0;
  #milliseconds = 0;

  sent(): void {
    if (this.#underWay === 0) this.#since = performance.now();
    this.#underWay += 1;
  }

  answered(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#milliseconds += this.#elapsed();
  }

  /** So far; a statement that was given up counts until now. */
  get milliseconds(): number {
    return this.#milliseconds + (this.#underWay > 0 ? this.#elapsed() : 0);
  }

  #elapsed(): number {
    return Math.max(0, performance.now() - this.#since - lateness());
  }
}

/** Does work on a connection, and tells how many milliseconds its statements took; failed ones too. */
export async function timed<Result>(client: Client, told: (milliseconds: number) => void, work: () => Promise<Result>): Promise<Result> {
  const time = new BusyTime();
  timers.set(client, time);
  try {
    return await work();
  } finally {
    timers.delete(client);
    told(time.milliseconds);
  }
}

/** The statement that is sent on the connection now; calls back when its answer has come. */
export function timeStatement(client: Client): () => void {
  const time = timers.get(client);
  time?.sent();
  return () => time?.answered();
}

/** How often this process looks whether it is late, and for how long it goes by what it found; in milliseconds. */
const resolution = 10;
const memory = 1000;

const delays = monitorEventLoopDelay({ resolution });
let lateBy = 0;
let measuredAt = -Infinity;

/** How late this process has been lately in doing what it was called for: the mean, in milliseconds. */
function lateness(): number {
  const now = performance.now();
  if (now - measuredAt >= memory) {
    // Before it has measured anything, it has no mean.
    lateBy = delays.count === 0 ? 0 : Math.max(0, delays.mean / 1e6 - resolution);
    delays.reset();
    delays.enable();
    measuredAt = now;
  }
  return lateBy;
}
