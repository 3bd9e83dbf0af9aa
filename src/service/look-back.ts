/**
 * How far back each look goes before the one before, in milliseconds. Changes are committed in another order than that of their dates,
 * which are taken while the head of a history is locked.
 */
const overlapMilliseconds = 20_000;

/** How often everything is looked at, in milliseconds: for what took longer to commit than that. */
const wholeLookMilliseconds = 300_000;

/**
 * Since when to look for changed histories, for whoever looks again and again. The dates are PostgreSQL's; where its clock was put back,
 * what has changed since then has dates that were looked at before.
 */
export class LookBack {
  #lookedAt: Date | undefined;
  #nextWholeLook = -Infinity;

  /** @param wholeEvery how often everything is looked at, in milliseconds */
  constructor(private readonly wholeEvery = wholeLookMilliseconds) {}

  /**
   * Looks at what has changed since the last look that did not fail. At first, every so often, and after the clock was put back, `find` is
   * called without a date, for everything. Tells too whether the clock was put back between the two looks.
   */
  async look<Found extends { at: Date }>(find: (since: Date | undefined) => Promise<Found>): Promise<Found & { isClockBack: boolean }> {
    const last = this.#lookedAt;
    const isWhole = last === undefined || performance.now() >= this.#nextWholeLook;
    const found = await find(isWhole ? undefined : new Date(last.getTime() - overlapMilliseconds));
    const isClockBack = last !== undefined && found.at < last;
    if (isClockBack) this.#nextWholeLook = -Infinity;
    else if (isWhole) this.#nextWholeLook = performance.now() + this.wholeEvery;
    this.#lookedAt = found.at;
    return { ...found, isClockBack };
  }

  /** The next look is as the first one. */
  restart(): void {
    this.#lookedAt = undefined;
  }
}
