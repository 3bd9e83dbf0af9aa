import { type Account, AccountStatus, assertOpen, assertVersion, isTopLevel } from '../domain/account.js';
import type { Organization, OrganizationReference } from '../domain/organization.js';
import { type Actor, authorize, authorizeOn } from '../domain/permissions.js';
import { isSid, parseSid, type Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import type { Database } from '../persistence/database.js';
import type { Cascade, CascadeOptions } from './account-service.js';
import { parseReference } from './organization-service.js';

/** Moves a top-level account, with everything below it, to another organization (SPEC §2, "Migration"). */
export class AccountMigration {
  constructor(private readonly database: Database) {}

  /**
   * The checks come in the order that SPEC §2 gives; the locks, in the order that all writers keep: the tree, then the
   * organization.
   * @throws AppError FORBIDDEN, ORGANIZATION_REQUIRED, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, NOT_TOP_LEVEL,
   * SAME_ORGANIZATION, VERSION_CONFLICT
   */
  async migrate(
    actor: Actor,
    sid: Sid,
    destination: OrganizationReference | undefined,
    { dryRun = false, version }: CascadeOptions = {},
  ): Promise<Cascade> {
    authorize(actor, 'migrateAccount');
    const reference = destination && wellFormed(destination);
    return this.database.write(async ({ accounts, organizations }) => {
      const strength = dryRun ? 'FOR SHARE' : 'FOR UPDATE';
      const account = isSid('account', sid) ? await accounts.lockTreeOf(sid, actor.account.path, strength) : undefined;
      const organization = reference && (await organizations.share(reference));
      assertDestination(organization);
      parseSid('account', sid, 'sid');
      authorizeOn(actor, 'migrateAccount', account);
      assertMigratable(account, organization);
      assertVersion(account, version);

      const reached = await accounts.countInTree(account, Object.values(AccountStatus));
      if (dryRun) return { account, reached, dryRun };
      await accounts.setOrganizationInTree(account, organization.sid);
      return { account: (await accounts.find(sid))!, reached, dryRun };
    });
  }
}

/** What is malformed names no organization; SPEC §2 has one answer for both. */
function wellFormed(reference: OrganizationReference): OrganizationReference | undefined {
  try {
    return parseReference(reference);
  } catch {
    return undefined;
  }
}

function assertDestination(organization: Organization | undefined): asserts organization is Organization {
  if (organization?.status !== 'active') {
    throw new AppError('ORGANIZATION_REQUIRED', 'Name an active organization to move the account to, by SID or domain name.', {
      field: 'organization',
    });
  }
}

function assertMigratable(account: Account, organization: Organization): void {
  assertOpen(account);
  if (!isTopLevel(account)) {
    throw new AppError('NOT_TOP_LEVEL', `Account ${account.sid} is not a top-level account; only whole trees are moved.`, { field: 'sid' });
  }
  if (account.organizationSid === organization.sid) {
    throw new AppError('SAME_ORGANIZATION', `Account ${account.sid} is in organization ${organization.sid} already.`, {
      field: 'organization',
    });
  }
}
