/** Lets commands wait for a request to stop, and abandon what they are doing when it comes. */
export class Shutdown {
  /** Resolves with the first signal that asked the program to stop. */
  readonly requested: Promise<NodeJS.Signals>;
  readonly #controller = new AbortController();
  #resolve!: (signal: NodeJS.Signals) => void;

  constructor() {
    this.requested = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Aborted by the first request to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  request(signal: NodeJS.Signals): void {
    this.#controller.abort();
    this.#resolve(signal);
  }

  /** The result of the work. If a request to stop comes first, the work is abandoned. @throws the signal's AbortError */
  unlessRequested<Result>(work: Promise<Result>): Promise<Result> {
    return Promise.race([
      work,
      this.requested.then(() => {
        throw this.signal.reason as Error;
      }),
    ]);
  }
}
