import { AppError } from '../errors.js';
import { withoutPlace } from './request-place.js';

export interface TurnLimits {
  /** How many run at once: of all lines, and of one. */
  atOnce: number;
  ofLineAtOnce: number;
  /** How many wait at most: in all lines, and in one. */
  waiting: number;
  waitingOfLine: number;
}

/** Whose turn it is: those of one line share a turn, and in it the line's members take turns. */
export interface Turn {
  line: string;
  member: string;
}

interface Waiting {
  start: () => void;
  refuse: (error: AppError) => void;
}

/** Those who wait in one line, by member; the first member is the next. */
interface Line {
  running: number;
  waiting: number;
  members: Map<string, Waiting[]>;
}

/**
 * Work in turns: round robin between lines, and within a line between its members, so that nobody waits behind all that
 * somebody else has asked for. Who waits holds no place (SPEC §10). When too many wait, the last one of the longest line
 * is refused, which need not be the one that came last.
 */
export class FairQueue {
  /** The first line that waits is the next. */
  readonly #lines = new Map<string, Line>();
  #running = 0;
  #waiting = 0;

  constructor(private readonly limits: TurnLimits) {}

  /** Does the work when it is its turn. @throws AppError OVERLOADED */
  async take<Result>({ line: name, member }: Turn, work: () => Promise<Result>): Promise<Result> {
    let line = this.#lines.get(name);
    if (line === undefined) this.#lines.set(name, (line = { running: 0, waiting: 0, members: new Map() }));
    if (this.#hasRoom(line)) this.#count(line);
    else await withoutPlace(() => this.#wait(name, line, member));
    try {
      return await work();
    } finally {
      line.running -= 1;
      this.#running -= 1;
      this.#forgetIdle(name, line);
      this.#admit();
    }
  }

  #hasRoom({ running }: Line): boolean {
    return this.#running < this.limits.atOnce && running < this.limits.ofLineAtOnce;
  }

  #count(line: Line): void {
    line.running += 1;
    this.#running += 1;
  }

  #forgetIdle(name: string, line: Line): void {
    if (line.running + line.waiting === 0) this.#lines.delete(name);
  }

  async #wait(name: string, line: Line, member: string): Promise<void> {
    if (line.waiting >= this.limits.waitingOfLine || (this.#waiting >= this.limits.waiting && !this.#makeRoomFor(line))) {
      this.#forgetIdle(name, line);
      throw tooMany();
    }
    line.waiting += 1;
    this.#waiting += 1;
    await new Promise<void>((start, refuse) => {
      const others = line.members.get(member);
      if (others === undefined) line.members.set(member, [{ start, refuse }]);
      else others.push({ start, refuse });
    });
  }

  /** Gives what has become free to the lines that wait, each in its turn. */
  #admit(): void {
    for (const [name, line] of this.#lines) {
      if (this.#running >= this.limits.atOnce) return;
      if (line.waiting === 0 || !this.#hasRoom(line)) continue;
      const [member, waiting] = line.members.entries().next().value!;
      const { start } = waiting.shift()!;
      // To the end, behind the others. This loop comes to the line again, after them.
      line.members.delete(member);
      if (waiting.length > 0) line.members.set(member, waiting);
      this.#lines.delete(name);
      this.#lines.set(name, line);
      this.#isGone(line);
      this.#count(line);
      start();
    }
  }

  /** Refuses the last one of the longest line; unless no line is longer than this one would become. Tells whether it did. */
  #makeRoomFor(line: Line): boolean {
    const longest = [...this.#lines.values()].reduce((one, other) => (other.waiting > one.waiting ? other : one));
    if (longest.waiting <= line.waiting + 1) return false;
    const [member, waiting] = [...longest.members].reduce((one, other) => (other[1].length > one[1].length ? other : one));
    const { refuse } = waiting.pop()!;
    if (waiting.length === 0) longest.members.delete(member);
    this.#isGone(longest);
    refuse(tooMany());
    return true;
  }

  #isGone(line: Line): void {
    line.waiting -= 1;
    this.#waiting -= 1;
  }
}

function tooMany(): AppError {
  return new AppError('OVERLOADED', 'More passwords wait to be looked at than this server keeps; try again.');
}
