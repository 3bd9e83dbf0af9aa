import type { Page, PageOf, Position } from '../domain/page.js';
import { type SignedIn, revalidate } from '../domain/actor.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import { pipelined } from '../persistence/connection/pipeline.js';

/** Rows of a list that is read from end to end: enough that statements cost little, few enough to hold for a slow reader. */
export const batchSize = 500;

/** A list that streams. */
export interface StreamedList<Row> {
  /** Holds that the caller may see the list. */
  authorize: (actor: SignedIn) => void;
  read: (repositories: Repositories, page: Page) => Promise<PageOf<Row>>;
  positionOf: (row: Row) => Position;
  /** What the caller is shown of the rows; unless given, the rows as they were read. */
  shown?: (actor: SignedIn, rows: Row[]) => Row[];
}

/**
 * A list, read batch by batch as it is taken. The first one is read at once, so that a refusal comes before any row. With each
 * batch the caller is looked up anew: who is switched off in the midst of a list gets no more of it (SPEC §2).
 * @throws AppError ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED, and what authorizing and reading throw; the iteration too
 */
export async function inBatches<Row>(
  database: Database,
  caller: SignedIn,
  { authorize, read, positionOf, shown = (_actor, rows) => rows }: StreamedList<Row>,
): Promise<AsyncIterable<Row[]>> {
  authorize(caller);
  const next = (from?: Position) =>
    database.read(caller.account, async (repositories) => {
      const page: Page = { size: batchSize, backward: false, from };
      const [now, batch] = await pipelined(repositories.credentials.findForChange(caller.account), read(repositories, page));
      const actor = revalidate(caller, now.caller);
      authorize(actor);
      return { ...batch, rows: shown(actor, batch.rows) };
    });
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
