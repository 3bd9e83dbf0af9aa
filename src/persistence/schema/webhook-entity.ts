import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import type { EventType } from '../../domain/event.js';
import type { Webhook, WebhookState } from '../../domain/webhook.js';
import { AccountEntity } from './account-entity.js';

/** The table `webhook`. */
@Entity('webhook')
@Check('webhook_state_known', `state IN ('enabled', 'disabled', 'paused')`)
@Check('webhook_previous_secret_whole', `(previous_secret IS NULL) = (previous_secret_expires_at IS NULL)`)
export class WebhookEntity implements Webhook {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'webhook_pk' })
  sid: string;

  @Index('webhook_of_account')
  @ForeignKey(() => AccountEntity, { name: 'webhook_account_fk' })
  @Column({ type: 'text', name: 'account_sid', collation: 'C' })
  accountSid: string;

  @Column({ type: 'text', name: 'tree_sid', collation: 'C' })
  treeSid: string;

  /** Whether its account is the root, so that it is told of all trees, those made later too. */
  @Column('boolean', { name: 'is_of_root' })
  isOfRoot: boolean;

  @Column('text')
  url: string;

  @Column('text')
  description: string;

  @Column('text', { array: true, nullable: true })
  types: EventType[] | null;

  @Column('text', { default: 'enabled' })
  state: WebhookState;

  @Column({ type: 'text', name: 'state_reason', nullable: true })
  stateReason: string | null;

  @Column('timestamp with time zone', { name: 'state_changed_at', precision: 3, default: () => 'now()' })
  stateChangedAt: Date;

  /** Encrypted, as AuthTokens are. */
  @Column('bytea')
  secret: Buffer;

  /** The secret before, as long as it is valid too. */
  @Column({ type: 'bytea', name: 'previous_secret', nullable: true })
  previousSecret: Buffer | null;

  @Column('timestamp with time zone', { name: 'previous_secret_expires_at', precision: 3, nullable: true })
  previousSecretExpiresAt: Date | null;

  @Column('timestamp with time zone', { name: 'date_created', precision: 3, default: () => 'now()' })
  dateCreated: Date;

  @Column('timestamp with time zone', { name: 'date_updated', precision: 3, default: () => 'now()' })
  dateUpdated: Date;

  @Column('integer', { default: 1 })
  version: number;
}

/** The table `webhook_place`: how far the events of a tree have been delivered to an endpoint. */
@Entity('webhook_place')
@Index('webhook_place_of_tree', ['treeSid', 'latest'])
@Index('webhook_place_next', ['webhookSid', 'dueAt'], { where: 'due_at IS NOT NULL AND failures = 0' })
@Index('webhook_place_retry', ['webhookSid', 'dueAt'], { where: 'due_at IS NOT NULL AND failures > 0' })
export class WebhookPlaceEntity {
  @ForeignKey(() => WebhookEntity, { name: 'webhook_place_webhook_fk', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'text', name: 'webhook_sid', collation: 'C', primaryKeyConstraintName: 'webhook_place_pk' })
  webhookSid: string;

  @PrimaryColumn({ type: 'text', name: 'tree_sid', collation: 'C', primaryKeyConstraintName: 'webhook_place_pk' })
  treeSid: string;

  /** The last event that was accepted. */
  @Column('integer')
  position: number;

  @Column('integer')
  part: number;

  /** The last position of the tree that is known here. */
  @Column('integer')
  latest: number;

  /** When somebody should see to it: at the next try, or when the lease has run out. Null while there is nothing to deliver. */
  @Column('timestamp with time zone', { name: 'due_at', precision: 3, nullable: true })
  dueAt: Date | null;

  /** Whose turn it is; whoever has another one has lost it. */
  @Column('uuid', { nullable: true })
  lease: string | null;

  /** How often the next event was refused, and since when. */
  @Column('integer', { default: 0 })
  failures: number;

  @Column('timestamp with time zone', { name: 'failing_since', precision: 3, nullable: true })
  failingSince: Date | null;
}

/** The table `webhook_attempt`: what came of each try to deliver. */
@Entity('webhook_attempt')
@Index('webhook_attempt_of_webhook', ['webhookSid', 'id'])
export class WebhookAttemptEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', primaryKeyConstraintName: 'webhook_attempt_pk', generatedIdentity: 'ALWAYS' })
  id: string;

  @Column({ type: 'text', name: 'webhook_sid', collation: 'C' })
  webhookSid: string;

  @Column({ type: 'text', name: 'event_id' })
  eventId: string;

  @Column({ type: 'text', name: 'event_type' })
  eventType: EventType;

  @Index('webhook_attempt_by_date')
  @Column('timestamp with time zone', { precision: 3, default: () => 'now()' })
  date: Date;

  @Column('integer', { nullable: true })
  status: number | null;

  @Column('integer')
  milliseconds: number;

  @Column('text')
  answer: string;

  @Column('text', { nullable: true })
  failure: string | null;
}
