import { AppError } from '../../errors.js';
import type { Place } from '../../service/request-place.js';

interface Waiting {
  place: RequestPlace;
  start: () => void;
}

/**
 * The places of the requests that run at once (SPEC §10). Requests that have not signed in yet have a quarter of them for
 * each address, at most; what an address has too many of waits here, so that a burst of one client is not refused. Those
 * who come back to a place go before those who come.
 */
export class Places {
  #taken = 0;
  /** How many of them are taken by who has not signed in yet, by address. */
  readonly #strangers = new Map<string, number>();
  readonly #strangersOfAddress: number;
  readonly #returning = new Set<Waiting>();
  readonly #coming = new Set<Waiting>();

  constructor(
    private readonly atMost: number,
    private readonly onRefused: () => void,
  ) {
    this.#strangersOfAddress = Math.max(1, Math.floor(atMost / 4));
  }

  /** For a request from the address; it holds none until it takes it. */
  of(address: string): RequestPlace {
    return new RequestPlace(this, address);
  }

  /** Whether a place was free, and now is the request's. */
  take(place: RequestPlace): boolean {
    if (!this.#isFreeFor(place)) return false;
    this.#taken += 1;
    if (!place.isSignedIn) this.#countStranger(place.address, 1);
    return true;
  }

  /** Refuses who could neither have a place nor wait for one. @throws AppError OVERLOADED */
  assertRoomFor(place: RequestPlace): void {
    if (this.#isFreeFor(place)) return;
    if (this.#taken < this.atMost && this.#coming.size < this.atMost) return;
    this.onRefused();
    throw new AppError('OVERLOADED', 'More requests are running than this server takes at once; try again.');
  }

  /** Waits until a place is the request's. @throws AppError OVERLOADED */
  async wait(place: RequestPlace, isReturning: boolean): Promise<void> {
    if (!isReturning) this.assertRoomFor(place);
    await new Promise<void>((start) => (isReturning ? this.#returning : this.#coming).add({ place, start }));
  }

  /** Gives the place of a request to whoever waits for one. */
  free({ address, isSignedIn }: RequestPlace): void {
    this.#taken -= 1;
    if (!isSignedIn) this.#countStranger(address, -1);
    this.#admit();
  }

  /** A request that has a place is a stranger's no longer. */
  know({ address }: RequestPlace): void {
    this.#countStranger(address, -1);
    this.#admit();
  }

  #isFreeFor({ address, isSignedIn }: RequestPlace): boolean {
    if (this.#taken >= this.atMost) return false;
    return isSignedIn || (this.#strangers.get(address) ?? 0) < this.#strangersOfAddress;
  }

  #countStranger(address: string, more: number): void {
    const count = (this.#strangers.get(address) ?? 0) + more;
    if (count === 0) this.#strangers.delete(address);
    else this.#strangers.set(address, count);
  }

  #admit(): void {
    for (const queue of [this.#returning, this.#coming]) {
      for (const waiting of queue) {
        if (this.#taken >= this.atMost) return;
        if (!this.take(waiting.place)) continue;
        queue.delete(waiting);
        waiting.start();
      }
    }
  }
}

/** The place of one request: taken as it comes, left while it waits for its body or a hash, freed with its answer. */
export class RequestPlace implements Place {
  isSignedIn = false;
  #isHeld = false;
  #isOver = false;

  constructor(
    private readonly places: Places,
    /** What stands for where the request comes from. */
    readonly address: string,
  ) {}

  /** Whether the request holds a place now, because it did or one was free. */
  take(): boolean {
    return (this.#isHeld ||= this.places.take(this));
  }

  /** Waits for a place. @throws AppError OVERLOADED */
  async wait(): Promise<void> {
    await this.places.wait(this, false);
    this.#isHeld = true;
  }

  async comeBack(): Promise<void> {
    if (this.#isOver || this.take()) return;
    await this.places.wait(this, true);
    this.#isHeld = true;
    if (this.#isOver) this.leave();
  }

  leave(): boolean {
    if (!this.#isHeld) return false;
    this.#isHeld = false;
    this.places.free(this);
    return true;
  }

  /** The request has proved who asks. */
  signIn(): void {
    if (this.isSignedIn) return;
    this.isSignedIn = true;
    if (this.#isHeld) this.places.know(this);
  }

  /** The answer is made. */
  end(): void {
    this.#isOver = true;
    this.leave();
  }
}
