import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect } from 'vitest';
import { spawnGateway } from './gateway-process.js';
import { isAlive } from './is-alive.js';
import { eventually, patience } from './patience.js';

/** How a program ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What it wrote to stderr, line by line. */
  mistakes: string[];
  output: string;
}

/** Runs the program with just this environment and input, to its end; kills it when it has none. */
export async function runGateway(environment: Record<string, string>, args: string[] = [], input = ''): Promise<Ended> {
  const { child, output } = spawnGateway(environment, args, input);
  let stderr = '';
  child.stderr.on('data', (chunk: string) => (stderr += chunk));
  const impatience = setTimeout(() => child.kill('SIGKILL'), patience);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(impatience);
  return { code, signal, mistakes: stderr.split('\n').filter(Boolean), output: output() };
}

/** The processes, ours excepted, that run in the folder or name it: a gateway, its workers, its PostgreSQL, whatever user it runs as. */
export function processesIn(folder: string): string[] {
  const others = process.platform === 'linux' ? linuxProcesses() : posixProcesses();
  return others.filter((line) => line.includes(folder));
}

/** Reads three small files of each process: without waiting, since that takes a sixth of the processor time. */
function linuxProcesses(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.flatMap((pid) => {
    const command = ofProcess(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    if (command === '') return []; // the kernel's own, or dead
    const environment = ofProcess(() => readFileSync(`/proc/${pid}/environ`, 'utf8'));
    const dataDirectory = /(?:^|\0)(DATA_DIR=[^\0]*)/.exec(environment)?.[1] ?? '';
    return `${pid} ${command}(in ${ofProcess(() => readlinkSync(`/proc/${pid}/cwd`))}, ${dataDirectory})`;
  });
}

/** What is read of a process; nothing when it has ended, or is another user's. */
function ofProcess(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function posixProcesses(): string[] {
  return execFileSync('ps', ['-axww', '-o', 'pid=,command='], { encoding: 'utf8' }).split('\n');
}

/** Fails unless the last process in the folder ends. Those found are waited for by their pids, since looking at all processes is dear. */
export async function expectNoProcessIn(folder: string): Promise<void> {
  const found = processesIn(folder);
  if (found.length === 0) return;
  await eventually(() => expect(found.filter((line) => isAlive(pidOf(line)))).toEqual([]), 50);
  await expectNoProcessIn(folder);
}

/** The pid at the start of a line of `processesIn`. */
export function pidOf(line: string): number {
  return Number.parseInt(line, 10);
}

/** Kills, pid by pid, what a failed test left running in its folder. */
export async function killProcessesIn(folder: string): Promise<void> {
  for (const line of processesIn(folder)) {
    try {
      process.kill(pidOf(line), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

/** The memory that a process has in RAM right now, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const kilobytes =
    process.platform === 'linux'
      ? /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]!
      : execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
  return Number(kilobytes) * 1024;
}

/** The pid of the PostgreSQL that a gateway keeps in its data folder. */
export async function postmasterOf(dataDirectory: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDirectory, 'postgres/postmaster.pid'), 'utf8'), 10);
}

/** The database that a gateway keeps in its data folder, beside the gateway. */
export function embeddedUrl(dataDirectory: string): string {
  return `postgresql:///postgres?host=${encodeURIComponent(join(dataDirectory, 'postgres'))}&user=postgres`;
}

/** Runs one statement on a connection of its own, which a crash of the server may break. */
export async function ask<Row extends object = Record<string, any>>(url: string, sql: string, parameters?: unknown[]): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(sql, parameters)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}
