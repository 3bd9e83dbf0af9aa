import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The table `sign_in_failure`: how many sign-ins failed in a window of time. One row is for an account from an address, one for the
 * account from everywhere (with an empty address), and one for the address (with an empty subject).
 */
@Entity('sign_in_failure')
export class SignInFailureEntity {
  /** The account's SID, or a keyed hash of a login that no account has. */
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'sign_in_failure_pk' })
  subject: string;

  /** A keyed hash of the network that the sign-ins came from. */
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'sign_in_failure_pk' })
  address: string;

  @Column('integer')
  failures: number;

  @Index('sign_in_failure_by_end')
  @Column('timestamp with time zone', { name: 'window_ends', precision: 3 })
  windowEnds: Date;
}
