import { everyPart } from '../../domain/event.js';
import type { RemovalState, ResourceRemoval } from '../../domain/resource-removal.js';
import type { Sid } from '../../domain/sid.js';
import { type Path, sidsAlong, topLevelSidOf } from '../../domain/tree.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';
import { treeBelow } from './account-sql.js';
import { isUnwritten, sidAt, sidsIn } from './cascade-parts.js';
import { furthestDue } from './due-times.js';
import { unnestedKeys } from './key-lists.js';

/** For how long a removal is leased, in seconds: longer than a batch of requests takes, and extended with each. */
const leaseSeconds = 300;

/** A removal that was claimed: what to remove next of a closing. */
export interface ClaimedRemoval {
  treeSid: Sid;
  position: number;
  subresource: string;
  lease: string;
  part: number;
  removed: number;
  failures: number;
  /** Who closed the accounts, and for which request. */
  actorSid: Sid | null;
  requestId: string | null;
  subjectSid: Sid;
}

/** How the removal of one account's resources of one kind stands. */
export interface RemovalOfAccount extends ResourceRemoval {
  accountSid: Sid;
  /** The entry of the history that closed the account. */
  position: number;
}

const isLeased = `resource_removal.tree_sid = $1 AND resource_removal.position = $2 AND resource_removal.subresource = $3 AND resource_removal.lease = $4`;
const leaseOf = ({ treeSid, position, subresource, lease }: ClaimedRemoval): unknown[] => [treeSid, position, subresource, lease];

/** The tables `resource_removal` and `removal_place`. */
export class RemovalRepository {
  constructor(private readonly client: Client) {}

  /**
   * Finds the closings in histories that have grown, and plans the removal of each of the subresources. Every process does this; they
   * plan the same. Returns PostgreSQL's clock.
   * @param since which histories to look at; undefined for all
   */
  async plan(since: Date | undefined, subresources: readonly string[]): Promise<{ at: Date }> {
    const [read] = await queryRows<{ at: Date }>(
      this.client,
      `WITH grown AS MATERIALIZED (
         SELECT history_head.tree_sid, history_head.position, coalesce(removal_place.position, 0) AS searched
         FROM history_head LEFT JOIN removal_place ON removal_place.tree_sid = history_head.tree_sid
         WHERE ($1::timestamptz IS NULL OR history_head.date >= $1) AND coalesce(removal_place.position, 0) < history_head.position
       ), planned AS (
         INSERT INTO resource_removal (tree_sid, position, subresource, due_at)
         SELECT history.tree_sid, history.position, subresource.name, clock_timestamp()
         FROM grown JOIN history ON history.tree_sid = grown.tree_sid AND history.position > grown.searched
           AND history.position <= grown.position AND history.operation = 'closeAccount'
         CROSS JOIN unnest($2::text[]) AS subresource (name)
         ORDER BY 1, 2, 3
         ON CONFLICT DO NOTHING
       ), searched AS (
         INSERT INTO removal_place (tree_sid, position) SELECT grown.tree_sid, grown.position FROM grown ORDER BY grown.tree_sid
         ON CONFLICT (tree_sid) DO UPDATE SET position = greatest(removal_place.position, excluded.position)
       )
       SELECT clock_timestamp()::timestamptz(3) AS at`,
      [since, subresources],
    );
    return read!;
  }

  /** Makes due what a clock that was put back since would have wait until it is there again. */
  async recall(): Promise<void> {
    await queryRows(
      this.client,
      `UPDATE resource_removal SET due_at = clock_timestamp() FROM (
         SELECT resource_removal.tree_sid, resource_removal.position, resource_removal.subresource FROM resource_removal
         WHERE resource_removal.due_at > clock_timestamp() + ${furthestDue} FOR NO KEY UPDATE SKIP LOCKED
       ) AS late
       WHERE resource_removal.tree_sid = late.tree_sid AND resource_removal.position = late.position
         AND resource_removal.subresource = late.subresource`,
    );
  }

