import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { Profile } from '../../domain/profile.js';
import { AccountEntity } from './account-entity.js';
import { OrganizationEntity } from './organization-entity.js';

/** The table `profile`. */
@Entity('profile')
@Check('profile_document_length', `octet_length(document) <= 1048576`)
@Index('profile_by_date', ['dateCreated', 'sid'])
export class ProfileEntity implements Profile {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'profile_pk' })
  sid: string;

  /** Text, not `jsonb`: a document is returned as it came, with numbers of any length and strings that `jsonb` cannot hold (ADR 12). */
  @Column('text')
  document: string;

  @Column('timestamp with time zone', { name: 'date_created', precision: 3, default: () => 'now()' })
  dateCreated: Date;

  @Column('timestamp with time zone', { name: 'date_updated', precision: 3, default: () => 'now()' })
  dateUpdated: Date;
}

/** The table `account_profile`: links of accounts. An account has at most one. */
@Entity('account_profile')
export class AccountProfileEntity {
  @ForeignKey(() => AccountEntity, { name: 'account_profile_account_fk' })
  @PrimaryColumn({ type: 'text', name: 'account_sid', collation: 'C', primaryKeyConstraintName: 'account_profile_pk' })
  accountSid: string;

  @Index('account_profile_of_profile')
  @ForeignKey(() => ProfileEntity, { name: 'account_profile_profile_fk', onDelete: 'CASCADE' })
  @Column({ type: 'text', name: 'profile_sid', collation: 'C' })
  profileSid: string;
}

/** The table `organization_profile`: links of organizations. An organization has at most one. */
@Entity('organization_profile')
export class OrganizationProfileEntity {
  @ForeignKey(() => OrganizationEntity, { name: 'organization_profile_organization_fk' })
  @PrimaryColumn({ type: 'text', name: 'organization_sid', collation: 'C', primaryKeyConstraintName: 'organization_profile_pk' })
  organizationSid: string;

  @Index('organization_profile_of_profile')
  @ForeignKey(() => ProfileEntity, { name: 'organization_profile_profile_fk', onDelete: 'CASCADE' })
  @Column({ type: 'text', name: 'profile_sid', collation: 'C' })
  profileSid: string;
}
