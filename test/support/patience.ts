import { vi } from 'vitest';

/** Milliseconds that a test waits for what must happen: far more than a busy machine takes, and only where it does not happen. */
export const patience = 120_000;

/** Waits until the check passes, and returns what it returns. */
export function eventually<Value>(check: () => Value | Promise<Value>, interval = 20): Promise<Value> {
  return vi.waitFor(check, { timeout: patience, interval });
}
