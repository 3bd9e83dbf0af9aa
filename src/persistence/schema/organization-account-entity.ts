import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The table `organization_account`: the accounts of each organization, in the orders of its lists. It stands in for indexes on `account`,
 * so that a migration changes two indexes here, and none there (ADR 47).
 */
@Entity('organization_account')
@Index('organization_account_by_name', ['organizationSid', 'nameKey', 'accountSid'])
export class OrganizationAccountEntity {
  @PrimaryColumn({ type: 'text', name: 'organization_sid', collation: 'C', primaryKeyConstraintName: 'organization_account_pk' })
  organizationSid: string;

  /** When the account was created. */
  @PrimaryColumn('timestamp with time zone', { name: 'date_created', precision: 3, primaryKeyConstraintName: 'organization_account_pk' })
  dateCreated: Date;

  @PrimaryColumn({ type: 'text', name: 'account_sid', collation: 'C', primaryKeyConstraintName: 'organization_account_pk' })
  accountSid: string;

  /** The account's friendly name in lower case. */
  @Column({ type: 'text', name: 'name_key', collation: 'C' })
  nameKey: string;
}
