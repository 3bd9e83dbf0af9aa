import DataLoader from 'dataloader';

/** The most keys of one statement. More would make each of them wait longer for all the others. */
const maxBatchSize = 32;

/**
 * A loader for a look-up that every request makes, such as that of its caller. One statement answers all requests that ask in the
 * same turn of the event loop (ADR 24), so the busier the process is, the less each look-up costs. Nothing is cached: every
 * answer is read after it was asked for.
 */
export function crossRequestLoader<Key, Result>(lookUp: (keys: readonly Key[]) => Promise<Result[]>): DataLoader<Key, Result> {
  return new DataLoader(lookUp, { cache: false, maxBatchSize, batchScheduleFn: setImmediate });
}
