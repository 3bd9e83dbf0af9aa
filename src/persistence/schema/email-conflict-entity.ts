import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The table `email_conflict`: how often, in a window of time, a tree learned that an account out of its sight has an e-mail address. */
@Entity('email_conflict')
export class EmailConflictEntity {
  /** The top-level account. */
  @PrimaryColumn({ type: 'text', name: 'tree_sid', collation: 'C', primaryKeyConstraintName: 'email_conflict_pk' })
  treeSid: string;

  @Column('integer')
  conflicts: number;

  @Column('timestamp with time zone', { name: 'window_ends', precision: 3 })
  windowEnds: Date;
}
