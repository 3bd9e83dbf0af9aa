import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * The table `email_claim`: the e-mail addresses of all accounts that are not closed. They are unique here instead of in an index on
 * `account`, so that closing accounts touches no index of that table (ADR 47).
 */
@Entity('email_claim')
export class EmailClaimEntity {
  @PrimaryColumn({ type: 'text', name: 'email_address', collation: 'C', primaryKeyConstraintName: 'email_claim_pk' })
  emailAddress: string;

  @Column({ type: 'text', name: 'account_sid', collation: 'C' })
  accountSid: string;
}
