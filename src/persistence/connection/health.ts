import type { DataSource } from 'typeorm';
import { drop } from './driver.js';
import type { Pool } from './pool.js';

/** How the database is: `silent` if it does not answer, `not ready` if it answers but cannot serve, as before its migrations have run. */
export type Condition = 'ready' | 'not ready' | 'silent';

/** How long the server may take to answer until it counts as silent, in milliseconds. */
const patience = 4_000;

/** Asks the database how it is, beside all other work: one connection is kept for that question. */
export class Health {
  #asking: Promise<Condition> | undefined;

  constructor(
    private readonly pool: Pool,
    private readonly dataSource: DataSource,
  ) {}

  /** Those who ask at the same time share one answer. */
  condition(): Promise<Condition> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<Condition> {
    let failed: Condition = 'not ready';
    let timer: NodeJS.Timeout | undefined;
    try {
      return await this.pool.borrow(async (client) => {
        timer = setTimeout(() => {
          failed = 'silent';
          drop(client);
        }, patience);
        const { rows } = await client.query<{ name: string }>('SELECT migration.name FROM migration');
        const names = new Set(rows.map(({ name }) => name));
        return this.dataSource.migrations.every((migration) => names.has(migration.constructor.name)) ? 'ready' : 'not ready';
      });
    } catch (error) {
      return /timeout/i.test((error as Error).message) ? 'silent' : failed;
    } finally {
      clearTimeout(timer);
    }
  }
}
