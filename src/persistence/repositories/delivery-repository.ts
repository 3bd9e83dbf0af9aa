import { type StreamPlace, everyPart } from '../../domain/event.js';
import type { Sid } from '../../domain/sid.js';
import { type Path, sidsAlong } from '../../domain/tree.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';
import { execute } from '../connection/transaction.js';
import { cascades, isUnwritten, sidAt } from './cascade-parts.js';
import { type ClaimedPlace, type DeliveryLimits, type PlaceUnderWay, claimParameters, freePlaces, leaseSeconds } from './delivery-claim.js';
import { furthestDue } from './due-times.js';
import { anyOfList } from './key-lists.js';

/*
 * How events get to endpoints (SPEC §7, ADR 51). Each endpoint has a place in each tree that it is told of. A place with news is due;
 * whoever claims it has it on lease, and sends the tree's events in their order (`delivery-lease-repository.ts`).
 */

/** What a claim got. */
export interface Claimed {
  places: ClaimedPlace[];
  /** Whether more is due than the limits let: of failing places (true), of others (false), or of both. */
  heldBack: boolean[];
}

/** A condition: something of the tree lies behind the place. Of the entry at the place itself, there may be further parts. */
export const isBehind = `(webhook_place.position, webhook_place.part) < (history_head.position, ${everyPart})`;

/** What a search for changed trees found, and where it goes on. */
export interface ChangesRead {
  /** PostgreSQL's clock, before anything was read. */
  at: Date;
  /** Whether there is any endpoint to deliver to. */
  hasWebhooks: boolean;
  /** The trees with places to be marked. */
  treeSids: Sid[];
}

/** The places of the endpoint `$1`, locked in the order in which whoever has some of them on lease does it. */
export const lockedInOrder = (condition = 'true'): string =>
  `SELECT webhook_place.tree_sid FROM webhook_place WHERE webhook_place.webhook_sid = $1 AND ${condition}
   ORDER BY webhook_place.tree_sid FOR NO KEY UPDATE`;

/** The table `webhook_place`, as deliverers use it. */
export class DeliveryRepository {
  constructor(private readonly client: Client) {}

  /**
   * Finds trees that changed since, or at any time, with places to be marked; and those that began since, and for which an endpoint of the
   * root has no place. Of a tree that was seen to already, nothing is found again.
   *
   * `OFFSET 0` has PostgreSQL step through an index for each of those trees. Without it, it may join all trees with all places instead.
   */
  async changesSince(since: Date | undefined): Promise<ChangesRead> {
    const isSince = (date: string): string => `${date} >= coalesce($1::timestamptz, '-infinity')`;
    const [read] = await queryRows<ChangesRead>(
      this.client,
      `WITH watching AS MATERIALIZED (
         SELECT webhook.sid FROM webhook WHERE webhook.is_of_root
       )
       SELECT statement_timestamp()::timestamptz(3) AS at, EXISTS (SELECT FROM webhook WHERE webhook.state = 'enabled') AS "hasWebhooks", ARRAY(
         SELECT history_head.tree_sid FROM history_head
         WHERE ${isSince('history_head.date')} AND EXISTS (SELECT FROM webhook) AND (
           EXISTS (
             SELECT FROM webhook_place JOIN webhook ON webhook.sid = webhook_place.webhook_sid AND webhook.state = 'enabled'
             WHERE webhook_place.tree_sid = history_head.tree_sid AND webhook_place.latest < history_head.position OFFSET 0
           ) OR EXISTS (
             SELECT FROM history WHERE history.tree_sid = history_head.tree_sid AND history.position = 1 AND ${isSince('history.date')} OFFSET 0
           ) AND EXISTS (
             SELECT FROM watching WHERE NOT EXISTS (
               SELECT FROM webhook_place WHERE webhook_place.webhook_sid = watching.sid AND webhook_place.tree_sid = history_head.tree_sid
             ) OFFSET 0
           )
         )
       ) AS "treeSids"`,
      [since ?? null],
    );
    return read!;
  }

