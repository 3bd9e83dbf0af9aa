import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { RemovalState } from '../../domain/resource-removal.js';

/** The table `removal_place`: up to where the history of each tree was searched for closings. */
@Entity('removal_place')
export class RemovalPlaceEntity {
  @PrimaryColumn({ type: 'text', name: 'tree_sid', collation: 'C', primaryKeyConstraintName: 'removal_place_pk' })
  treeSid: string;

  @Column('integer')
  position: number;
}

/** The table `resource_removal`: for each closing and each subresource, how far its accounts' resources are removed. */
@Entity('resource_removal')
@Check('resource_removal_state_known', `state IN ('pending', 'done', 'unsupported', 'failed')`)
export class ResourceRemovalEntity {
  /** The entry of the history that closed the accounts. */
  @PrimaryColumn({ type: 'text', name: 'tree_sid', collation: 'C', primaryKeyConstraintName: 'resource_removal_pk' })
  treeSid: string;

  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'resource_removal_pk' })
  position: number;

  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'resource_removal_pk' })
  subresource: string;

  /** The part of the closing that is under way, and how many of its accounts are done. */
  @Column('integer', { default: 1 })
  part: number;

  @Column('integer', { default: 0 })
  removed: number;

  @Column('text', { default: 'pending' })
  state: RemovalState;

  /** When somebody should see to it: now, at the next try, or when the lease has run out. Null once it is over. */
  @Index('resource_removal_due', { where: 'due_at IS NOT NULL' })
  @Column('timestamp with time zone', { name: 'due_at', precision: 3, nullable: true })
  dueAt: Date | null;

  @Column('uuid', { nullable: true })
  lease: string | null;

  @Column('integer', { default: 0 })
  failures: number;

  @Column('timestamp with time zone', { name: 'failing_since', precision: 3, nullable: true })
  failingSince: Date | null;

  @Column({ type: 'text', name: 'last_failure', nullable: true })
  lastFailure: string | null;

  @Column('timestamp with time zone', { name: 'date_created', precision: 3, default: () => 'now()' })
  dateCreated: Date;

  @Column('timestamp with time zone', { name: 'date_updated', precision: 3, default: () => 'now()' })
  dateUpdated: Date;
}
