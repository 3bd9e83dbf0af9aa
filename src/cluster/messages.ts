import cluster from 'node:cluster';
import type { EventEmitter } from 'node:events';
import type { Measured } from '../metrics.js';

/** Whether this process is a worker. */
export const { isWorker } = cluster;

/** Why a process cannot go on: what to tell whoever started it, and the exit code. */
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

/** What the primary process sends to a worker. */
export interface PrimaryMessages {
  databaseUrl: string;
  /** Asks for `measured`. */
  measure: true;
  /** Asks for `pong`. */
  ping: true;
  drain: true;
}

/** What a worker sends to the primary process. */
export interface WorkerMessages {
  /** The worker receives messages from now on. Node.js drops those that come earlier. */
  receiving: true;
  /** The URL that it listens at. */
  url: string;
  measured: Measured;
  pong: true;
  failure: Failure;
}

/** Sends messages from a worker to the primary process. Resolves once they were sent, so that the worker may exit. */
export function sendToPrimary(messages: Partial<WorkerMessages>): Promise<void> {
  return new Promise((resolve) => process.send!(messages, undefined, undefined, () => resolve()));
}

/** The next message of that name. */
export function nextMessage<Messages, Name extends keyof Messages>(channel: EventEmitter, name: Name): Promise<Messages[Name]> {
  return new Promise((resolve) => {
    const listen = (message: Partial<Messages>): void => {
      const value = message[name];
      if (value === undefined) return;
      channel.off('message', listen);
      resolve(value);
    };
    channel.on('message', listen);
  });
}