  /**
   * Makes the places of trees that have changed due. Of a tree that is new, the endpoints of the root get a place before its first event.
   *
   * Places are locked in their order, since several instances find the same changes. One that is in use is marked all the same: whoever has
   * it sees the news when he gives it back.
   */
  async markChanged(treeSids: readonly Sid[]): Promise<void> {
    await queryRows(
      this.client,
      `WITH changed AS MATERIALIZED (
         SELECT history_head.tree_sid, history_head.position FROM history_head
         WHERE history_head.tree_sid = ${anyOfList} AND EXISTS (SELECT FROM webhook)
       ), watching AS (
         SELECT webhook.sid, webhook.state FROM webhook WHERE webhook.is_of_root FOR KEY SHARE SKIP LOCKED
       ), added AS (
         INSERT INTO webhook_place (webhook_sid, tree_sid, position, part, latest, due_at)
         SELECT watching.sid, changed.tree_sid, 0, 0, changed.position, CASE WHEN watching.state = 'enabled' THEN clock_timestamp() END
         FROM watching CROSS JOIN changed
         WHERE NOT EXISTS (
           SELECT FROM webhook_place WHERE webhook_place.webhook_sid = watching.sid AND webhook_place.tree_sid = changed.tree_sid
         )
         ON CONFLICT DO NOTHING
       ), outdated AS MATERIALIZED (
         SELECT webhook_place.webhook_sid, webhook_place.tree_sid, changed.position
         FROM changed JOIN webhook_place ON webhook_place.tree_sid = changed.tree_sid AND webhook_place.latest < changed.position
         JOIN webhook ON webhook.sid = webhook_place.webhook_sid AND webhook.state = 'enabled'
         ORDER BY webhook_place.webhook_sid, webhook_place.tree_sid FOR NO KEY UPDATE OF webhook_place
       )
       UPDATE webhook_place SET latest = greatest(webhook_place.latest, outdated.position), due_at = coalesce(webhook_place.due_at, clock_timestamp())
       FROM outdated WHERE webhook_place.webhook_sid = outdated.webhook_sid AND webhook_place.tree_sid = outdated.tree_sid`,
      [treeSids],
    );
  }

  /** Makes due what a clock that was put back since would have wait until it is there again. */
  async recall(): Promise<void> {
    await queryRows(
      this.client,
      `UPDATE webhook_place SET due_at = clock_timestamp() FROM (
         SELECT webhook_place.webhook_sid, webhook_place.tree_sid FROM webhook_place
         WHERE webhook_place.due_at > clock_timestamp() + ${furthestDue} FOR NO KEY UPDATE SKIP LOCKED
       ) AS late
       WHERE webhook_place.webhook_sid = late.webhook_sid AND webhook_place.tree_sid = late.tree_sid`,
      [],
    );
  }

  /** Leases places that are due, as many as the limits leave room for. No instance waits for another one. */
  async claim(limits: DeliveryLimits, underWay: readonly PlaceUnderWay[]): Promise<Claimed> {
    const rows = await queryRows<{ heldBack: boolean[] } & (ClaimedPlace | { webhookSid: null })>(
      this.client,
      `WITH RECURSIVE ${freePlaces}, claimed AS (
         UPDATE webhook_place SET lease = gen_random_uuid(), due_at = clock_timestamp() + interval '${leaseSeconds} seconds' FROM free
         WHERE webhook_place.webhook_sid = free.webhook_sid AND webhook_place.tree_sid = free.tree_sid
         RETURNING webhook_place.webhook_sid, webhook_place.tree_sid, webhook_place.lease, webhook_place.position, webhook_place.part,
                   webhook_place.failures, free.latest, free.owner_sid, free.is_failing
       ), held_back AS (
         SELECT array_agg(DISTINCT due.is_failing) AS kinds FROM due
         WHERE NOT EXISTS (SELECT FROM free WHERE free.webhook_sid = due.webhook_sid AND free.tree_sid = due.tree_sid)
       )
       SELECT coalesce(held_back.kinds, '{}') AS "heldBack", claimed.webhook_sid AS "webhookSid", claimed.tree_sid AS "treeSid",
              claimed.owner_sid AS "ownerSid", claimed.is_failing AS "isFailing", claimed.lease::text, claimed.position, claimed.part,
              claimed.failures, claimed.latest, webhook.url, webhook.types, webhook.version AS "webhookVersion", webhook.secret,
              CASE WHEN webhook.previous_secret_expires_at > clock_timestamp() THEN webhook.previous_secret END AS "previousSecret",
              json_build_object('sid', account.sid, 'path', account.path, 'parentSid', account.parent_sid, 'status', account.status,
                                'role', account.role, 'version', account.version) AS account
       FROM held_back LEFT JOIN (
         claimed JOIN webhook ON webhook.sid = claimed.webhook_sid JOIN account ON account.sid = webhook.account_sid
       ) ON true`,
      claimParameters(limits, underWay),
    );
    const places = rows.filter((row) => row.webhookSid !== null);
    return { places, heldBack: rows[0]!.heldBack };
  }

