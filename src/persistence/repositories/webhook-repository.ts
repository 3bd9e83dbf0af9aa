import type { DeepPartial } from 'typeorm';
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity.js';
import { everyPart } from '../../domain/event.js';
import type { Page, PageOf } from '../../domain/page.js';
import type { Sid } from '../../domain/sid.js';
import { type DeliveryAttempt, type DeliveryProgress, type Webhook, webhookNotFound } from '../../domain/webhook.js';
import type { Client } from '../connection/driver.js';
import { type Entities, updateReturning } from '../connection/entity-manager.js';
import { takeLocks } from '../connection/lock-timeout.js';
import { pipelined } from '../connection/pipeline.js';
import { queryRows } from '../connection/prepared-query.js';
import { execute } from '../connection/transaction.js';
import { WebhookEntity } from '../schema/webhook-entity.js';
import { attemptOf, insertAttempt } from './delivery-lease-repository.js';
import { isBehind, lockedInOrder } from './delivery-repository.js';
import { keyset, pagesFrom } from './keyset.js';

/** An endpoint with its secrets, encrypted. */
export type StoredWebhook = Webhook & Pick<WebhookEntity, 'isOfRoot' | 'secret' | 'previousSecret' | 'previousSecretExpiresAt'>;

/** An attempt in a list. */
export type ListedAttempt = DeliveryAttempt & { id: string };

/** How far a tree is that has something to deliver, as its endpoint's owner is told the tree. */
export type ListedProgress = DeliveryProgress & { alias: string };

/** What is waiting for an endpoint. */
export interface Waiting {
  webhookSid: Sid;
  /** In how many trees. */
  trees: number;
  /** How many entries of histories are to be looked at; not each of them is an event. */
  entries: number;
}

/** A condition: the ciphertext was made with another key than the one whose id is `$1`. The id follows the version. */
const sealedByAnother = (column: string): string => `substring(${column} FROM 2 FOR octet_length($1::bytea)) <> $1`;

const places = `webhook_place JOIN history_head ON history_head.tree_sid = webhook_place.tree_sid`;

/** The tables `webhook` and `webhook_attempt`, and what owners are told of `webhook_place`. */
export class WebhookRepository {
  constructor(
    private readonly client: Client,
    private readonly entities: Entities,
  ) {}

  async find(sid: Sid): Promise<StoredWebhook | undefined> {
    return (await this.entities().findOneBy(WebhookEntity, { sid })) ?? undefined;
  }

  /** Reads the endpoint and keeps it as it is until the transaction ends. */
  async lock(sid: Sid): Promise<StoredWebhook | undefined> {
    const [, webhook] = await pipelined(
      takeLocks(this.client, `SELECT 1 FROM webhook WHERE webhook.sid = $1 FOR UPDATE`, [sid]),
      this.find(sid),
    );
    return webhook;
  }

  /** Those of the SIDs. */
  async findMany(sids: readonly Sid[]): Promise<Webhook[]> {
    return this.entities().createQueryBuilder(WebhookEntity, 'webhook').where('webhook.sid = ANY(:sids)', { sids }).getMany();
  }

  /** The endpoints of many accounts, the oldest first. */
  async ofAccounts(accountSids: readonly Sid[]): Promise<Webhook[]> {
    return this.entities()
      .createQueryBuilder(WebhookEntity, 'webhook')
      .where('webhook.accountSid = ANY(:accountSids)', { accountSids })
      .orderBy({ 'webhook.dateCreated': 'ASC', 'webhook.sid': 'ASC' })
      .getMany();
  }

  async countOf(accountSid: Sid): Promise<number> {
    return this.entities().countBy(WebhookEntity, { accountSid });
  }

  /** Adds an endpoint, at the present end of each tree that it is told of. Trees that are made later have no place yet. */
  async insert(
    webhook: Pick<StoredWebhook, 'sid' | 'accountSid' | 'treeSid' | 'isOfRoot' | 'url' | 'description' | 'types' | 'secret'>,
  ): Promise<Webhook> {
    const inserted = this.entities().create(WebhookEntity, webhook as DeepPartial<WebhookEntity>);
    await this.entities().insert(WebhookEntity, inserted);
    execute(
      this.client,
      `INSERT INTO webhook_place (webhook_sid, tree_sid, position, part, latest)
       SELECT $1, tree.sid, coalesce(history_head.position, 0), ${everyPart}, coalesce(history_head.position, 0)
       FROM (SELECT $3::text AS sid UNION SELECT history_head.tree_sid FROM history_head WHERE $2::boolean) AS tree
       LEFT JOIN history_head ON history_head.tree_sid = tree.sid`,
      [webhook.sid, webhook.isOfRoot, webhook.treeSid],
    );
    return inserted;
  }

  async update(sid: Sid, changes: QueryDeepPartialEntity<WebhookEntity>): Promise<Webhook> {
    const [webhook] = await updateReturning(
      this.entities(),
      WebhookEntity,
      { sid },
      { ...changes, dateUpdated: () => 'now()', version: () => 'version + 1' },
    );
    if (webhook === undefined) throw webhookNotFound();
    return webhook;
  }

  async delete(sid: Sid): Promise<void> {
    execute(this.client, lockedInOrder(), [sid]);
    await this.entities().delete(WebhookEntity, { sid });
    execute(this.client, `DELETE FROM webhook_attempt WHERE webhook_attempt.webhook_sid = $1`, [sid]);
  }

