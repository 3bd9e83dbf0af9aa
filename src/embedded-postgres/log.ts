import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What the gateway's log is told of PostgreSQL's. */
export interface Reporter {
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** How PostgreSQL has to write its log for this: each line with its SQLSTATE, and no row of a table beside it, which may hold hashes. */
export const logSettings = { log_line_prefix: '%m [%p] %e ', log_error_verbosity: 'terse' };

const linePattern = /^\S+ \S+ \S+ \[\d+\] (?<code>\w{5}) (?<severity>[A-Z]+): +(?<message>.*)$/;

/**
 * What changes of accounts run into as a matter of course: rows that exist, locks and time that run out, tables that were changed,
 * clients that go. Whom that concerns is told by the gateway. And the words of a server that is stopping.
 */
const foreseen = ['08', '0A', '23', '25', '40', '55', '57'];

const diskFull = '53100';

/** How large a file of the log becomes before the next one is begun, in bytes; and how many are kept beside the one in use. */
const bounds = { bytes: 10 * 1024 ** 2, kept: 4 };

/**
 * The log of the embedded PostgreSQL: whole in `postgres.log` in the folder, and its warnings and errors in the gateway's. A full
 * file becomes `postgres.log.1`, that one `.2`, and so on; the fifth is removed.
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

  /** Takes one line. Never throws: a disk that is full is told, and does not end the gateway. */
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
    else if (['ERROR', 'FATAL', 'PANIC'].includes(severity) && !foreseen.includes(code.slice(0, 2))) {
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
