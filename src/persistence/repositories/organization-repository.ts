import type { Organization, OrganizationKey, OrganizationStatus } from '../../domain/organization.js';
import { type Page, type PageOf, pageFrom } from '../../domain/page.js';
import type { Sid } from '../../domain/sid.js';
import type { Client } from '../connection/driver.js';
import { takeLocks } from '../connection/lock-timeout.js';
import { pipelined } from '../connection/pipeline.js';
import { queryRows } from '../connection/prepared-query.js';
import { keyset } from './keyset.js';

const columns = `
  organization.sid,
  organization.domain_name  AS "domainName",
  organization.status,
  organization.date_created AS "dateCreated",
  organization.date_updated AS "dateUpdated"`;

/** The organization that the key, as $1, names. */
const named = (by: OrganizationKey): string => `organization.${'sid' in by ? 'sid' : 'domain_name'} = $1`;
const valueOf = (by: OrganizationKey): string => ('sid' in by ? by.sid : by.domainName);

/** Every statement on the table `organization`. */
export class OrganizationRepository {
  constructor(private readonly client: Client) {}

  async find(by: OrganizationKey): Promise<Organization | undefined> {
    const [organization] = await queryRows<Organization>(
      this.client,
      // Closed ones may have the name of an open one; of closed ones, the last is meant.
      `SELECT ${columns} FROM organization WHERE ${named(by)}
       ORDER BY organization.status, organization.date_updated DESC, organization.sid LIMIT 1`,
      [valueOf(by)],
    );
    return organization;
  }

  async findMany(sids: readonly Sid[]): Promise<Organization[]> {
    return queryRows<Organization>(this.client, `SELECT ${columns} FROM organization WHERE organization.sid = ANY($1)`, [sids]);
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
    const [, organization] = await pipelined(
      takeLocks(this.client, `SELECT 1 FROM organization WHERE ${named(by)} ${strength}`, [valueOf(by)]),
      this.find(by),
    );
    return organization;
  }

  async insert({ sid, domainName, status }: Pick<Organization, 'sid' | 'domainName' | 'status'>): Promise<Organization> {
    const [organization] = await queryRows<Organization>(
      this.client,
      `INSERT INTO organization (sid, domain_name, status) VALUES ($1, $2, $3) RETURNING ${columns}`,
      [sid, domainName, status],
    );
    return organization!;
  }

  async setStatus(sid: Sid, status: OrganizationStatus): Promise<Organization> {
    const [organization] = await queryRows<Organization>(
      this.client,
      `UPDATE organization SET status = $2, date_updated = now() WHERE organization.sid = $1 RETURNING ${columns}`,
      [sid, status],
    );
    return organization!;
  }

  /** One page of all organizations, or of those with the status, by domain name. */
  async page(status: OrganizationStatus | undefined, descending: boolean, page: Page): Promise<PageOf<Organization>> {
    const parameters: unknown[] = [status ?? null];
    const parameter = (value: unknown): string => `$${parameters.push(value)}`;
    const { conditions, orderBy, limit } = keyset(
      page,
      { columns: ['organization.domain_name', 'organization.sid'], descending },
      ({ key, sid }) => `${parameter(key)}, ${parameter(sid)}`,
    );
    const rows = await queryRows<Organization>(
      this.client,
      `SELECT ${columns} FROM organization
       WHERE ${['($1::text IS NULL OR organization.status = $1)', ...conditions].join(' AND ')}
       ORDER BY ${orderBy} LIMIT ${limit}`,
      parameters,
    );
    return pageFrom(rows, page);
  }

  async count(status: OrganizationStatus | undefined): Promise<number> {
    const [total] = await queryRows<{ count: number }>(
      this.client,
      `SELECT count(*)::integer AS count FROM organization WHERE $1::text IS NULL OR organization.status = $1`,
      [status ?? null],
    );
    return total!.count;
  }
}
