import { AppError } from '../../errors.js';
import type { Slot } from '../../domain/slot.js';

interface Waiter {
  slot: RequestSlot;
  start: () => void;
}

/**
 * The slots for requests that run at the same time (SPEC §10). Each address may hold at most a quarter of them with requests that
 * have not signed in yet. More of those wait, so that a burst from one client is not refused. A request that gave its slot up
 * and wants it back goes before new requests.
 */
export class RequestSlots {
  #taken = 0;
  /** How many slots each address has taken with requests that have not signed in yet. */
  readonly #unauthenticated = new Map<string, number>();
  readonly #unauthenticatedPerAddress: number;
  readonly #returning = new Set<Waiter>();
  readonly #arriving = new Set<Waiter>();

  constructor(
    private readonly limit: number,
    private readonly onRefused: () => void,
  ) {
    this.#unauthenticatedPerAddress = Math.max(1, Math.floor(limit / 4));
  }

  /** The slot of one request from the address. It is not taken yet. */
  slotFor(address: string): RequestSlot {
    return new RequestSlot(this, address);
  }

  /** Takes the slot if one is free. Returns whether it did. */
  tryAcquire(slot: RequestSlot): boolean {
    if (!this.#isFreeFor(slot)) return false;
    this.#taken += 1;
    if (!slot.isSignedIn) this.#countUnauthenticated(slot.address, 1);
    return true;
  }

  /** Refuses a request that could neither take a slot nor wait for one. @throws AppError OVERLOADED */
  assertRoomFor(slot: RequestSlot): void {
    if (this.#isFreeFor(slot)) return;
    if (this.#taken < this.limit && this.#arriving.size < this.limit) return;
    this.onRefused();
    throw new AppError('OVERLOADED', 'Too many requests are running at once. Try again in a second.');
  }

  /** Waits until the request has a slot. @throws AppError OVERLOADED */
  async acquire(slot: RequestSlot, isReturning: boolean): Promise<void> {
    if (!isReturning) this.assertRoomFor(slot);
    await new Promise<void>((start) => (isReturning ? this.#returning : this.#arriving).add({ slot, start }));
  }

  /** Frees the slot of a request and gives it to the next one that waits. */
  release({ address, isSignedIn }: RequestSlot): void {
    this.#taken -= 1;
    if (!isSignedIn) this.#countUnauthenticated(address, -1);
    this.#startWaiting();
  }

  /** Stops counting a request that holds a slot towards the quarter of its address. */
  markSignedIn({ address }: RequestSlot): void {
    this.#countUnauthenticated(address, -1);
    this.#startWaiting();
  }

  #isFreeFor({ address, isSignedIn }: RequestSlot): boolean {
    if (this.#taken >= this.limit) return false;
    return isSignedIn || (this.#unauthenticated.get(address) ?? 0) < this.#unauthenticatedPerAddress;
  }

  #countUnauthenticated(address: string, change: number): void {
    const count = (this.#unauthenticated.get(address) ?? 0) + change;
    if (count === 0) this.#unauthenticated.delete(address);
    else this.#unauthenticated.set(address, count);
  }

  #startWaiting(): void {
    for (const queue of [this.#returning, this.#arriving]) {
      for (const waiter of queue) {
        if (this.#taken >= this.limit) return;
        if (!this.tryAcquire(waiter.slot)) continue;
        queue.delete(waiter);
        waiter.start();
      }
    }
  }
}

/** The slot of one request. It is given up while the request waits for its body or a hash, and freed with its answer. */
export class RequestSlot implements Slot {
  isSignedIn = false;
  #isHeld = false;
  #isFinished = false;

  constructor(
    private readonly slots: RequestSlots,
    /** The network that the request comes from: see `networkOf`. */
    readonly address: string,
  ) {}

  /** Whether the request holds its slot now: it did already, or one was free. */
  tryAcquire(): boolean {
    return (this.#isHeld ||= this.slots.tryAcquire(this));
  }

  /** Waits for a slot. @throws AppError OVERLOADED */
  async acquire(): Promise<void> {
    await this.slots.acquire(this, false);
    this.#isHeld = true;
  }

  async reacquire(): Promise<void> {
    if (this.#isFinished || this.tryAcquire()) return;
    await this.slots.acquire(this, true);
    this.#isHeld = true;
    if (this.#isFinished) this.release();
  }

  release(): boolean {
    if (!this.#isHeld) return false;
    this.#isHeld = false;
    this.slots.release(this);
    return true;
  }

  /** The request has proved who is calling. */
  markSignedIn(): void {
    if (this.isSignedIn) return;
    this.isSignedIn = true;
    if (this.#isHeld) this.slots.markSignedIn(this);
  }

  /** The answer has been made. */
  finish(): void {
    this.#isFinished = true;
    this.release();
  }
}
