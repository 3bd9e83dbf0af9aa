import type { Page, PageOf } from '../../domain/page.js';
import { type DocumentDigest, type Profile, type ProfileSummary, defaultProfileSid } from '../../domain/profile.js';
import type { Sid, SidKind } from '../../domain/sid.js';
import type { Path } from '../../domain/tree.js';
import type { Client } from '../connection/driver.js';
import { type Entities, deleteReturning, updateReturning } from '../connection/entity-manager.js';
import { takeLocks } from '../connection/lock-timeout.js';
import { pipelined } from '../connection/pipeline.js';
import { queryRows } from '../connection/prepared-query.js';
import { treeAt } from './account-sql.js';
import { AccountProfileEntity, OrganizationProfileEntity, ProfileEntity } from '../schema/profile-entity.js';
import { entityPage } from './keyset.js';

const summaryColumns = 'profile.sid, profile.date_created AS "dateCreated", profile.date_updated AS "dateUpdated"';
const columns = `${summaryColumns}, profile.document`;

/** Every source among the SIDs in $1 that is linked to a profile, and to which one. */
const links = `
  SELECT link.account_sid AS source, link.profile_sid FROM account_profile AS link WHERE link.account_sid = ANY($1)
  UNION ALL
  SELECT link.organization_sid, link.profile_sid FROM organization_profile AS link WHERE link.organization_sid = ANY($1)`;

/** Whether to read documents, each of which can be long. */
export interface Wanted {
  withDocument: boolean;
}

/** What can be linked to a profile, each kind by a table of its own. */
export type LinkedKind = Extract<SidKind, 'account' | 'organization'>;

/** An account or organization that is linked to a profile. */
export interface LinkedOwner {
  sid: Sid;
  /** The top-level account of an account; nothing for an organization. */
  treeSid: Sid | null;
}

/** The tables `profile`, `account_profile` and `organization_profile`. */
export class ProfileRepository {
  constructor(
    private readonly client: Client,
    private readonly entities: Entities,
  ) {}

  /** Those of the SIDs. In SQL, as all that reads profiles for many at once: TypeORM takes two to three times the processor time (ADR 39). */
  async findMany(sids: readonly Sid[], { withDocument }: Wanted): Promise<(ProfileSummary | Profile)[]> {
    return queryRows(this.client, `SELECT ${withDocument ? columns : summaryColumns} FROM profile WHERE profile.sid = ANY($1)`, [sids]);
  }

  /** Reads the profile and keeps it as it is until the transaction ends. */
  async share(sid: Sid): Promise<ProfileSummary | undefined> {
    const [, found] = await pipelined(
      takeLocks(this.client, `SELECT 1 FROM profile WHERE profile.sid = $1 FOR SHARE`, [sid]),
      this.findMany([sid], { withDocument: false }),
    );
    return found[0];
  }

  /** Locks the profile to change or delete it, and tells what its document is known by. */
  async lockDocument(sid: Sid, strength: 'FOR NO KEY UPDATE' | 'FOR UPDATE'): Promise<DocumentDigest | undefined> {
    const [, found] = await pipelined(
      takeLocks(this.client, `SELECT 1 FROM profile WHERE profile.sid = $1 ${strength}`, [sid]),
      queryRows<DocumentDigest>(
        this.client,
        `SELECT encode(sha256(convert_to(profile.document, 'UTF8')), 'hex') AS sha256, octet_length(profile.document) AS bytes
         FROM profile WHERE profile.sid = $1`,
        [sid],
      ),
    );
    return found[0];
  }

  async insert(sid: Sid, document: string): Promise<Profile> {
    const profile = this.entities().create(ProfileEntity, { sid, document });
    await this.entities().insert(ProfileEntity, profile);
    return profile;
  }

  async update(sid: Sid, document: string): Promise<Profile | undefined> {
    const [profile] = await updateReturning(this.entities(), ProfileEntity, { sid }, { document, dateUpdated: () => 'now()' });
    return profile;
  }

