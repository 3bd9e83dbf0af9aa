import { expect } from 'vitest';
import type { TestDatabase } from './database.js';
import { eventually } from './patience.js';

/** How many statements wait for a lock in the database right now. */
export async function waitingForLocks({ query }: Pick<TestDatabase, 'query'>): Promise<number> {
  const waiting = await query(`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`);
  return waiting.length;
}

/** Waits until so many statements wait for a lock. */
export async function untilWaitingForLocks(database: Pick<TestDatabase, 'query'>, count = 1): Promise<void> {
  await eventually(async () => expect(await waitingForLocks(database)).toBe(count));
}
