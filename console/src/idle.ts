/** After how long without use one is signed out, and how long before that one is warned; in milliseconds. */
export interface IdleTimes {
  limit: number;
  warning: number;
}

/** Five minutes, and half a minute. */
export const idleTimes: IdleTimes = { limit: 300_000, warning: 30_000 };

/**
 * How long nobody has used the page. The monotonic clock tells it, which nobody sets. A machine that slept may not have counted that time, so
 * the wall clock counts as well if it says more: setting it forward only signs out early, setting it back does nothing.
 */
export class IdleClock {
  #used = { monotonic: performance.now(), wall: Date.now() };

  use(): void {
    this.#used = { monotonic: performance.now(), wall: Date.now() };
  }

  /** In milliseconds. */
  get idle(): number {
    return Math.max(performance.now() - this.#used.monotonic, Date.now() - this.#used.wall);
  }
}

/** What counts as use. */
export const uses = ['keydown', 'pointerdown', 'wheel', 'touchmove'] as const;
