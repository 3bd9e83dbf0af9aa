import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';

export interface GatewayProcess {
  url: string;
  adminEmail: string;
  adminPassword: string;
  dataDirectory: string;
  pid: number;
  /** All that it wrote to its output. */
  output: () => string;
  /** Sends the signal and waits for the end; tells the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Ends it cleanly and removes its folder. */
  stop(): Promise<void>;
}

export interface GatewayProcessOptions {
  environment?: Record<string, string>;
  /** The folder of an earlier process, to start again in. */
  dataDirectory?: string;
}

/** What the tests start: the bundle that their set-up has made; without one, as in the tests with a browser, the built program. */
export function program(): string {
  return inject('program') ?? join(import.meta.dirname, '../../dist/src/entry.js');
}

/** Starts the gateway as its users do: a process of its own, an embedded PostgreSQL, a folder for its data. */
export async function startGateway({ environment = {}, ...options }: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'gateway-process-')));
  const adminEmail = 'administrator@company.com';
  const adminPassword = 'correct horse battery';
  const { child, output } = spawnGateway({
    DATA_DIR: dataDirectory,
    PORT: '0',
    METRICS_PORT: '0',
    ADMIN_EMAIL: adminEmail,
    ADMIN_PASSWORD: adminPassword,
    ...environment,
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => {
      const ready = /GraphQL +(http\S+)\/graphql/.exec(output());
      if (ready !== null) resolve(ready[1]!);
    });
    void exited.then(([code]) => reject(new Error(`The gateway ended with ${code}: ${output()}`)));
  });

  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return (await exited)[0];
  };
  return {
    url,
    adminEmail,
    adminPassword,
    dataDirectory,
    pid: child.pid!,
    output,
    end,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) await end('SIGTERM');
      await rm(dataDirectory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

/**
 * A folder with the data of a gateway that was started once and stopped. Copies of it spare each test a first start, which
 * takes half as much processor time again.
 */
export async function prepareDataDirectory(): Promise<string> {
  const gateway = await startGateway();
  await gateway.end('SIGTERM');
  return gateway.dataDirectory;
}

/** Copies prepared data into a folder that is empty; owners and permissions stay as they are. */
export async function copyDataDirectory(prepared: string, folder: string): Promise<void> {
  await promisify(execFile)('cp', ['-pR', `${prepared}/.`, folder]);
}

/** Starts the program with just this environment, and with the input, if any, on its standard input. */
export function spawnGateway(environment: Record<string, string>, args: string[] = [], input = '') {
  const child = spawn(process.execPath, [program(), ...args], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A program that ends without reading it is none of the caller's concern.
  child.stdin.on('error', () => {}).end(input);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return { child, output: () => text };
}
