import type { Page, PageOf, Position } from '../domain/page.js';
import { type SignedIn, revalidate } from '../domain/actor.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import { pipelined } from '../persistence/connection/pipeline.js';

/** How many rows a batch has: enough that the statements cost little, few enough to hold in memory for a slow reader. */
export const batchSize = 500;

/** How a list is read and shown. */
interface StreamedList<Row> {
  /** Holds that the caller may see the list. */
  authorize: (actor: SignedIn) => void;
  read: (repositories: Repositories, page: Page) => Promise<PageOf<Row>>;
  positionOf: (row: Row) => Position;
  /** The rows as the caller is shown them. Default: as they were read. */
  present?: (actor: SignedIn, rows: Row[]) => Row[];
}

/**
 * A list in batches, each read when it is asked for. The first one is read at once, so that a refusal comes before any row. The
 * caller is looked up again with each batch, so that one who is switched off in the middle of a list gets no more (SPEC §2).
 * @throws AppError ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED, and what authorizing and reading throw; the iteration too
 */
export async function inBatches<Row>(
  database: Database,
  caller: SignedIn,
  { authorize, read, positionOf, present = (_actor, rows) => rows }: StreamedList<Row>,
): Promise<AsyncIterable<Row[]>> {
  authorize(caller);
  const next = (from?: Position) =>
    database.read(caller.account, async (repositories) => {
      const page: Page = { size: batchSize, backward: false, from };
      const [now, batch] = await pipelined(repositories.credentials.findForChange(caller.account), read(repositories, page));
      const actor = revalidate(caller, now.caller);
      authorize(actor);
      return { ...batch, rows: present(actor, batch.rows) };
    });
  // Only one batch is in memory at a time.
  let batch = await next();
  return (async function* () {
    for (;;) {
      yield batch.rows;
      if (!batch.hasNextPage) return;
      batch = await next(positionOf(batch.rows.at(-1)!));
    }
  })();
}
