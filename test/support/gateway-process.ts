import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { eventually } from './patience.js';

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
  /** Where its data are or will be; without one, it has the data of a gateway that was started before, or a database that `environment` names. */
  dataDirectory?: string;
}

/** What the tests start: the bundle that their set-up has made; without one, as in the tests with a browser, the built program. */
export function program(): string {
  return inject('program') ?? join(import.meta.dirname, '../../dist/src/entry.js');
}

/** Starts the gateway as its users do: a process of its own, an embedded PostgreSQL, a folder for its data. */
export async function startGateway({ environment = {}, ...options }: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'gateway-process-')));
  if (options.dataDirectory === undefined && environment.DATABASE_URL === undefined) await copyStartedBefore(dataDirectory);
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
      await removeFolder(dataDirectory);
    },
  };
}

/**
 * Copies the data of a gateway that was started once and stopped into an empty folder: a first start takes twice the processor time of a
 * later one. Where nothing is shared between tests, as in those with a browser, the folder stays empty.
 */
export async function copyStartedBefore(folder: string): Promise<void> {
  const shared = inject('startedBefore') as string | undefined;
  if (shared === undefined) return;
  const isFirst = await mkdir(`${shared}-begun`).then(
    () => true,
    () => false,
  );
  if (isFirst) await startBefore(shared);
  await eventually(() => access(shared), 50);
  await copyDataDirectory(shared, folder);
}

/** The one start for all tests of a run, which also keeps what V8 compiles for the others (code-cache.cjs). */
async function startBefore(shared: string): Promise<void> {
  const dataDirectory = await mkdtemp(`${shared}-begun/`);
  const gateway = await startGateway({ dataDirectory, environment: { CODE_CACHE: 'write' } });
  await gateway.end('SIGTERM');
  await rename(dataDirectory, shared);
}

/** Copies data into a folder that is empty; owners and permissions stay as they are. */
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
