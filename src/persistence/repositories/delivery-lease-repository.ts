import type { StreamPlace } from '../../domain/event.js';
import type { DeliveryAttempt } from '../../domain/webhook.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';
import { type ClaimedPlace, leaseSeconds } from './delivery-claim.js';
import { unnested } from './key-lists.js';

/*
 * What becomes of places on lease (ADR 51). Each statement is a transaction of its own and names the leases, so an instance that was stopped
 * for long, and has lost some, changes nothing about those. Most statements are about many places, which they lock in their order.
 */

const leaseEnd = `clock_timestamp() + interval '${leaseSeconds} seconds'`;

/** A place on lease. */
export type Leased = Pick<ClaimedPlace, 'webhookSid' | 'treeSid' | 'lease'>;

/** A place on lease, with its endpoint and account as they were then. */
export type InUse = Leased & Pick<ClaimedPlace, 'webhookVersion' | 'account'>;

/** An event that was accepted. */
export interface Accepted {
  place: InUse;
  reached: StreamPlace;
  attempt: Omit<DeliveryAttempt, 'date'>;
  /** The position up to which there is nothing more to send. The place is given back then. */
  seen: number | undefined;
}

/** What became of a place: it is still on lease, or was given back because there is nothing more, or is due again. */
export type Outcome = 'on lease' | 'idle' | 'due';

/** A place that is given back. */
export interface Released {
  place: Leased;
  reached: StreamPlace;
  /** The position up to which there is nothing more to send. */
  seen: number;
}

/** Records an attempt at the endpoint `$1`. Its other parameters, from the given number on, are those of `attemptOf`. */
export function insertAttempt(first: number): string {
  const values = Array.from({ length: 6 }, (_, index) => `$${first + index}`);
  return `INSERT INTO webhook_attempt (webhook_sid, event_id, event_type, status, milliseconds, answer, failure)
          VALUES ($1, ${values.join(', ')})`;
}

/** The parameters of `insertAttempt` behind the endpoint. */
export const attemptOf = (attempt: Omit<DeliveryAttempt, 'date'>): unknown[] => [
  attempt.eventId,
  attempt.eventType,
  attempt.status,
  attempt.milliseconds,
  attempt.answer,
  attempt.failure,
];

/** The parameters of statements about many places, and conditions on their rows. */
const leasesOf = (places: readonly Leased[]): unknown[] => [
  places.map(({ webhookSid }) => webhookSid),
  places.map(({ treeSid }) => treeSid),
  places.map(({ lease }) => lease),
];
const versionsOf = (places: readonly InUse[]): unknown[] => [
  places.map(({ webhookVersion }) => webhookVersion),
  places.map(({ account }) => account.version),
];
const positionsOf = (moves: readonly { reached: StreamPlace }[]): unknown[] => [
  moves.map(({ reached }) => reached.position),
  moves.map(({ reached }) => reached.part),
];
const isPlaceOf = (rows: string): string => `webhook_place.webhook_sid = ${rows}.webhook_sid AND webhook_place.tree_sid = ${rows}.tree_sid`;
const isLeasedAs = (rows: string): string => `${isPlaceOf(rows)} AND webhook_place.lease = ${rows}.lease`;
const isUnchangedSince = (rows: string): string =>
  `webhook.sid = ${rows}.webhook_sid AND webhook.version = ${rows}.webhook_version
   AND EXISTS (SELECT FROM account WHERE account.sid = webhook.account_sid AND account.version = ${rows}.account_version)`;
const inOrder = `ORDER BY webhook_place.webhook_sid, webhook_place.tree_sid FOR NO KEY UPDATE OF webhook_place`;

/** For each number whether it is among the rows. */
function flagsAt(rows: readonly { number: number }[], count: number): boolean[] {
  const numbers = new Set(rows.map(({ number }) => Number(number)));
  return Array.from({ length: count }, (_, index) => numbers.has(index + 1));
}

/** The table `webhook_place`, as those use it who have places on lease. */
export class DeliveryLeaseRepository {
  constructor(private readonly client: Client) {}

  /** Which leases go on: not those that were lost, nor those whose endpoint or account has changed since the claim. */
  async goOn(places: readonly InUse[]): Promise<boolean[]> {
    const found = await queryRows<{ number: number }>(
      this.client,
      `SELECT leased.number FROM ${unnested('text', 'text', 'uuid', 'integer', 'integer')} WITH ORDINALITY
         AS leased (webhook_sid, tree_sid, lease, webhook_version, account_version, number)
       JOIN webhook_place ON ${isLeasedAs('leased')} JOIN webhook ON ${isUnchangedSince('leased')}`,
      [...leasesOf(places), ...versionsOf(places)],
    );
    return flagsAt(found, places.length);
  }

  /** Moves places behind what was delivered or is not for their endpoints, and extends the leases. Which of them go on, as above. */
  async advance(moves: readonly { place: InUse; reached: StreamPlace }[]): Promise<boolean[]> {
    const places = moves.map(({ place }) => place);
    const found = await queryRows<{ number: number }>(
      this.client,
      `WITH held AS MATERIALIZED (
         SELECT leased.* FROM ${unnested('text', 'text', 'uuid', 'integer', 'integer', 'integer', 'integer')} WITH ORDINALITY
           AS leased (webhook_sid, tree_sid, lease, webhook_version, account_version, position, part, number)
         JOIN webhook_place ON ${isLeasedAs('leased')}
         ${inOrder}
       ), moved AS (
         UPDATE webhook_place SET position = held.position, part = held.part, due_at = ${leaseEnd} FROM held WHERE ${isPlaceOf('held')}
       )
       SELECT held.number FROM held JOIN webhook ON ${isUnchangedSince('held')}`,
      [...leasesOf(places), ...versionsOf(places), ...positionsOf(moves)],
    );
    return flagsAt(found, places.length);
  }

