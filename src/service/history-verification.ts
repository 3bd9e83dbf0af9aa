import { type ChainEnd, type Checkpoint, type HistoryEntry, hashOf } from '../domain/history.js';
import type { Sid } from '../domain/sid.js';
import type { Database, Repositories } from '../persistence/connection/database.js';

/** The result of a verification: the first fault, or a checkpoint if there is none. */
export type Verification = { fault: string } | { entries: number; checkpoint: Checkpoint };

/** How many entries one statement reads. */
const batchSize = 5000;

/**
 * Reads the whole history and checks the hash of every entry (SPEC §7). If entries were cut off at the end of a chain, or a whole
 * chain was, only an earlier checkpoint that was kept in another place can reveal it.
 * @throws AppError UNAVAILABLE
 */
export async function verifyHistory(database: Database, earlier?: Checkpoint): Promise<Verification> {
  return database.snapshot((repositories) => verify(repositories, new Map(Object.entries(earlier?.chains ?? {}))));
}

async function verify({ history }: Repositories, earlier: Map<Sid, ChainEnd>): Promise<Verification> {
  const heads = await history.chainEnds();
  const chains: Record<Sid, ChainEnd> = {};
  let treeSid: Sid | undefined;
  let last: ChainEnd = { position: 0, hash: '' };
  let entries = 0;

  // Starts below any valid position, since whoever forges an entry may have dropped the constraints too.
  for (let from = { treeSid: '', position: -1_000_000_000 }; ;) {
    const batch = await history.entriesAfter(from, batchSize);
    for (const entry of batch) {
      if (entry.treeSid !== treeSid) {
        if (treeSid !== undefined) chains[treeSid] = last;
        treeSid = entry.treeSid;
        last = { position: 0, hash: treeSid };
      }
      const fault = faultOf(entry, last, earlier.get(treeSid));
      if (fault !== undefined) return { fault };
      last = { position: entry.position, hash: entry.hash };
    }
    entries += batch.length;
    if (batch.length < batchSize) break;
    from = batch.at(-1)!;
  }
  if (treeSid !== undefined) chains[treeSid] = last;

  const fault = faultOfEnds(chains, heads, earlier) ?? faultOfCounts(await history.miscounted());
  return fault ?? { entries, checkpoint: { date: new Date().toISOString(), chains } };
}

/** What is wrong with an entry, as a sentence without its full stop. @param known the end of its chain at the earlier checkpoint */
function faultOf(entry: HistoryEntry & { treeSid: Sid }, last: ChainEnd, known: ChainEnd | undefined): string | undefined {
  const position = last.position + 1;
  const place = placeOf(entry.treeSid, position);
  if (entry.position !== position) return `${place} is missing`;
  if (!Number.isFinite(Number(entry.date)) || entry.hash !== hashOf(last.hash, entry)) return `${place} is not as it was written`;
  if (known?.position !== position || known.hash === entry.hash) return undefined;
  // The hashes up to here are consistent, so whoever altered an entry computed all later hashes again.
  const range = position === 1 ? '' : `, or one before it,`;
  return `${place} differs from the one at the checkpoint: it${range} was altered, and the entries after it were hashed again`;
}

/** Compares the ends of the chains with the recorded heads and the checkpoint: entries may be missing, or be too many. */
function faultOfEnds(
  chains: Readonly<Record<Sid, ChainEnd>>,
  heads: readonly (ChainEnd & { treeSid: Sid })[],
  earlier: ReadonlyMap<Sid, ChainEnd>,
): { fault: string } | undefined {
  const ends = new Map(heads.map((head) => [head.treeSid, head]));
  for (const [treeSid, { position, hash }] of Object.entries(chains)) {
    const head = ends.get(treeSid);
    if (head === undefined || head.position < position) return { fault: `${placeOf(treeSid, (head?.position ?? 0) + 1)} is one too many` };
    if (head.position === position && head.hash !== hash) return { fault: `${placeOf(treeSid, position)} is not as it was written` };
  }
  for (const [treeSid, { position }] of [...ends, ...earlier]) {
    const found = chains[treeSid]?.position ?? 0;
    if (found < position) return { fault: `${placeOf(treeSid, found + 1)} is missing` };
  }
  return undefined;
}

function faultOfCounts([treeSid]: readonly Sid[]): { fault: string } | undefined {
  if (treeSid === undefined) return undefined;
  return { fault: `The numbers of accounts at the head of the history of ${treeSid} are not those of its accounts` };
}

function placeOf(treeSid: Sid, position: number): string {
  return `Entry ${position} of the history of ${treeSid}`;
}
