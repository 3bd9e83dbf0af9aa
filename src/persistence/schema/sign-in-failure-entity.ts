import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The table `sign_in_failure`: how many tries to prove a secret failed in a window of time. One row for an account from
 * an address, one for the account from everywhere (no address), one for the address (no subject).
 */
@Entity('sign_in_failure')
export class SignInFailureEntity {
  /** The account's SID; of a login that no account has, a keyed hash. */
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'sign_in_failure_pk' })
  subject: string;

  /** A keyed hash of the network that the tries came from. */
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'sign_in_failure_pk' })
  address: string;

  @Column('integer')
  failures: number;

  @Index('sign_in_failure_by_end')
  @Column('timestamp with time zone', { name: 'window_ends', precision: 3 })
  windowEnds: Date;
}
