import type { Database } from '../persistence/connection/database.js';

/** How often old attempts are forgotten, in milliseconds. */
const everyMilliseconds = 3_600_000;

/** How many attempts one statement forgets. */
const batchSize = 5_000;

/** Forgets what came of deliveries after some days (SPEC §7). What was delivered stays known by the places of endpoints, and the history stays whole. */
export class WebhookRetention {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly days: number,
    private readonly onFailed: (error: unknown) => void,
  ) {}

  start(): void {
    const prune = (): void => void this.prune().catch(this.onFailed);
    this.#timer = setInterval(prune, everyMilliseconds);
    prune();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async prune(): Promise<void> {
    let pruned: number;
    do pruned = await this.database.background(({ webhooks }) => webhooks.pruneAttempts(this.days, batchSize));
    while (pruned === batchSize);
  }
}
