import type { Slot } from '../domain/slot.js';

/**
 * Runs work for which a request must not hold its slot: waiting in a queue to hash, and hashing. Gives the slot up if it is held,
 * and takes one again afterwards.
 */
export async function withoutSlot<Result>(slot: Slot | undefined, work: () => Promise<Result>): Promise<Result> {
  if (slot === undefined || !slot.release()) return work();
  try {
    return await work();
  } finally {
    await slot.reacquire();
  }
}
