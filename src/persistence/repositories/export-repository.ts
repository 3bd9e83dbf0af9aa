import type { Account } from '../../domain/account.js';
import type { Organization } from '../../domain/organization.js';
import { type Profile, defaultProfileSid } from '../../domain/profile.js';
import type { Sid } from '../../domain/sid.js';
import { type Path, levelWidth } from '../../domain/tree.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';
import { selected, treeAt } from './account-sql.js';

const exportedColumns = [
  'sid',
  'parentSid',
  'path',
  'organizationSid',
  'emailAddress',
  'friendlyName',
  'type',
  'status',
  'statusChangedAt',
  'role',
  'dateCreated',
  'dateUpdated',
] as const;

/** An account as it is exported. */
export type ExportedAccount = Pick<Account, (typeof exportedColumns)[number]>;

/** Whether the path `$1` is the root's, to which all organizations and profiles belong. */
const isRoot = `octet_length($1) = ${levelWidth}`;

/** The organization of the account with the path `$1`, and so of everything below it, unless it is the root. */
const ownOrganization = `(SELECT account.organization_sid FROM account WHERE account.path = $1)`;

/** What belongs to the account with a path and everything below it, in batches by their keys. */
export class ExportRepository {
  constructor(private readonly client: Client) {}

  /** Parents before children. */
  async accountsAfter(path: Path, after: Path | '', limit: number): Promise<ExportedAccount[]> {
    return queryRows(
      this.client,
      `SELECT ${selected(exportedColumns)} FROM account WHERE ${treeAt('$1')} AND account.path > $2 ORDER BY account.path LIMIT $3`,
      [path, after, limit],
    );
  }

  async organizationsAfter(path: Path, after: Sid | '', limit: number): Promise<Organization[]> {
    return queryRows(
      this.client,
      `SELECT organization.sid, organization.domain_name AS "domainName", organization.status,
              organization.date_created AS "dateCreated", organization.date_updated AS "dateUpdated"
       FROM organization WHERE organization.sid > $2 AND (${isRoot} OR organization.sid = ${ownOrganization})
       ORDER BY organization.sid LIMIT $3`,
      [path, after, limit],
    );
  }

  /** The profiles that are linked there; for the root all but the default profile, which every gateway has. */
  async profilesAfter(path: Path, after: Sid | '', limit: number): Promise<Profile[]> {
    return queryRows(
      this.client,
      `SELECT profile.sid, profile.document, profile.date_created AS "dateCreated", profile.date_updated AS "dateUpdated"
       FROM profile WHERE profile.sid > $2 AND profile.sid <> '${defaultProfileSid}' AND (
         ${isRoot}
         OR EXISTS (SELECT FROM organization_profile AS link WHERE link.profile_sid = profile.sid AND link.organization_sid = ${ownOrganization})
         OR EXISTS (
           SELECT FROM account_profile AS link JOIN account ON account.sid = link.account_sid
           WHERE link.profile_sid = profile.sid AND ${treeAt('$1')}
         )
       )
       ORDER BY profile.sid LIMIT $3`,
      [path, after, limit],
    );
  }
}
