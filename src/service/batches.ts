import type { Page, PageOf, Position } from '../domain/page.js';

/** Rows of a list that is read from end to end: enough that statements cost little, few enough to hold for a slow reader. */
export const batchSize = 500;

/** A list, read batch by batch as it is taken. The first one is read at once, so that a refusal comes before any row. */
export async function inBatches<Row>(
  read: (page: Page) => Promise<PageOf<Row>>,
  positionOf: (row: Row) => Position,
): Promise<AsyncIterable<Row[]>> {
  const next = (from?: Position): Promise<PageOf<Row>> => read({ size: batchSize, backward: false, from });
  // The only one that is held: each batch takes the place of the one before.
  let batch = await next();
  return (async function* () {
    for (;;) {
      yield batch.rows;
      if (!batch.hasNextPage) return;
      batch = await next(positionOf(batch.rows.at(-1)!));
    }
  })();
}
