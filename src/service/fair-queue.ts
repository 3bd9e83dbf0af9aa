import { AppError } from '../errors.js';
import type { Slot } from '../domain/slot.js';
import { withoutSlot } from './request-slot.js';

export interface FairQueueLimits {
  /** How many run at the same time: in all, and of one group. */
  running: number;
  runningPerGroup: number;
  /** How many may wait: in all, and of one group. */
  waiting: number;
  waitingPerGroup: number;
}

/** For whom work is queued. Groups take turns; within a group, its members do. */
export interface QueueKey {
  group: string;
  member: string;
  /** The slot of the request that waits, which it does not hold meanwhile. */
  slot?: Slot | undefined;
}

interface Waiter {
  start: () => void;
  refuse: (error: AppError) => void;
}

interface Group {
  running: number;
  waiting: number;
  /** Those who wait, by member. The first member is next. */
  members: Map<string, Waiter[]>;
}

/**
 * A fair queue: round robin between groups, and within a group between its members, so that nobody waits behind everything
 * that somebody else has asked for. Waiting holds no request slot (SPEC §10). When too many wait, the last one of the longest group is
 * refused, which need not be the one that came last.
 */
export class FairQueue {
  /** The first group with work that waits is next. */
  readonly #groups = new Map<string, Group>();
  #running = 0;
  #waiting = 0;

  constructor(private readonly limits: FairQueueLimits) {}

  /** Runs the work when its turn comes. @throws AppError OVERLOADED */
  async run<Result>({ group: name, member, slot }: QueueKey, work: () => Promise<Result>): Promise<Result> {
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, (group = { running: 0, waiting: 0, members: new Map() }));
    if (this.#hasRoom(group)) this.#countStarted(group);
    else await withoutSlot(slot, () => this.#wait(name, group, member));
    try {
      return await work();
    } finally {
      group.running -= 1;
      this.#running -= 1;
      this.#removeIfIdle(name, group);
      this.#startWaiting();
    }
  }

  #hasRoom({ running }: Group): boolean {
    return this.#running < this.limits.running && running < this.limits.runningPerGroup;
  }

  #countStarted(group: Group): void {
    group.running += 1;
    this.#running += 1;
  }

  #removeIfIdle(name: string, group: Group): void {
    if (group.running + group.waiting === 0) this.#groups.delete(name);
  }

  async #wait(name: string, group: Group, member: string): Promise<void> {
    if (group.waiting >= this.limits.waitingPerGroup || (this.#waiting >= this.limits.waiting && !this.#makeRoomFor(group))) {
      this.#removeIfIdle(name, group);
      throw queueFull();
    }
    group.waiting += 1;
    this.#waiting += 1;
    await new Promise<void>((start, refuse) => {
      const waiters = group.members.get(member);
      if (waiters === undefined) group.members.set(member, [{ start, refuse }]);
      else waiters.push({ start, refuse });
    });
  }

  /** Starts as many of those who wait as there is room for, one group after the other. */
  #startWaiting(): void {
    for (const [name, group] of this.#groups) {
      if (this.#running >= this.limits.running) return;
      if (group.waiting === 0 || !this.#hasRoom(group)) continue;
      const [member, waiters] = group.members.entries().next().value!;
      const { start } = waiters.shift()!;
      // Behind the other members, and behind the other groups. This loop comes to the group again, after them.
      group.members.delete(member);
      if (waiters.length > 0) group.members.set(member, waiters);
      this.#groups.delete(name);
      this.#groups.set(name, group);
      this.#countLeft(group);
      this.#countStarted(group);
      start();
    }
  }

  /** Refuses the last one of the longest group, unless no group is longer than this one would become. Returns whether it did. */
  #makeRoomFor(group: Group): boolean {
    const longest = [...this.#groups.values()].reduce((one, other) => (other.waiting > one.waiting ? other : one));
    if (longest.waiting <= group.waiting + 1) return false;
    const [member, waiters] = [...longest.members].reduce((one, other) => (other[1].length > one[1].length ? other : one));
    const { refuse } = waiters.pop()!;
    if (waiters.length === 0) longest.members.delete(member);
    this.#countLeft(longest);
    refuse(queueFull());
    return true;
  }

  #countLeft(group: Group): void {
    group.waiting -= 1;
    this.#waiting -= 1;
  }
}

function queueFull(): AppError {
  return new AppError('OVERLOADED', 'Too many sign-ins and password changes are waiting. Try again in a second.');
}
