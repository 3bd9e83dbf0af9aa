import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that serves HTTP in a process of its own. */
export interface ServerProgram {
  /** The Node.js that runs it. */
  node: string;
  /** Options of Node.js, the file, and its arguments. */
  args: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** The file for its output, including the log. */
  outputFile: string;
}

/** A program is ready when it prints the address at which it listens. */
const readiness = /\bready\b[^]*?http:\/\/127\.0\.0\.1:(\d+)/;

/** A running server process. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    /** The time from the start of the process until it was ready. */
    readonly startMilliseconds: number,
  ) {}

  /** Starts the program with only PATH from our environment, and waits until it is ready. */
  static async start({ node, args, environment, outputFile }: ServerProgram): Promise<ServerProcess> {
    const output = openSync(outputFile, 'w');
    const start = performance.now();
    const child = spawn(node, args, { env: { PATH: process.env.PATH ?? '', ...environment }, stdio: ['ignore', output, output] });
    closeSync(output);
    for (;;) {
      const [, port] = readiness.exec(readFileSync(outputFile, 'utf8')) ?? [];
      if (port !== undefined) return new ServerProcess(child, Number(port), performance.now() - start);
      if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended at once: ${readFileSync(outputFile, 'utf8')}`);
      await sleep(2);
    }
  }

  get pid(): number {
    return this.child.pid!;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
  }
}

/** The CPU time of a process and its descendants, including ended ones, in milliseconds. */
export function processorMilliseconds(pid: number): number {
  const ticks = familyOf(pid).map(({ fields }) => fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0));
  // Linux counts in hundredths of a second on every machine.
  return ticks.reduce((sum, each) => sum + each, 0) * 10;
}

/** The sum of the peak resident memory of a process and its descendants, in MiB. */
export function peakMemory(pid: number): number {
  const peaks = familyOf(pid).map(({ pid: member }) =>
    Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${member}/status`, 'utf8'))?.[1]),
  );
  return peaks.reduce((sum, each) => sum + each, 0) / 1024;
}

/** A process, with the fields of /proc/…/stat after its name. */
interface Member {
  pid: number;
  fields: string[];
}

/** The process and its descendants. */
function familyOf(pid: number): Member[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(memberOf);
  const family = all.filter((member) => member.pid === pid);
  // The list grows while it is walked.
  for (const parent of family) family.push(...all.filter(({ fields }) => Number(fields[1]) === parent.pid));
  return family;
}

/** The process, or an empty list if it has ended meanwhile. */
function memberOf(pid: string): Member[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return [{ pid: Number(pid), fields: stat.slice(stat.lastIndexOf(')') + 2).split(' ') }];
  } catch {
    return [];
  }
}