  /**
   * Records that events were accepted, and moves the places behind them. Those go on whose lease does, as above, and which have more to send;
   * the others are given back.
   */
  async accept(accepted: readonly Accepted[]): Promise<{ at: Date; outcome: Outcome }[]> {
    const places = accepted.map(({ place }) => place);
    const attempts = accepted.map(({ attempt }) => attempt);
    return queryRows<{ at: Date; outcome: Outcome }>(
      this.client,
      `WITH told AS MATERIALIZED (
         SELECT told.* FROM ${unnested('text', 'text', 'uuid', 'integer', 'integer', 'integer', 'integer', 'integer', 'text', 'text', 'integer', 'integer', 'text')} WITH ORDINALITY
           AS told (webhook_sid, tree_sid, lease, webhook_version, account_version, position, part, seen, event_id, event_type, status,
                    milliseconds, answer, number)
       ), held AS MATERIALIZED (
         SELECT told.*, webhook_place.latest FROM told JOIN webhook_place ON ${isLeasedAs('told')}
         ${inOrder}
       ), ended AS MATERIALIZED (
         SELECT held.*, CASE WHEN NOT EXISTS (SELECT FROM webhook WHERE ${isUnchangedSince('held')}) THEN 'due' WHEN held.seen IS NULL THEN 'on lease'
                             WHEN held.latest > held.seen THEN 'due' ELSE 'idle' END AS outcome
         FROM held
       ), moved AS (
         UPDATE webhook_place SET position = ended.position, part = ended.part, failures = 0, failing_since = NULL,
           lease = CASE WHEN ended.outcome = 'on lease' THEN webhook_place.lease END,
           due_at = CASE ended.outcome WHEN 'on lease' THEN ${leaseEnd} WHEN 'due' THEN clock_timestamp() END
         FROM ended WHERE ${isPlaceOf('ended')}
       ), recorded AS (
         INSERT INTO webhook_attempt (webhook_sid, event_id, event_type, status, milliseconds, answer)
         SELECT told.webhook_sid, told.event_id, told.event_type, told.status, told.milliseconds, told.answer FROM told ORDER BY told.number
       )
       SELECT clock_timestamp()::timestamptz(3) AS at, coalesce(ended.outcome, 'idle') AS outcome
       FROM told LEFT JOIN ended ON ended.number = told.number ORDER BY told.number`,
      [
        ...leasesOf(places),
        ...versionsOf(places),
        ...positionsOf(accepted),
        accepted.map(({ seen }) => seen),
        attempts.map(({ eventId }) => eventId),
        attempts.map(({ eventType }) => eventType),
        attempts.map(({ status }) => status),
        attempts.map(({ milliseconds }) => milliseconds),
        attempts.map(({ answer }) => answer),
      ],
    );
  }

  /** Records that an event was not accepted, and gives the place back for another try after so many milliseconds. Returns since when it fails. */
  async fail(
    { webhookSid, treeSid, lease }: Leased,
    delay: number,
    attempt: Omit<DeliveryAttempt, 'date'>,
  ): Promise<{ failingSince: Date; now: Date } | undefined> {
    const [row] = await queryRows<{ failingSince: Date; now: Date }>(
      this.client,
      `WITH recorded AS (${insertAttempt(4)})
       UPDATE webhook_place SET failures = webhook_place.failures + 1, failing_since = coalesce(webhook_place.failing_since, clock_timestamp()),
         due_at = clock_timestamp() + make_interval(secs => $10::double precision / 1000), lease = NULL
       WHERE webhook_place.webhook_sid = $1 AND webhook_place.tree_sid = $2 AND webhook_place.lease = $3
       RETURNING webhook_place.failing_since AS "failingSince", clock_timestamp()::timestamptz(3) AS now`,
      [webhookSid, treeSid, lease, ...attemptOf(attempt), delay],
    );
    return row;
  }

  /** Gives places back, moved behind what is not for their endpoints. Which of them are due again: those with news after the position that was seen. */
  async release(released: readonly Released[]): Promise<boolean[]> {
    const places = released.map(({ place }) => place);
    const found = await queryRows<{ number: number; isDue: boolean }>(
      this.client,
      `WITH held AS MATERIALIZED (
         SELECT leased.* FROM ${unnested('text', 'text', 'uuid', 'integer', 'integer', 'integer')} WITH ORDINALITY
           AS leased (webhook_sid, tree_sid, lease, position, part, seen, number)
         JOIN webhook_place ON ${isLeasedAs('leased')}
         ${inOrder}
       )
       UPDATE webhook_place SET position = held.position, part = held.part, lease = NULL,
         due_at = CASE WHEN webhook_place.latest > held.seen THEN clock_timestamp() END
       FROM held WHERE ${isPlaceOf('held')} RETURNING held.number, webhook_place.due_at IS NOT NULL AS "isDue"`,
      [...leasesOf(places), ...positionsOf(released), released.map(({ seen }) => seen)],
    );
    return flagsAt(
      found.filter(({ isDue }) => isDue),
      places.length,
    );
  }

  /** Forgets the place of an endpoint whose account is closed, and was told so. */
  async forget({ webhookSid, treeSid, lease }: Leased): Promise<void> {
    await queryRows(
      this.client,
      `DELETE FROM webhook_place WHERE webhook_place.webhook_sid = $1 AND webhook_place.tree_sid = $2 AND webhook_place.lease = $3`,
      [webhookSid, treeSid, lease],
    );
  }
}
