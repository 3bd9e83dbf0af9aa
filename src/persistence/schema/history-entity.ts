import { Check, Column, Entity, Generated, Index, PrimaryColumn } from 'typeorm';

/** The table `history`: one chain of entries for each tree. Rows are only ever added. */
@Entity('history')
@Check('history_position_counted', 'position > 0')
@Check('history_date_finite', 'isfinite(date)')
@Index('history_of_subject', ['subjectSid', 'position'])
@Index('history_of_cascades', { synchronize: false })
@Index('history_of_token_readers', { synchronize: false })
@Index('history_of_token_lists', { synchronize: false })
export class HistoryEntity {
  /** The top-level account that the chain is of. Entries about organizations and profiles are in the root's chain. */
  @PrimaryColumn({ type: 'text', name: 'tree_sid', collation: 'C', primaryKeyConstraintName: 'history_pk' })
  treeSid: string;

  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'history_pk' })
  position: number;

  @Column('timestamp with time zone', { precision: 3 })
  date: Date;

  @Column({ type: 'text', name: 'actor_sid', collation: 'C', nullable: true })
  actorSid: string | null;

  @Column('text')
  operation: string;

  @Column({ type: 'text', name: 'subject_sid', collation: 'C' })
  subjectSid: string;

  @Column({ type: 'text', name: 'request_id', nullable: true })
  requestId: string | null;

  /** JSON as text, since the hash covers every character. */
  @Column({ type: 'text', nullable: true })
  before: string | null;

  @Column({ type: 'text', nullable: true })
  after: string | null;

  @Column('text')
  hash: string;

  @Column('smallint', { name: 'record_version', default: 1 })
  recordVersion: number;
}

/** The table `history_head`: the end of each chain. Whoever adds to a chain locks its row here. */
@Entity('history_head')
@Index('history_head_changed', { synchronize: false })
export class HistoryHeadEntity {
  @PrimaryColumn({ type: 'text', name: 'tree_sid', collation: 'C', primaryKeyConstraintName: 'history_head_pk' })
  treeSid: string;

  @Column('integer')
  position: number;

  @Column('text')
  hash: string;

  /** When the last entry was made; null where a version before this column made it. */
  @Column('timestamp with time zone', { precision: 3, nullable: true })
  date: Date | null;

  /** How many accounts the tree has, by status, role and type, in the order of `AccountCounts`; null where they were not counted. */
  @Column('integer', { array: true, nullable: true })
  counts: number[] | null;

  /** Stands for the tree's SID in the events of those who must not learn it (ADR 50). */
  @Generated('uuid')
  @Column('uuid')
  alias: string;
}