  /**
   * Deletes a profile that is locked FOR UPDATE, and with it its links, once they are locked in the order that all take.
   * Returns how many were linked to it, and the first so many of them by their SIDs.
   */
  async delete(sid: Sid, toldAtMost: number): Promise<{ linked: LinkedOwner[]; count: number }> {
    const ofKind = (kind: LinkedKind, rest = ''): string =>
      `SELECT link.${kind}_sid AS sid FROM ${kind}_profile AS link WHERE link.profile_sid = $1 ${rest}`;
    const [, , linked, [total]] = await pipelined(
      takeLocks(this.client, ofKind('account', 'ORDER BY link.account_sid FOR UPDATE'), [sid]),
      takeLocks(this.client, ofKind('organization', 'ORDER BY link.organization_sid FOR UPDATE'), [sid]),
      queryRows<LinkedOwner>(
        this.client,
        `SELECT owner.sid, account.top_level_sid AS "treeSid"
         FROM (SELECT * FROM (${ofKind('account')} UNION ALL ${ofKind('organization')}) AS every ORDER BY every.sid LIMIT $2) AS owner
         LEFT JOIN account ON account.sid = owner.sid ORDER BY owner.sid`,
        [sid, toldAtMost],
      ),
      queryRows<{ count: number }>(
        this.client,
        `SELECT count(*)::integer AS count FROM (${ofKind('account')} UNION ALL ${ofKind('organization')}) AS owner`,
        [sid],
      ),
      this.entities().delete(ProfileEntity, { sid }),
    );
    return { linked, count: total!.count };
  }

  /** Links the owner to the profile, instead of to any other. */
  async link(kind: LinkedKind, ownerSid: Sid, profileSid: Sid): Promise<void> {
    if (kind === 'account') await this.entities().upsert(AccountProfileEntity, { accountSid: ownerSid, profileSid }, ['accountSid']);
    else await this.entities().upsert(OrganizationProfileEntity, { organizationSid: ownerSid, profileSid }, ['organizationSid']);
  }

  /** Undoes the link between the two, if there is one. */
  async unlink(kind: LinkedKind, ownerSid: Sid, profileSid: Sid): Promise<void> {
    if (kind === 'account') await this.entities().delete(AccountProfileEntity, { accountSid: ownerSid, profileSid });
    else await this.entities().delete(OrganizationProfileEntity, { organizationSid: ownerSid, profileSid });
  }

  /** Undoes the organization's link to whatever profile, and tells which one that was. */
  async unlinkOrganization(organizationSid: Sid): Promise<Sid | undefined> {
    const [link] = await deleteReturning(this.entities(), OrganizationProfileEntity, { organizationSid });
    return link?.profileSid;
  }

  /** Which profile each of the accounts and organizations is linked to itself; those that are to none are left out. */
  async linksOf(sources: readonly Sid[]): Promise<Map<Sid, Sid>> {
    const found = await queryRows<{ source: Sid; profile_sid: Sid }>(this.client, links, [sources]);
    return new Map(found.map((link) => [link.source, link.profile_sid]));
  }

  /** The profiles that the accounts and organizations are linked to, each once with those of them that are; and the default one. */
  async findLinked(sources: readonly Sid[], { withDocument }: Wanted): Promise<((ProfileSummary | Profile) & { sources: Sid[] })[]> {
    return queryRows(
      this.client,
      `WITH link AS (${links})
       SELECT ${withDocument ? columns : summaryColumns}, ARRAY(SELECT link.source FROM link WHERE link.profile_sid = profile.sid) AS sources
       FROM profile
       WHERE profile.sid = $2 OR profile.sid IN (SELECT link.profile_sid FROM link)`,
      [sources, defaultProfileSid],
    );
  }

  /** Those of the profiles that an account in the tree at the path is linked to. */
  async linkedWithin(sids: readonly Sid[], path: Path): Promise<Sid[]> {
    const found = await queryRows<{ sid: Sid }>(
      this.client,
      `SELECT wanted.sid FROM unnest($1::text[]) AS wanted(sid)
       WHERE EXISTS (
         SELECT FROM account_profile AS link JOIN account ON account.sid = link.account_sid
         WHERE link.profile_sid = wanted.sid AND ${treeAt('$2')}
       )`,
      [sids, path],
    );
    return found.map(({ sid }) => sid);
  }

  /** One page of all profiles, the oldest first. */
  async page(page: Page): Promise<PageOf<ProfileSummary>> {
    const list = this.entities()
      .createQueryBuilder(ProfileEntity, 'profile')
      .select(['profile.sid', 'profile.dateCreated', 'profile.dateUpdated']);
    return entityPage(list, page, { columns: ['dateCreated', 'sid'], descending: false });
  }

  async count(): Promise<number> {
    return this.entities().count(ProfileEntity);
  }
}