  /** Leases a removal of the subresource that is due, if there is one. */
  async claim(subresource: string): Promise<ClaimedRemoval | undefined> {
    const [claimed] = await queryRows<ClaimedRemoval>(
      this.client,
      `WITH due AS MATERIALIZED (
         SELECT resource_removal.tree_sid, resource_removal.position FROM resource_removal
         WHERE resource_removal.due_at <= clock_timestamp() AND resource_removal.subresource = $1
         ORDER BY resource_removal.due_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
       ), claimed AS (
         UPDATE resource_removal SET lease = gen_random_uuid(), due_at = clock_timestamp() + interval '${leaseSeconds} seconds'
         FROM due WHERE resource_removal.tree_sid = due.tree_sid AND resource_removal.position = due.position
           AND resource_removal.subresource = $1
         RETURNING resource_removal.*
       )
       SELECT claimed.tree_sid AS "treeSid", claimed.position, claimed.subresource, claimed.lease::text, claimed.part, claimed.removed,
              claimed.failures, history.actor_sid AS "actorSid", history.request_id AS "requestId", history.subject_sid AS "subjectSid"
       FROM claimed JOIN history ON history.tree_sid = claimed.tree_sid AND history.position = claimed.position`,
      [subresource],
    );
    return claimed;
  }

  /**
   * The accounts of the closing's part that is under way, in the order of the tree; undefined behind the last part. A version before did not
   * write down whom a closing reached: then all that is closed at or below the account is one part.
   */
  async accountsOf({
    treeSid,
    position,
    part,
    subjectSid,
  }: Pick<ClaimedRemoval, 'treeSid' | 'position' | 'part' | 'subjectSid'>): Promise<Sid[] | undefined> {
    const [found] = await queryRows<{ sids: string | null }>(
      this.client,
      `SELECT coalesce(
         (SELECT encode(cascade_part.sids, 'hex') FROM cascade_part
          WHERE cascade_part.tree_sid = $1 AND cascade_part.position = $2 AND cascade_part.part = $3),
         (SELECT string_agg(substr(account.sid, 3), '' ORDER BY account.path)
          FROM account AS subject CROSS JOIN ${treeBelow('subject.path')}
          WHERE $3 = 1 AND subject.sid = $4 AND account.status = 'closed' AND ${isUnwritten('$1', '$2')})
       ) AS sids`,
      [treeSid, position, part, subjectSid],
    );
    return found?.sids ? sidsIn(found.sids) : undefined;
  }

  /** Records how far the removal is, and extends the lease. Returns whether it is still held. */
  async advance(claimed: ClaimedRemoval, part: number, removed: number): Promise<boolean> {
    const advanced = await queryRows(
      this.client,
      `UPDATE resource_removal SET part = $5, removed = $6, failures = 0, failing_since = NULL, last_failure = NULL,
         date_updated = clock_timestamp(), due_at = clock_timestamp() + interval '${leaseSeconds} seconds'
       WHERE ${isLeased} RETURNING 1`,
      [...leaseOf(claimed), part, removed],
    );
    return advanced.length > 0;
  }

  /** Ends the removal. */
  async finish(claimed: ClaimedRemoval, state: RemovalState, lastFailure: string | null = null): Promise<void> {
    await queryRows(
      this.client,
      `UPDATE resource_removal SET state = $5, last_failure = $6, lease = NULL, due_at = NULL, date_updated = clock_timestamp()
       WHERE ${isLeased}`,
      [...leaseOf(claimed), state, lastFailure],
    );
  }

  /** Gives the removal back, to go on after so many milliseconds. */
  async release(claimed: ClaimedRemoval, delay = 0): Promise<void> {
    await queryRows(
      this.client,
      `UPDATE resource_removal SET lease = NULL, due_at = clock_timestamp() + make_interval(secs => $5::double precision / 1000) WHERE ${isLeased}`,
      [...leaseOf(claimed), delay],
    );
  }

