import type { Organization, OrganizationKey, OrganizationStatus } from '../../domain/organization.js';
import type { Page, PageOf } from '../../domain/page.js';
import type { Sid } from '../../domain/sid.js';
import type { Client } from '../connection/driver.js';
import { type Entities, updateReturning } from '../connection/entity-manager.js';
import { takeLocks } from '../connection/lock-timeout.js';
import { pipelined } from '../connection/pipeline.js';
import { queryRows } from '../connection/prepared-query.js';
import { OrganizationEntity } from '../schema/organization-entity.js';
import { entityPage } from './keyset.js';

/** The table `organization`. */
export class OrganizationRepository {
  constructor(
    private readonly client: Client,
    private readonly entities: Entities,
  ) {}

  /** The organization of the key. Closed ones may share a domain name: the open one is found, else the one that was closed last. */
  async find(by: OrganizationKey): Promise<Organization | undefined> {
    const order = { status: 'ASC', dateUpdated: 'DESC', sid: 'ASC' } as const;
    return (await this.entities().findOne(OrganizationEntity, { where: by, order })) ?? undefined;
  }

  /** Those of the SIDs. In SQL, since every level of a query may ask: TypeORM takes two to three times the processor time (ADR 39). */
  async findMany(sids: readonly Sid[]): Promise<Organization[]> {
    return queryRows<Organization>(
      this.client,
      `SELECT organization.sid, organization.domain_name AS "domainName", organization.status,
              organization.date_created AS "dateCreated", organization.date_updated AS "dateUpdated"
       FROM organization WHERE organization.sid = ANY($1)`,
      [sids],
    );
  }

  /** Reads the organization and keeps it from being closed until the transaction ends. */
  async share(by: OrganizationKey): Promise<Organization | undefined> {
    return this.#lock(by, 'FOR SHARE');
  }

  /** Reads the organization and keeps trees from moving into it until the transaction ends. */
  async lock(by: OrganizationKey): Promise<Organization | undefined> {
    return this.#lock(by, 'FOR UPDATE');
  }

  async #lock(by: OrganizationKey, strength: 'FOR SHARE' | 'FOR UPDATE'): Promise<Organization | undefined> {
    const [column, value] = 'sid' in by ? ['sid', by.sid] : ['domain_name', by.domainName];
    const [, organization] = await pipelined(
      takeLocks(this.client, `SELECT 1 FROM organization WHERE organization.${column} = $1 ${strength}`, [value]),
      this.find(by),
    );
    return organization;
  }

  async insert(organization: Pick<Organization, 'sid' | 'domainName' | 'status'>): Promise<Organization> {
    const inserted = this.entities().create(OrganizationEntity, organization);
    await this.entities().insert(OrganizationEntity, inserted);
    return inserted;
  }

  async setStatus(sid: Sid, status: OrganizationStatus): Promise<Organization> {
    const [organization] = await updateReturning(this.entities(), OrganizationEntity, { sid }, { status, dateUpdated: () => 'now()' });
    return organization!;
  }

  /** One page of all organizations, or of those with the status, by domain name. */
  async page(status: OrganizationStatus | undefined, descending: boolean, page: Page): Promise<PageOf<Organization>> {
    const list = this.entities()
      .createQueryBuilder(OrganizationEntity, 'organization')
      .where(status === undefined ? {} : { status });
    return entityPage(list, page, { columns: ['domainName', 'sid'], descending });
  }

  async count(status: OrganizationStatus | undefined): Promise<number> {
    return this.entities().countBy(OrganizationEntity, status === undefined ? {} : { status });
  }
}
