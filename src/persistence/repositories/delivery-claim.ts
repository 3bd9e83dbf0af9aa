import type { AccountStatus, Role } from '../../domain/account.js';
import type { StreamPlace } from '../../domain/event.js';
import type { Sid } from '../../domain/sid.js';
import type { Path } from '../../domain/tree.js';
import type { Webhook } from '../../domain/webhook.js';

/*
 * Which places a process claims next (ADR 51). Two kinds of place share nothing: those that a receiver is expected to accept, and failing
 * ones, whose last attempt or whose endpoint's last attempt failed, or whose receiver has not answered for a while. So receivers that hang are
 * waited for where nobody else waits.
 */

/** How much one process delivers at the same time. */
export interface DeliveryLimits {
  /** Places of all endpoints together that are not failing; and failing ones, beside those. */
  atOnce: number;
  failingAtOnce: number;
  /** Places of one endpoint that are not failing. Of those that are, it has one at a time. */
  perWebhook: number;
  /** After how many milliseconds without an answer a place counts as failing, and how many do so at most. */
  slowAfter: number;
  slowAtOnce: number;
}

/** A place that is being delivered, as it counts towards the limits. */
export interface PlaceUnderWay {
  webhookSid: Sid;
  /** The tree of the account that the endpoint belongs to. */
  ownerSid: Sid;
  /** Whether it was failing when it was claimed, or is slow. */
  isFailing: boolean;
  /** Whether its request has had no answer for long. */
  isSlow?: boolean;
}

/** For how long a place is leased, in seconds: longer than one delivery can take, and extended with each. */
export const leaseSeconds = 60;

/** A place that was claimed, with its endpoint and the endpoint's account as they are now. */
export interface ClaimedPlace extends StreamPlace, PlaceUnderWay {
  treeSid: Sid;
  lease: string;
  failures: number;
  /** The last position of the tree that was known when the endpoint's account was read. */
  latest: number;
  url: string;
  types: Webhook['types'];
  webhookVersion: number;
  secret: Buffer;
  /** Null unless it is still valid. */
  previousSecret: Buffer | null;
  account: { sid: Sid; path: Path; parentSid: Sid | null; status: AccountStatus; role: Role; version: number };
}

/** Due times are kept to the millisecond, so one may be rounded to half of one from now. */
const rounding = `interval '1 millisecond'`;

/**
 * CTEs that find the first places of each endpoint that are due, by two steps of an index for each endpoint that has any which is not idle:
 * one to the next endpoint, one to its places. However many places an endpoint has, it takes no longer.
 */
function firstDue(name: string, failures: '= 0' | '> 0', atMost: string): string {
  const isBusy = `webhook_place.due_at IS NOT NULL AND webhook_place.failures ${failures}`;
  return `${name}_endpoint (sid) AS (
      SELECT min(webhook_place.webhook_sid) FROM webhook_place WHERE ${isBusy}
      UNION ALL
      SELECT (SELECT min(webhook_place.webhook_sid) FROM webhook_place WHERE ${isBusy} AND webhook_place.webhook_sid > ${name}_endpoint.sid)
      FROM ${name}_endpoint WHERE ${name}_endpoint.sid IS NOT NULL
    ), ${name} AS (
      SELECT place.* FROM ${name}_endpoint CROSS JOIN LATERAL (
        SELECT webhook_place.webhook_sid, webhook_place.tree_sid, webhook_place.due_at, webhook_place.latest, webhook_place.failures
        FROM webhook_place WHERE webhook_place.webhook_sid = ${name}_endpoint.sid
          AND webhook_place.failures ${failures} AND webhook_place.due_at <= statement_timestamp() + ${rounding}
        ORDER BY webhook_place.due_at LIMIT ${atMost}
      ) AS place
    )`;
}

/**
 * CTEs up to `free`: the places that may be claimed now, locked. Others that are due are in `due` only.
 *
 * A place's turn is its number among those of its endpoint, and its owner's turn that among those of the owner's tree, each counted on from
 * those that are under way. Trees are served in turn. As with connections (ADR 30), a tree gets one more only while more are free than it
 * has: so a tree that is alone has half of all, and there is room for another before it comes.
 *
 * `$1` and `$2` are how many may be under way, failing ones second; `$3` of one endpoint; `$4` to `$6` what is under way; `$7` the endpoints
 * that are slow to answer.
 */
