import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The gateway's log. */
interface Reporter {
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Settings for PostgreSQL's log: a SQLSTATE on each line, and no DETAIL lines, which may contain rows with hashes. */
export const logSettings = { log_line_prefix: '%m [%p] %e ', log_error_verbosity: 'terse' };

const linePattern = /^\S+ \S+ \S+ \[\d+\] (?<code>\w{5}) (?<severity>[A-Z]+): +(?<message>.*)$/;

/**
 * Classes of SQLSTATE that are expected: existing rows, locks and timeouts, changed tables, lost clients, and a server that is
 * shutting down. The gateway reports these itself where they matter.
 */
const expectedClasses = ['08', '0A', '23', '25', '40', '55', '57'];

/** The claim of an idempotency key that is in use divides by zero (ADR 42). */
const keyInUse = '22012';

const diskFull = '53100';

/** The size at which a new log file is started, in bytes; and how many old files are kept. */
const bounds = { bytes: 10 * 1024 ** 2, kept: 4 };

/**
 * The log of the embedded PostgreSQL. All of it goes to `postgres.log` in the data folder, warnings and errors also to the
 * gateway's log. A full file becomes `postgres.log.1`, that one `.2`, and so on; the fifth is removed.
 */
export class PostgresLog {
  readonly #path: string;
  #file: number | undefined;
  #bytes = 0;
  #isFailing = false;

  constructor(
    private readonly directory: string,
    private readonly reporter: Reporter,
    private readonly fileBytes = bounds.bytes,
  ) {
    this.#path = join(directory, 'postgres.log');
  }

  /** Adds one line. Never throws: a full disk is reported and does not end the gateway. */
  readonly add = (line: string): void => {
    this.#report(line);
    try {
      this.#write(`${line}\n`);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#reportFailure(error as NodeJS.ErrnoException);
      this.#isFailing = true;
    }
  };

  #report(line: string): void {
    const { code = '', severity = '', message = '' } = linePattern.exec(line)?.groups ?? {};
    const facts = { severity, sqlState: code };
    if (code === diskFull) this.reporter.error(facts, `the disk is full: ${this.directory} has no space left (PostgreSQL: ${message})`);
    else if (severity === 'WARNING') this.reporter.warn(facts, `PostgreSQL: ${message}`);
    else if (['ERROR', 'FATAL', 'PANIC'].includes(severity) && !expectedClasses.includes(code.slice(0, 2)) && code !== keyInUse) {
      this.reporter.error(facts, `PostgreSQL: ${message}`);
    }
  }

  #reportFailure({ code, message }: NodeJS.ErrnoException): void {
    const what = code === 'ENOSPC' ? `the disk is full: ${this.directory} has no space left` : `PostgreSQL's log cannot be written`;
    this.reporter.error({ reason: message }, what);
  }

  #write(text: string): void {
    if (this.#file !== undefined && this.#bytes >= this.fileBytes) this.#rotate();
    if (this.#file === undefined) {
      this.#file = openSync(this.#path, 'a', 0o600);
      this.#bytes = fstatSync(this.#file).size;
    }
    this.#bytes += writeSync(this.#file, text);
  }

  #rotate(): void {
    closeSync(this.#file!);
    this.#file = undefined;
    rmSync(`${this.#path}.${bounds.kept}`, { force: true });
    for (let number = bounds.kept - 1; number >= 0; number--) {
      const from = number === 0 ? this.#path : `${this.#path}.${number}`;
      try {
        renameSync(from, `${this.#path}.${number + 1}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }
}
