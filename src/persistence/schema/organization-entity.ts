import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Organization, OrganizationStatus } from '../../domain/organization.js';

/** The table `organization`. */
@Entity('organization')
@Check('organization_status_known', `status IN ('active', 'closed')`)
@Check('organization_domain_name_lower', `domain_name = lower(domain_name)`)
@Index('organization_by_date', ['dateCreated', 'sid'])
@Index('organization_by_name', ['domainName', 'sid'])
export class OrganizationEntity implements Organization {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'organization_pk' })
  sid: string;

  @Index('organization_domain_name', { unique: true, where: `status <> 'closed'` })
  @Column({ type: 'text', name: 'domain_name', collation: 'C' })
  domainName: string;

  @Column('text')
  status: OrganizationStatus;

  @Column('timestamp with time zone', { name: 'date_created', precision: 3, default: () => 'now()' })
  dateCreated: Date;

  @Column('timestamp with time zone', { name: 'date_updated', precision: 3, default: () => 'now()' })
  dateUpdated: Date;
}