  /** The next endpoints with a secret that another key encrypted, by their SIDs, locked. */
  async lockSecretsOfOtherKeys(
    keyId: Buffer,
    afterSid: Sid,
    limit: number,
  ): Promise<Pick<StoredWebhook, 'sid' | 'secret' | 'previousSecret'>[]> {
    return queryRows(
      this.client,
      `SELECT webhook.sid, webhook.secret, webhook.previous_secret AS "previousSecret" FROM webhook
       WHERE webhook.sid > $2 AND (${sealedByAnother('webhook.secret')} OR ${sealedByAnother('webhook.previous_secret')})
       ORDER BY webhook.sid LIMIT $3 FOR NO KEY UPDATE`,
      [keyId, afterSid, limit],
    );
  }

  /** How many endpoints have a secret that no key of the ids has encrypted. */
  async countSecretsOfNoKey(keyIds: readonly Buffer[]): Promise<number> {
    const [row] = await queryRows<{ count: number }>(
      this.client,
      `SELECT count(*)::integer AS count FROM webhook
       WHERE substring(webhook.secret FROM 2 FOR octet_length(($1::bytea[])[1])) <> ALL ($1)`,
      [keyIds],
    );
    return row!.count;
  }

  /** Replaces the ciphertexts of the secrets. */
  reEncrypt({ sid, secret, previousSecret }: Pick<StoredWebhook, 'sid' | 'secret' | 'previousSecret'>): void {
    execute(
      this.client,
      `UPDATE webhook SET secret = $2, previous_secret = $3,
              previous_secret_expires_at = CASE WHEN $3::bytea IS NOT NULL THEN webhook.previous_secret_expires_at END
       WHERE webhook.sid = $1`,
      [sid, secret, previousSecret],
    );
  }

  /** What waits for each of the endpoints; nothing is said of those for which nothing does. */
  async waiting(sids: readonly Sid[]): Promise<Waiting[]> {
    return queryRows(
      this.client,
      `SELECT webhook_place.webhook_sid AS "webhookSid", count(*)::integer AS trees,
              sum(greatest(history_head.position - webhook_place.position, 1))::integer AS entries
       FROM ${places} WHERE webhook_place.webhook_sid = ANY($1) AND ${isBehind} GROUP BY webhook_place.webhook_sid`,
      [sids],
    );
  }

  /** One page of the trees of which something waits for the endpoint, by their SIDs. */
  async progress(sid: Sid, page: Page): Promise<PageOf<ListedProgress>> {
    const parameters: unknown[] = [sid];
    const { conditions, orderBy, limit } = keyset(
      page,
      { columns: ['webhook_place.tree_sid'], descending: false },
      ({ key }) => `$${parameters.push(key)}`,
    );
    const rows = await queryRows<ListedProgress & { list: number }>(
      this.client,
      `SELECT 0 AS list, webhook_place.tree_sid AS "treeSid", history_head.alias, webhook_place.position, webhook_place.part,
              history_head.position AS "latestPosition", webhook_place.failures, webhook_place.failing_since AS "failingSince",
              CASE WHEN webhook_place.failures > 0 AND webhook_place.lease IS NULL THEN webhook_place.due_at END AS "nextAttemptAt"
       FROM ${places} WHERE ${['webhook_place.webhook_sid = $1', isBehind, ...conditions].join(' AND ')} ORDER BY ${orderBy} LIMIT ${limit}`,
      parameters,
    );
    return pagesFrom(rows, 1, page)[0]!;
  }

  async recordAttempt(sid: Sid, attempt: Omit<DeliveryAttempt, 'date'>): Promise<void> {
    await queryRows(this.client, insertAttempt(2), [sid, ...attemptOf(attempt)]);
  }

  /** One page of the attempts of an endpoint, the newest first. */
  async attempts(sid: Sid, page: Page): Promise<PageOf<ListedAttempt>> {
    const parameters: unknown[] = [sid];
    const { conditions, orderBy, limit } = keyset(
      page,
      { columns: ['webhook_attempt.id'], descending: true },
      ({ key }) => `$${parameters.push(key)}::bigint`,
    );
    const rows = await queryRows<ListedAttempt & { list: number }>(
      this.client,
      `SELECT 0 AS list, webhook_attempt.id, webhook_attempt.event_id AS "eventId", webhook_attempt.event_type AS "eventType",
              webhook_attempt.date, webhook_attempt.status, webhook_attempt.milliseconds, webhook_attempt.answer, webhook_attempt.failure
       FROM webhook_attempt WHERE ${['webhook_attempt.webhook_sid = $1', ...conditions].join(' AND ')} ORDER BY ${orderBy} LIMIT ${limit}`,
      parameters,
    );
    return pagesFrom(rows, 1, page)[0]!;
  }

  /** How many attempts are kept of an endpoint. */
  async countAttempts(sid: Sid): Promise<number> {
    const [row] = await queryRows<{ count: number }>(
      this.client,
      `SELECT count(*)::integer AS count FROM webhook_attempt WHERE webhook_attempt.webhook_sid = $1`,
      [sid],
    );
    return row!.count;
  }

  /** Forgets attempts that are older than so many days, at most so many of them, and returns how many. */
  async pruneAttempts(days: number, atMost: number): Promise<number> {
    const pruned = await queryRows(
      this.client,
      `DELETE FROM webhook_attempt WHERE webhook_attempt.id IN (
         SELECT old.id FROM webhook_attempt AS old WHERE old.date < clock_timestamp() - make_interval(days => $1) LIMIT $2
       ) RETURNING 1`,
      [days, atMost],
    );
    return pruned.length;
  }
}
