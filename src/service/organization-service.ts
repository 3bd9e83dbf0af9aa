import {
  type Organization,
  type OrganizationReference,
  OrganizationStatus,
  organizationNotFound,
  parseDomainName,
  parseOrganizationReference,
} from '../domain/organization.js';
import { type Order, type PageArguments, type PageOf, type Position, parsePage } from '../domain/page.js';
import type { Actor } from '../domain/actor.js';
import { assertSignedIn, authorize, seesOrganization } from '../domain/permissions.js';
import type { Caller } from '../domain/request-context.js';
import { newSid, parseSid, type Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import type { Database } from '../persistence/connection/database.js';
import { inBatches } from './streamed-list.js';
import type { AuditedTransactions } from './audited-transaction.js';

/** The order of every list of organizations. */
export const organizationOrder: Order = { field: 'domainName', descending: false };

/** Organizations: administrators read their own, the Super Admin does everything else (SPEC §2). */
export class OrganizationService {
  constructor(
    private readonly database: Database,
    private readonly transactions: AuditedTransactions,
  ) {}

  /** The organization, if there is one that the caller may see. @throws AppError FORBIDDEN, BAD_USER_INPUT, INVALID_DOMAIN_NAME */
  async find(actor: Actor, by: OrganizationReference): Promise<Organization | null> {
    authorize(actor, 'readOwnOrganization');
    const key = parseOrganizationReference(by);
    const organization = key && (await this.database.lookUp(actor.account, ({ organizations }) => organizations.find(key)));
    return organization !== undefined && seesOrganization(actor, organization.sid) ? organization : null;
  }

  /**
   * The organization, or the reason why the caller cannot have it.
   * @throws AppError FORBIDDEN, ORGANIZATION_NOT_FOUND, and as `find`
   */
  async get(actor: Actor, by: OrganizationReference, field = 'organization'): Promise<Organization> {
    const organization = await this.find(actor, by);
    if (organization !== null) return organization;
    authorize(actor, 'manageOrganizations');
    throw organizationNotFound(field);
  }

  /** The first organization that exists, of several that a text may mean. @throws AppError as `get` */
  async getFirst(actor: Actor, references: readonly OrganizationReference[]): Promise<Organization> {
    authorize(actor, 'readOwnOrganization');
    for (const by of references.slice(0, -1)) {
      const organization = await this.find(actor, by);
      if (organization !== null) return organization;
    }
    return this.get(actor, references.at(-1)!);
  }

  /** The organization, for a use case about all accounts in it. @throws AppError as `get` */
  async getManaged(actor: Actor, by: OrganizationReference, field?: string): Promise<Organization> {
    authorize(actor, 'manageOrganizations');
    return this.get(actor, by, field);
  }

  /** Many organizations at once, in the order of the SIDs; null where there is none that the caller may see. */
  async findMany(actor: Actor, sids: readonly Sid[]): Promise<(Organization | null)[]> {
    assertSignedIn(actor);
    const visible = sids.filter((sid) => seesOrganization(actor, sid));
    const found =
      visible.length === 0 ? [] : await this.database.lookUp(actor.account, ({ organizations }) => organizations.findMany(visible));
    const bySid = new Map(found.map((organization) => [organization.sid, organization]));
    return sids.map((sid) => bySid.get(sid) ?? null);
  }

  /** One page of all organizations, by domain name. @throws AppError FORBIDDEN, INVALID_PAGE */
  async list(actor: Actor, status: OrganizationStatus | undefined, pageArguments: PageArguments): Promise<PageOf<Organization>> {
    authorize(actor, 'manageOrganizations');
    const page = parsePage(pageArguments, organizationOrder);
    return this.database.read(actor.account, ({ organizations }) => organizations.page(status, organizationOrder.descending, page));
  }

  /** All organizations, in batches, each read when it is asked for. @throws AppError FORBIDDEN, UNAVAILABLE */
  async all(actor: Actor, status: OrganizationStatus | undefined): Promise<AsyncIterable<Organization[]>> {
    assertSignedIn(actor);
    return inBatches(this.database, actor, {
      authorize: (caller) => authorize(caller, 'manageOrganizations'),
      read: ({ organizations }, page) => organizations.page(status, organizationOrder.descending, page),
      positionOf: organizationPosition,
    });
  }

  /** The number of organizations. Without a status it may be stale. @throws AppError FORBIDDEN */
  async count(actor: Actor, status: OrganizationStatus | undefined): Promise<number> {
    authorize(actor, 'manageOrganizations');
    if (status === undefined) return this.database.readStale(actor.account, (reads) => reads.countOrganizations());
    return this.database.read(actor.account, ({ organizations }) => organizations.count(status));
  }

  /** @throws AppError FORBIDDEN, INVALID_DOMAIN_NAME, DOMAIN_NAME_IN_USE */
  async create({ actor: author, request }: Caller, domainName: string): Promise<Organization> {
    authorize(author, 'manageOrganizations');
    const organization = { sid: newSid('organization'), domainName: parseDomainName(domainName), status: OrganizationStatus.ACTIVE };
    return this.transactions.write(author, request, { operation: 'manageOrganizations' }, async ({ organizations }, { actor, record }) => {
      const created = await organizations.insert(organization);
      const { sid, ...after } = organization;
      record(actor.account.topLevelSid, { operation: 'createOrganization', subjectSid: sid, after });
      return created;
    });
  }

  /**
   * Closes an organization that has no open account. Closing it again changes nothing.
   * @throws AppError FORBIDDEN, ORGANIZATION_NOT_FOUND, ORGANIZATION_NOT_EMPTY, BAD_USER_INPUT
   */
  async close({ actor: author, request }: Caller, sid: Sid): Promise<Organization> {
    authorize(author, 'manageOrganizations');
    parseSid('organization', sid, 'sid');
    return this.transactions.write(
      author,
      request,
      { operation: 'manageOrganizations' },
      async ({ accounts, organizations, profiles }, { actor, record }) => {
        const organization = await organizations.lock({ sid });
        if (organization === undefined) throw organizationNotFound('sid');
        if (organization.status === OrganizationStatus.CLOSED) return organization;
        if (!(await accounts.isOrganizationEmpty(sid))) {
          throw new AppError(
            'ORGANIZATION_NOT_EMPTY',
            `Organization ${sid} still has accounts that are not closed. Close or migrate them first.`,
          );
        }
        const profileSid = await profiles.unlinkOrganization(sid);
        if (profileSid !== undefined) {
          record(actor.account.topLevelSid, { operation: 'unlinkProfile', subjectSid: sid, before: { profileSid } });
        }
        const closed = await organizations.setStatus(sid, OrganizationStatus.CLOSED);
        const [before, after] = [organization, closed].map(({ status }) => ({ status }));
        record(actor.account.topLevelSid, { operation: 'closeOrganization', subjectSid: sid, before, after });
        return closed;
      },
    );
  }
}

/** The position of an organization in the list of all organizations. */
export function organizationPosition({ domainName, sid }: Organization): Position {
  return { key: domainName, sid };
}