  /** The position of the last change of status that reached the account; 0 if there was none. */
  async lastStatusChange(treeSid: Sid, account: { sid: Sid; path: Path }): Promise<number> {
    const [row] = await queryRows<{ position: number }>(
      this.client,
      `SELECT history.position FROM history
       WHERE history.tree_sid = $1 AND history.subject_sid = ANY($2) AND history.operation IN (${cascades})
         AND history.operation <> 'migrateAccount'
         AND (
           EXISTS (
             SELECT FROM cascade_part AS part, generate_series(0, octet_length(part.sids) - 16, 16) AS start
             WHERE part.tree_sid = history.tree_sid AND part.position = history.position
               AND $3 BETWEEN part.first_path AND part.last_path AND ${sidAt('start')} = $4
           )
           OR ${isUnwritten()}
         )
       ORDER BY history.position DESC LIMIT 1`,
      [treeSid, sidsAlong(account.path), account.path, account.sid],
    );
    return row?.position ?? 0;
  }

  /** Makes the places of the endpoint due that have something to deliver, whatever they waited for: all, or that of one tree. In a transaction. */
  resume(webhookSid: Sid, treeSid?: Sid): void {
    execute(
      this.client,
      `UPDATE webhook_place SET latest = history_head.position, failures = 0, failing_since = NULL, lease = NULL,
         due_at = CASE WHEN ${isBehind} THEN clock_timestamp() END
       FROM (${lockedInOrder('($2::text IS NULL OR webhook_place.tree_sid = $2)')}) AS held
       JOIN history_head ON history_head.tree_sid = held.tree_sid
       WHERE webhook_place.webhook_sid = $1 AND webhook_place.tree_sid = held.tree_sid`,
      [webhookSid, treeSid ?? null],
    );
  }

  /** Takes back all leases of the endpoint; nothing of it is due until it is resumed. In a transaction. */
  stop(webhookSid: Sid): void {
    execute(
      this.client,
      `UPDATE webhook_place SET lease = NULL, due_at = NULL FROM (${lockedInOrder()}) AS held
       WHERE webhook_place.webhook_sid = $1 AND webhook_place.tree_sid = held.tree_sid`,
      [webhookSid],
    );
  }

  /** Moves the endpoint's place in a tree to another event, and takes it from whoever has it. Whether there is such a place. In a transaction. */
  async moveTo(webhookSid: Sid, treeSid: Sid, place: StreamPlace): Promise<boolean> {
    const moved = await queryRows(
      this.client,
      `UPDATE webhook_place SET position = $3, part = $4 WHERE webhook_place.webhook_sid = $1 AND webhook_place.tree_sid = $2 RETURNING 1`,
      [webhookSid, treeSid, place.position, place.part],
    );
    return moved.length > 0;
  }

  /** Moves the endpoint's places in all trees to before what happened from the date on. In a transaction. */
  moveToDate(webhookSid: Sid, date: Date): void {
    execute(
      this.client,
      `UPDATE webhook_place SET part = ${everyPart}, position = coalesce((
         SELECT history.position FROM history WHERE history.tree_sid = webhook_place.tree_sid AND history.date < $2
         ORDER BY history.position DESC LIMIT 1
       ), 0)
       FROM (${lockedInOrder()}) AS held WHERE webhook_place.webhook_sid = $1 AND webhook_place.tree_sid = held.tree_sid`,
      [webhookSid, date],
    );
  }

  /** The endpoint's place in a tree. */
  async placeIn(webhookSid: Sid, treeSid: Sid): Promise<StreamPlace | undefined> {
    const [place] = await queryRows<StreamPlace>(
      this.client,
      `SELECT webhook_place.position, webhook_place.part FROM webhook_place WHERE webhook_place.webhook_sid = $1 AND webhook_place.tree_sid = $2`,
      [webhookSid, treeSid],
    );
    return place;
  }

  /** The tree that the endpoint is told of as so, by its SID or its alias, with its last position. */
  async treeToldAs(webhookSid: Sid, tree: string): Promise<{ treeSid: Sid; latest: number } | undefined> {
    const [found] = await queryRows<{ treeSid: Sid; latest: number }>(
      this.client,
      `SELECT webhook_place.tree_sid AS "treeSid", history_head.position AS latest FROM webhook_place JOIN history_head ON history_head.tree_sid = webhook_place.tree_sid
       WHERE webhook_place.webhook_sid = $1 AND (webhook_place.tree_sid = $2 OR history_head.alias::text = $2)`,
      [webhookSid, tree],
    );
    return found;
  }
}
