import DataLoader from 'dataloader';

/** So many keys are looked up by one statement at most: what it takes for one of them, the others wait for. */
const atOnce = 32;

/**
 * Looks up what every request of a kind needs: for all of them in one statement that ask in the same turn of the event loop
 * (ADR 24). So the more there is to do, the less each of them costs. Nothing is remembered: who asks is answered by a
 * statement that began after the question.
 */
export function crossRequestLoader<Key, Result>(lookUp: (keys: readonly Key[]) => Promise<Result[]>): DataLoader<Key, Result> {
  return new DataLoader(lookUp, { cache: false, maxBatchSize: atOnce, batchScheduleFn: setImmediate });
}
