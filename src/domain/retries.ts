/** For how many days an event is tried before its endpoint is paused (SPEC §7), and a removal before it is given up (SPEC §6). */
export const triedForDays = 3;

/** The same in milliseconds. */
export const triedForMilliseconds = triedForDays * 86_400_000;

const backoffSeconds = { first: 5, most: 3600 };

/**
 * How long to wait before an event or a removal is tried again, in milliseconds: from 5 seconds, doubled with each failure, to an hour; half
 * of it is left to chance, so that what failed together does not all come back at once. What the receiver asked for counts if it is longer.
 */
export function retryDelay(failures: number, retryAfterSeconds: number | null, random: number): number {
  const backoff = Math.min(backoffSeconds.first * 2 ** Math.min(failures - 1, 20), backoffSeconds.most) * 1000;
  return Math.max(backoff * (0.5 + random / 2), Math.min(retryAfterSeconds ?? 0, backoffSeconds.most) * 1000);
}
