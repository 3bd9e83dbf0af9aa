import DataLoader from 'dataloader';

/** The most keys of one statement. More would make each of them wait longer for all the others. */
const maxBatchSize = 32;

/**
 * A loader for a look-up that every request makes, such as that of its caller. One statement answers all requests that ask in the
 * same turn of the event loop (ADR 24), so the busier the process is, the less each look-up costs. Nothing is cached: every
 * answer is read after it was asked for.
 *
 * @param nameOf keys of the same name that are asked for in the same turn are looked up once; without it, each by itself
 */
export function crossRequestLoader<Key, Result>(
  lookUp: (keys: readonly Key[]) => Promise<(Result | Error)[]>,
  nameOf?: (key: Key) => string,
): DataLoader<Key, Result, unknown> {
  if (nameOf === undefined) return new DataLoader(lookUp, { cache: false, maxBatchSize, batchScheduleFn: setImmediate });
  const loader: DataLoader<Key, Result, unknown> = new DataLoader<Key, Result, unknown>(lookUp, {
    cacheKeyFn: nameOf,
    maxBatchSize,
    batchScheduleFn: (dispatch) =>
      setImmediate(() => {
        // Whoever asks from now on is answered by another look-up.
        loader.clearAll();
        dispatch();
      }),
  });
  return loader;
}
