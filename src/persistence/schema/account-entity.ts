import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { Account, AccountStatus, AccountType, Role } from '../../domain/account.js';
import { OrganizationEntity } from './organization-entity.js';

/** The table `account`. Migrations create it, and SQL reads and writes it; this declaration is what a test compares the migrations with. */
@Entity('account')
@Check('account_type_known', `type IN ('Full', 'Trial')`)
@Check('account_status_known', `status IN ('uninitialized', 'active', 'suspended', 'closed')`)
@Check('account_role_known', `role IN ('Administrator', 'Developer', 'ProvisioningAgent')`)
@Check('account_email_address_lower', `email_address = lower(email_address)`)
@Check('account_root_active', `parent_sid IS NOT NULL OR status IN ('active', 'uninitialized')`)
@Check(
  'account_path_leads_through_parent',
  `octet_length(sid) = 34 AND
   CASE WHEN parent_sid IS NULL THEN path = substr(sid, 3) ELSE path LIKE '%' || substr(parent_sid, 3) || substr(sid, 3) END`,
)
@Check(
  'account_path_leads_through_top_level',
  `top_level_sid = 'AC' || CASE WHEN octet_length(path) = 32 THEN path ELSE substr(path, 33, 32) END`,
)
@Index('account_one_root', { synchronize: false })
@Index('account_children_by_date', ['parentSid', 'dateCreated', 'sid'])
@Index('account_children_by_name', { synchronize: false })
export class AccountEntity implements Account {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'account_pk' })
  sid: string;

  @ForeignKey(() => AccountEntity, { name: 'account_parent_fk' })
  @Column({ type: 'text', name: 'parent_sid', collation: 'C', nullable: true })
  parentSid: string | null;

  @ForeignKey(() => AccountEntity, { name: 'account_top_level_fk' })
  @Column({ type: 'text', name: 'top_level_sid', collation: 'C' })
  topLevelSid: string;

  @Index('account_path', { unique: true })
  @Column({ type: 'text', collation: 'C' })
  path: string;

  @ForeignKey(() => OrganizationEntity, { name: 'account_organization_fk' })
  @Column({ type: 'text', name: 'organization_sid', collation: 'C' })
  organizationSid: string;

  @Column({ type: 'text', name: 'email_address', collation: 'C' })
  emailAddress: string;

  @Column({ type: 'text', name: 'friendly_name' })
  friendlyName: string;

  /**
   * By this the version before finds accounts; this version does not read it, and triggers fill it in. Closing leaves it as it is, so
   * that no index changes. The version after this one drops it (ADR 47).
   */
  @Index('account_open_email_address', { unique: true })
  @Column({ type: 'text', name: 'open_email_address', collation: 'C', nullable: true, insert: false, update: false, select: false })
  readonly openEmailAddress: string | null;

  @Column('text')
  type: AccountType;

  @Column('text')
  status: AccountStatus;

  @Column('timestamp with time zone', { name: 'status_changed_at', precision: 3, nullable: true, default: () => 'now()' })
  statusChangedAt: Date | null;

  @Column({ type: 'text', name: 'status_changed_by', collation: 'C', nullable: true })
  statusChangedBy: string | null;

  @Column('text')
  role: Role;

  @Column('timestamp with time zone', { name: 'date_created', precision: 3, default: () => 'now()' })
  dateCreated: Date;

  @Column('timestamp with time zone', { name: 'date_updated', precision: 3, default: () => 'now()' })
  dateUpdated: Date;

  @Column('integer', { default: 1 })
  version: number;
}
