import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The table `idempotency_key`: the results of requests, for clients that repeat one within 24 hours. */
@Entity('idempotency_key')
@Index('idempotency_key_by_date', ['dateCreated'])
export class IdempotencyKeyEntity {
  @PrimaryColumn({ type: 'text', name: 'account_sid', collation: 'C', primaryKeyConstraintName: 'idempotency_key_pk' })
  accountSid: string;

  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'idempotency_key_pk' })
  key: string;

  /** HMAC-SHA-256, since a request may contain a password. */
  @Column('bytea', { name: 'request_hash' })
  requestHash: Buffer;

  /** JSON, without secrets. */
  @Column('text')
  result: string;

  @Column('timestamp with time zone', { name: 'date_created', precision: 3, default: () => 'now()' })
  dateCreated: Date;
}
