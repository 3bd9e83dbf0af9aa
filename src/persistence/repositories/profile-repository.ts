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

/** The profile links of the accounts and organizations in `$1`. */
const links = `
  SELECT link.account_sid AS source, link.profile_sid FROM account_profile AS link WHERE link.account_sid = ANY($1)
  UNION ALL
  SELECT link.organization_sid, link.profile_sid FROM organization_profile AS link WHERE link.organization_sid = ANY($1)`;

/** How much of profiles to read. Documents can be long. */
export interface ProfileReadOptions {
  withDocument: boolean;
}

/** What can be linked to a profile. Each kind has a table of links. */
export type LinkedOwnerKind = Extract<SidKind, 'account' | 'organization'>;

/** An account or organization that is linked to a profile. */
interface LinkedOwner {
  sid: Sid;
  /** The account's top-level account; null for an organization. */
  treeSid: Sid | null;
}

/** The tables `profile`, `account_profile` and `organization_profile`. */
export class ProfileRepository {
  constructor(
    private readonly client: Client,
    private readonly entities: Entities,
  ) {}

  /** The profiles of the SIDs. Like every look-up for many at once it is in SQL: TypeORM takes two to three times the processor time (ADR 39). */
  async findMany(sids: readonly Sid[], { withDocument }: ProfileReadOptions): Promise<(ProfileSummary | Profile)[]> {
    return queryRows(this.client, `SELECT ${withDocument ? columns : summaryColumns} FROM profile WHERE profile.sid = ANY($1)`, [sids]);
  }

  /** Reads the profile and locks it against changes until the transaction ends. */
  async share(sid: Sid): Promise<ProfileSummary | undefined> {
    const [, found] = await pipelined(
      takeLocks(this.client, `SELECT 1 FROM profile WHERE profile.sid = $1 FOR SHARE`, [sid]),
      this.findMany([sid], { withDocument: false }),
    );
    return found[0];
  }

  /** Locks the profile for a change or deletion, and returns the digest of its document. */
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
   * Deletes a profile that is locked FOR UPDATE, with its links. The links are locked first, in the order in which cascades lock them.
   * Returns how many accounts and organizations were linked to it, and the first `namedAtMost` of them by their SIDs.
   */
  async delete(sid: Sid, namedAtMost: number): Promise<{ linked: LinkedOwner[]; count: number }> {
    const ofKind = (kind: LinkedOwnerKind, rest = ''): string =>
      `SELECT link.${kind}_sid AS sid FROM ${kind}_profile AS link WHERE link.profile_sid = $1 ${rest}`;
    const [, , linked, [total]] = await pipelined(
      takeLocks(this.client, ofKind('account', 'ORDER BY link.account_sid FOR UPDATE'), [sid]),
      takeLocks(this.client, ofKind('organization', 'ORDER BY link.organization_sid FOR UPDATE'), [sid]),
      queryRows<LinkedOwner>(
        this.client,
        `SELECT owner.sid, account.top_level_sid AS "treeSid"
         FROM (SELECT * FROM (${ofKind('account')} UNION ALL ${ofKind('organization')}) AS every ORDER BY every.sid LIMIT $2) AS owner
         LEFT JOIN account ON account.sid = owner.sid ORDER BY owner.sid`,
        [sid, namedAtMost],
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

  /** Links the owner to the profile. A link to another profile is replaced. */
  async link(kind: LinkedOwnerKind, ownerSid: Sid, profileSid: Sid): Promise<void> {
    if (kind === 'account') await this.entities().upsert(AccountProfileEntity, { accountSid: ownerSid, profileSid }, ['accountSid']);
    else await this.entities().upsert(OrganizationProfileEntity, { organizationSid: ownerSid, profileSid }, ['organizationSid']);
  }

  /** Removes the owner's link to the profile, if there is one. */
  async unlink(kind: LinkedOwnerKind, ownerSid: Sid, profileSid: Sid): Promise<void> {
    if (kind === 'account') await this.entities().delete(AccountProfileEntity, { accountSid: ownerSid, profileSid });
    else await this.entities().delete(OrganizationProfileEntity, { organizationSid: ownerSid, profileSid });
  }

  /** Removes the organization's link, if there is one, and returns the profile's SID. */
  async unlinkOrganization(organizationSid: Sid): Promise<Sid | undefined> {
    const [link] = await deleteReturning(this.entities(), OrganizationProfileEntity, { organizationSid });
    return link?.profileSid;
  }

  /** The profile that each of the accounts and organizations is linked to itself; those without a link are left out. */
  async linksOf(sources: readonly Sid[]): Promise<Map<Sid, Sid>> {
    const found = await queryRows<{ source: Sid; profile_sid: Sid }>(this.client, links, [sources]);
    return new Map(found.map((link) => [link.source, link.profile_sid]));
  }

  /** The profiles that the accounts and organizations are linked to, each with the SIDs of those; and the default profile. */
  async findLinked(
    sources: readonly Sid[],
    { withDocument }: ProfileReadOptions,
  ): Promise<((ProfileSummary | Profile) & { sources: Sid[] })[]> {
    return queryRows(
      this.client,
      `WITH link AS (${links})
       SELECT ${withDocument ? columns : summaryColumns}, ARRAY(SELECT link.source FROM link WHERE link.profile_sid = profile.sid) AS sources
       FROM profile
       WHERE profile.sid = $2 OR profile.sid IN (SELECT link.profile_sid FROM link)`,
      [sources, defaultProfileSid],
    );
  }

  /** Those of the profiles that the account with the path, or any account below it, is linked to. */
  async linkedInTree(sids: readonly Sid[], path: Path): Promise<Sid[]> {
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
