import { expect } from 'vitest';

/** The milliseconds that this process spends on the work: what else runs on the machine does not count. */
export async function processorTime(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Four times as long takes four times the time, or sixteen times where the time grows by the square: this lies between. */
const growthAllowed = 8;

/** Work on a text, and on one of a quarter of its length. */
export interface LinearWork {
  what: string;
  short: () => unknown;
  long: () => unknown;
}

/** Expects linear time of each, one by one unless all together take less than `negligible`. */
export async function expectLinearTimes(works: readonly LinearWork[], negligible: number): Promise<void> {
  if ((await processorTime(() => Promise.all(works.map(({ long }) => long())))) < negligible) return;
  for (const work of works) await expectLinearTime(work, negligible);
}

/**
 * Fails when work takes more than its share of processor time on something four times as long. What takes less than
 * `negligible` milliseconds may grow as it likes. Of several tries, the quickest counts: collections of garbage, and
 * compilers, only add to it.
 */
export async function expectLinearTime({ what, short, long }: LinearWork, negligible: number): Promise<void> {
  let [ofShort, ofLong] = [Infinity, Infinity];
  for (let tries = 0; tries < 12; tries++) {
    ofLong = Math.min(ofLong, await processorTime(long));
    if (ofLong < negligible) return;
    ofShort = Math.min(ofShort, await processorTime(short));
    if (tries > 1 && ofLong < ofShort * growthAllowed) return;
  }
  expect(ofLong, `${what}: a quarter of it takes ${ofShort} ms`).toBeLessThan(ofShort * growthAllowed);
}