export const freePlaces = `
  under_way AS MATERIALIZED (
    SELECT place.webhook_sid, place.owner_sid, place.is_failing
    FROM unnest($4::text[], $5::text[], $6::boolean[]) AS place (webhook_sid, owner_sid, is_failing)
  ), of_endpoint AS (
    SELECT under_way.webhook_sid, under_way.is_failing, count(*) FROM under_way GROUP BY 1, 2
  ), of_owner AS (
    SELECT under_way.owner_sid, under_way.is_failing, count(*) FROM under_way GROUP BY 1, 2
  ), ${firstDue('fresh', '= 0', '$3::integer + 1')}, ${firstDue('retried', '> 0', '2')}, first_due AS MATERIALIZED (
    SELECT fresh.* FROM fresh UNION ALL SELECT retried.* FROM retried
  ), endpoint AS MATERIALIZED (
    -- Only endpoints of the root have several places. Of the others, the place itself tells whether the last attempt failed.
    SELECT webhook.sid, webhook.tree_sid, webhook.is_of_root AND (webhook.sid = ANY ($7::text[]) OR coalesce((
      SELECT webhook_attempt.failure IS NOT NULL FROM webhook_attempt
      WHERE webhook_attempt.webhook_sid = webhook.sid ORDER BY webhook_attempt.id DESC LIMIT 1
    ), false)) AS is_failing
    FROM webhook WHERE webhook.state = 'enabled' AND webhook.sid IN (SELECT first_due.webhook_sid FROM first_due)
  ), due AS MATERIALIZED (
    SELECT first_due.*, endpoint.tree_sid AS owner_sid, endpoint.is_failing OR first_due.failures > 0 AS is_failing
    FROM first_due JOIN endpoint ON endpoint.sid = first_due.webhook_sid
  ), by_endpoint AS (
    SELECT due.*, coalesce(of_endpoint.count, 0) + row_number() OVER (PARTITION BY due.webhook_sid, due.is_failing ORDER BY due.due_at) AS turn
    FROM due LEFT JOIN of_endpoint ON of_endpoint.webhook_sid = due.webhook_sid AND of_endpoint.is_failing = due.is_failing
  ), by_owner AS (
    SELECT turned.*, coalesce(of_owner.count, 0)
             + row_number() OVER (PARTITION BY turned.owner_sid, turned.is_failing ORDER BY turned.turn, turned.due_at) AS owner_turn
    FROM by_endpoint AS turned
    LEFT JOIN of_owner ON of_owner.owner_sid = turned.owner_sid AND of_owner.is_failing = turned.is_failing
    WHERE turned.turn <= CASE WHEN turned.is_failing THEN 1 ELSE $3 END
  ), ranked AS (
    SELECT by_owner.*, row_number() OVER (PARTITION BY by_owner.is_failing ORDER BY by_owner.owner_turn, by_owner.due_at) AS rank,
           (SELECT count(*) FROM under_way WHERE under_way.is_failing) AS failing, (SELECT count(*) FROM under_way WHERE NOT under_way.is_failing) AS others
    FROM by_owner
  ), free AS MATERIALIZED (
    SELECT ranked.webhook_sid, ranked.tree_sid, ranked.latest, ranked.owner_sid, ranked.is_failing
    FROM ranked JOIN webhook_place ON webhook_place.webhook_sid = ranked.webhook_sid AND webhook_place.tree_sid = ranked.tree_sid
      AND webhook_place.due_at = ranked.due_at
    WHERE ranked.rank + ranked.owner_turn <= 1 + CASE WHEN ranked.is_failing THEN $2::integer - ranked.failing ELSE $1::integer - ranked.others END
    FOR NO KEY UPDATE OF webhook_place SKIP LOCKED
  )`;

/** The parameters of `freePlaces`. */
export function claimParameters({ atOnce, failingAtOnce, perWebhook }: DeliveryLimits, places: readonly PlaceUnderWay[]): unknown[] {
  return [
    atOnce,
    failingAtOnce,
    perWebhook,
    places.map(({ webhookSid }) => webhookSid),
    places.map(({ ownerSid }) => ownerSid),
    places.map(({ isFailing }) => isFailing),
    places.filter(({ isSlow }) => isSlow).map(({ webhookSid }) => webhookSid),
  ];
}