  /** Records a failure, and gives the removal back for another try; or gives it up, if it has failed for so many milliseconds. */
  async fail(claimed: ClaimedRemoval, failure: string, delay: number, givenUpAfter: number): Promise<void> {
    await queryRows(
      this.client,
      `UPDATE resource_removal SET failures = resource_removal.failures + 1, last_failure = $5, lease = NULL, date_updated = clock_timestamp(),
         failing_since = coalesce(resource_removal.failing_since, clock_timestamp()),
         state = CASE WHEN ${isTooLate('$7')} THEN 'failed' ELSE resource_removal.state END,
         due_at = CASE WHEN ${isTooLate('$7')} THEN NULL ELSE clock_timestamp() + make_interval(secs => $6::double precision / 1000) END
       WHERE ${isLeased}`,
      [...leaseOf(claimed), failure, delay, givenUpAfter],
    );
  }

  /**
   * How the removals of many closed accounts stand. An account is closed once, so one closing named it; of one that a version before did not
   * write down, all accounts are done together.
   */
  async ofAccounts(accounts: readonly { sid: Sid; path: Path }[]): Promise<RemovalOfAccount[]> {
    return queryRows(
      this.client,
      `SELECT wanted.sid AS "accountSid", closing.position, removal.subresource, removal.date_created AS "dateCreated",
              removal.date_updated AS "dateUpdated", removal.failures, removal.last_failure AS "lastFailure",
              CASE WHEN (removal.part, removal.removed) > (closing.part, closing.before) THEN 'done' ELSE removal.state END AS state
       FROM ${unnestedKeys(4)} AS wanted (sid, tree_sid, path, above)
       CROSS JOIN LATERAL (
         SELECT history.position, coalesce(place.part, 1) AS part, coalesce(place.before, ${everyPart}) AS before
         FROM history LEFT JOIN LATERAL (
           SELECT part.part, start / 16 AS before
           FROM cascade_part AS part CROSS JOIN generate_series(0, octet_length(part.sids) - 16, 16) AS start
           WHERE part.tree_sid = history.tree_sid AND part.position = history.position
             AND wanted.path BETWEEN part.first_path AND part.last_path AND ${sidAt('start')} = wanted.sid
         ) AS place ON true
         WHERE history.tree_sid = wanted.tree_sid AND history.subject_sid = ANY(string_to_array(wanted.above, ' '))
           AND history.operation = 'closeAccount'
           AND (place.part IS NOT NULL OR ${isUnwritten()})
         ORDER BY place.part IS NULL, history.position DESC LIMIT 1
       ) AS closing
       JOIN resource_removal AS removal ON removal.tree_sid = wanted.tree_sid AND removal.position = closing.position
       ORDER BY removal.subresource`,
      [
        accounts.map(({ sid }) => sid),
        accounts.map(({ path }) => topLevelSidOf(path)),
        accounts.map(({ path }) => path),
        accounts.map(({ path }) => sidsAlong(path).join(' ')),
      ],
    );
  }

  /** Has what was given up of a closing be tried again, and returns how many removals. */
  async retry(treeSid: Sid, position: number): Promise<number> {
    const retried = await queryRows(
      this.client,
      `UPDATE resource_removal SET state = 'pending', failures = 0, failing_since = NULL, due_at = clock_timestamp(), date_updated = clock_timestamp()
       WHERE resource_removal.tree_sid = $1 AND resource_removal.position = $2 AND resource_removal.state IN ('failed', 'unsupported') RETURNING 1`,
      [treeSid, position],
    );
    return retried.length;
  }
}

/** Whether a removal has failed for so many milliseconds. */
function isTooLate(milliseconds: string): string {
  return `coalesce(resource_removal.failing_since, clock_timestamp()) <= clock_timestamp() - make_interval(secs => ${milliseconds}::double precision / 1000)`;
}
