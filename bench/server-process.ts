import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that serves HTTP in a process of its own. */
export interface ServerProgram {
  /** The Node.js that runs it. */
  node: string;
  /** Options of Node.js, the file, then its arguments. */
  args: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** Where its output goes, log and all. */
  outputFile: string;
}

/** A program that says where it listens is ready; what it says before the address does not matter. */
const readiness = /\bready\b[^]*?http:\/\/127\.0\.0\.1:(\d+)/;

/** A running server, and what it uses of the machine. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    /** From the start of the process until it said that it is ready. */
    readonly startMilliseconds: number,
  ) {}

  /** Starts the program, with nothing of our environment but PATH, and waits until it is ready. */
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

/** The processor time that a process, all below it and all that ended below it have used, in milliseconds. */
export function processorMilliseconds(pid: number): number {
  const ticks = familyOf(pid).map(({ fields }) => fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0));
  // Linux counts in hundredths of a second, on every machine.
  return ticks.reduce((sum, each) => sum + each, 0) * 10;
}

/** The most memory that a process and those below it have had resident at once, each for itself, in MiB. */
export function peakMemory(pid: number): number {
  const peaks = familyOf(pid).map(({ pid: member }) =>
    Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${member}/status`, 'utf8'))?.[1]),
  );
  return peaks.reduce((sum, each) => sum + each, 0) / 1024;
}

/** What /proc/…/stat has of a process, after its name. */
interface Member {
  pid: number;
  fields: string[];
}

/** The process and all below it. */
function familyOf(pid: number): Member[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(memberOf);
  const family = all.filter((member) => member.pid === pid);
  // It grows while it is walked.
  for (const parent of family) family.push(...all.filter(({ fields }) => Number(fields[1]) === parent.pid));
  return family;
}

/** Nothing of a process that ended meanwhile. */
function memberOf(pid: string): Member[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return [{ pid: Number(pid), fields: stat.slice(stat.lastIndexOf(')') + 2).split(' ') }];
  } catch {
    return [];
  }
}
