/** One of the slots for requests that run at the same time (SPEC §10). A request holds it while it runs. */
export interface Slot {
  /** Gives the slot up for a while. Returns whether it was held. */
  release(): boolean;
  /** Takes a slot again as soon as one is free. */
  reacquire(): Promise<void>;
}
