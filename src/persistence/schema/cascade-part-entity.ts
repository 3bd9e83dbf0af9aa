import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * The table `cascade_part`: the accounts that each cascade reached, in the order of their paths, in parts of at most 400 (ADR 48).
 * Rows are only ever added; a trigger refuses everything else.
 */
@Entity('cascade_part')
@Check('cascade_part_counted', 'part > 0')
@Check('cascade_part_in_order', 'first_path <= last_path')
@Check('cascade_part_whole', 'octet_length(sids) BETWEEN 16 AND 6400 AND octet_length(sids) % 16 = 0')
export class CascadePartEntity {
  /** The chain, and the position in it, of the cascade's entry in the history. */
  @PrimaryColumn({ type: 'text', name: 'tree_sid', collation: 'C', primaryKeyConstraintName: 'cascade_part_pk' })
  treeSid: string;

  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'cascade_part_pk' })
  position: number;

  /** Counts from 1, without gaps. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'cascade_part_pk' })
  part: number;

  /** The paths of the first and the last account of the part. All accounts below another one are in parts that follow each other. */
  @Column({ type: 'text', name: 'first_path', collation: 'C' })
  firstPath: string;

  @Column({ type: 'text', name: 'last_path', collation: 'C' })
  lastPath: string;

  /** The SIDs without their prefixes, 16 bytes each. */
  @Column('bytea')
  sids: Buffer;
}
