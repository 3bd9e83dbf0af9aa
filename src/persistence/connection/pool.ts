import type { DataSource } from 'typeorm';
import { type Client, drop, takeClient } from './driver.js';

/** The connections of a DataSource, and those of them that are in use. */
export class Pool {
  readonly #inUse = new Set<Client>();

  constructor(private readonly dataSource: DataSource) {}

  /** Does work on a connection, and gives it back. */
  async borrow<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
    const { client, release } = await takeClient(this.dataSource);
    this.#inUse.add(client);
    try {
      return await work(client);
    } finally {
      this.#inUse.delete(client);
      release();
    }
  }

  /** Closes every connection. What still runs is broken off. */
  async close(): Promise<void> {
    for (const client of this.#inUse) drop(client);
    await this.dataSource.destroy();
  }
}
