import { type StreamEntry, type StreamPlace, type StreamScope, eventOperations, everyPart, isWholeChain } from '../../domain/event.js';
import type { Sid } from '../../domain/sid.js';
import { pathRangeEnd, sidsAlong } from '../../domain/tree.js';
import type { Client } from '../connection/driver.js';
import { pipelined } from '../connection/pipeline.js';
import { queryRows } from '../connection/prepared-query.js';
import { pathOf } from './account-sql.js';
import { cascades, creationOf, isUnwritten, partsOfEntry, sidsIn } from './cascade-parts.js';

/** What was read of a stream. */
export interface StreamRead {
  /** How receivers are told the tree who must not learn its SID. */
  alias: string;
  entries: StreamEntry[];
  /** How far it was read: past the last entry, and past those that are not in the stream. */
  end: StreamPlace;
  /** Whether the chain goes on after that. */
  hasMore: boolean;
}

/** The end of a chain, as streams see it. */
export interface StreamHead {
  position: number;
  alias: string;
}

/** How many entries of a chain one statement looks at: a stream may have few of them. */
const windowSize = 2_000;

const events = eventOperations.map((operation) => `'${operation}'`).join(', ');

/** The end of the range of paths of an account alone: every path below it goes on with a hexadecimal digit. */
const ownPathRangeEnd = '0';

/** Reads chains of the history as streams of events (SPEC §7). */
export class EventRepository {
  constructor(private readonly client: Client) {}

  /** The next entries of a stream after a place, at most so many. An account without history has none. */
  async read(scope: StreamScope, after: StreamPlace, limit: number): Promise<StreamRead> {
    const until = Math.min(after.position + windowSize, everyPart);
    const [head, rows] = await pipelined(
      this.endOf(scope.treeSid),
      queryRows<Omit<StreamEntry, 'reached'> & { sids: string | null }>(this.client, ...entriesOf(scope, after, until, limit)),
    );
    const entries = rows.map(({ sids, ...entry }) => ({ ...entry, reached: sids === null ? null : sidsIn(sids) }));
    // Positions are taken in the order of commits: whoever sees one sees all before it.
    const last = entries.at(-1);
    if (entries.length === limit) return { alias: head.alias, entries, end: { position: last!.position, part: last!.part }, hasMore: true };
    const position = Math.max(after.position, Math.min(until, head.position), last?.position ?? 0);
    return { alias: head.alias, entries, end: { position, part: everyPart }, hasMore: position < head.position };
  }

  /** The end of a chain. Every account is in one. */
  async endOf(treeSid: Sid): Promise<StreamHead> {
    const [head] = await queryRows<StreamHead>(
      this.client,
      `SELECT history_head.position, history_head.alias FROM history_head WHERE history_head.tree_sid = $1`,
      [treeSid],
    );
    return head ?? { position: 0, alias: '' };
  }

  /** The ends of the chains that have grown since; without a time, only PostgreSQL's own. */
  async changedSince(since: Date | undefined): Promise<{ at: Date; heads: { treeSid: Sid; position: number }[] }> {
    const rows = await queryRows<{ at: Date; treeSid: Sid | null; position: number }>(
      this.client,
      `SELECT clock.at, history_head.tree_sid AS "treeSid", history_head.position
       FROM (SELECT clock_timestamp()::timestamptz(3) AS at) AS clock LEFT JOIN history_head ON history_head.date >= $1`,
      [since],
    );
    return { at: rows[0]!.at, heads: rows.flatMap(({ treeSid, position }) => (treeSid === null ? [] : [{ treeSid, position }])) };
  }
}

/** The statement that reads the entries of a stream between two positions, and its parameters. */
function entriesOf(scope: StreamScope, after: StreamPlace, until: number, limit: number): [sql: string, parameters: unknown[]] {
  const { account, treeSid, includesBelow } = scope;
  const parameters: unknown[] = [treeSid, after.position, after.part, until, limit];
  const isWhole = isWholeChain(scope);
  if (!isWhole)
    parameters.push(
      account.path,
      account.path + (includesBelow ? pathRangeEnd : ownPathRangeEnd),
      account.sid,
      sidsAlong(account.path).slice(1, -1),
    );
  const isOwn = `subject.path >= $6 AND subject.path < $7`;
  // A version before did not write down whom a cascade reached. Then it may have been every account that there was.
  const mayBeReached = `history.subject_sid = ANY($9) AND history.operation IN (${cascades}) AND ${isUnwritten()}
    AND history.position > ${creationOf('$8', '$1')}`;
  return [
    `SELECT history.position, coalesce(part.number, 1) AS part, part.parts, part.sids, history.date,
            history.actor_sid AS "actorSid", actor.path AS "actorPath", history.operation,
            history.subject_sid AS "subjectSid", subject.path AS "subjectPath", history.request_id AS "requestId",
            history.before, history.after
     FROM history
     LEFT JOIN ${pathOf('history.subject_sid', 'subject')} ON true
     LEFT JOIN ${pathOf('history.actor_sid', 'actor')} ON true
     LEFT JOIN LATERAL (${partsOfEntry(isWhole ? undefined : ['$6', '$7'])}) AS part ON history.operation IN (${cascades})
     WHERE history.tree_sid = $1 AND history.position BETWEEN $2 AND $4
       AND (history.position, coalesce(part.number, 1)) > ($2, $3)
       AND history.operation IN (${events})
       ${isWhole ? '' : `AND (${isOwn} OR part.number IS NOT NULL OR (${mayBeReached}))`}
     ORDER BY history.position, part.number LIMIT $5`,
    parameters,
  ];
}
