import { AsyncLocalStorage } from 'node:async_hooks';

/** One of the slots for requests that run at the same time (SPEC §10). A request holds it while it runs. */
export interface Slot {
  /** Gives the slot up for a while. Returns whether it was held. */
  release(): boolean;
  /** Takes a slot again as soon as one is free. */
  reacquire(): Promise<void>;
}

const currentSlot = new AsyncLocalStorage<Slot>();

/** Runs work that may give the slot up for slow steps: see `withoutSlot`. */
export function withSlot<Result>(slot: Slot, work: () => Result): Result {
  return currentSlot.run(slot, work);
}

/**
 * Runs work that must not hold a slot: waiting in a queue to hash, and hashing. The slot is found by async context, so the
 * code that hashes, deep below a request, needs to know nothing of requests.
 */
export async function withoutSlot<Result>(work: () => Promise<Result>): Promise<Result> {
  const slot = currentSlot.getStore();
  if (slot === undefined || !slot.release()) return work();
  try {
    return await work();
  } finally {
    await slot.reacquire();
  }
}
