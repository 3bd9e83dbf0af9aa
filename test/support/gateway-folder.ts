import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { type GatewayProcess, type GatewayProcessOptions, copyStartedBefore, startGateway } from './gateway-process.js';
import type { Login } from './graphql-client.js';
import { isAlive } from './is-alive.js';
import { eventually } from './patience.js';
import { expectNoProcessIn, killProcessesIn } from './processes.js';

/** A data folder for each test, in which nothing runs any more once the test has ended. */
export interface GatewayFolder {
  readonly path: string;
  /** Is done after the test, however it ends: the last first, before the folder is looked at and removed. */
  cleanUp(step: () => Promise<unknown>): void;
  /** What a gateway in this folder is given. */
  environment(settings?: Record<string, string>): Record<string, string>;
  /** Puts the data of a gateway that was started before into this folder. */
  startedBefore(): Promise<void>;
  /** Starts a gateway in this folder; whatever happens, it ends with the test. */
  start(options?: GatewayProcessOptions): Promise<GatewayProcess>;
}

/** Makes the folder before each test of the file or group that calls this, and clears up after it. */
export function useGatewayFolder(): GatewayFolder {
  let path: string;
  let steps: (() => Promise<unknown>)[];

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'gateway-'));
    steps = [() => removeFolder(path), () => killProcessesIn(path), () => expectNoProcessIn(path)];
  });
  afterEach(async () => {
    const failures: unknown[] = [];
    for (const step of steps.toReversed()) await step().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be cleaned up');
  });

  return {
    get path() {
      return path;
    },
    cleanUp: (step) => void steps.push(step),
    environment: (settings = {}) => ({
      DATA_DIR: path,
      PORT: '0',
      METRICS_PORT: '0',
      ADMIN_PASSWORD: 'correct horse battery',
      ...settings,
    }),
    startedBefore: () => copyStartedBefore(path),
    async start(options = {}) {
      const gateway = await startGateway({ dataDirectory: path, ...options });
      steps.push(async () => kill(gateway.pid));
      return gateway;
    },
  };
}

/** A gateway, as far as it is known to whoever reads its output. */
export type Running = Pick<GatewayProcess, 'url' | 'output' | 'adminEmail' | 'adminPassword'>;

export function administrator({ adminEmail, adminPassword }: Running): Login {
  return { login: adminEmail, secret: adminPassword };
}

/** It is printed last. */
export async function metricsUrlOf({ output }: Running): Promise<string> {
  const printed = /Metrics +(http\S+)\/metrics/;
  await eventually(() => expect(output()).toMatch(printed));
  return printed.exec(output())![1]!;
}

export function kill(pid: number): void {
  if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGKILL');
}
