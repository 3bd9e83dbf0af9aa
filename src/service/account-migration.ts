import {
  type Account,
  type AccountReference,
  AccountStatus,
  assertOpen,
  assertVersion,
  isTopLevel,
  parseAccountReference,
} from '../domain/account.js';
import { byStatus, countedInTree } from '../domain/account-counts.js';
import { parsedOrUndefined } from '../domain/input.js';
import { type Organization, type OrganizationReference, parseOrganizationReference } from '../domain/organization.js';
import { authorize, authorizeOn } from '../domain/permissions.js';
import { type Caller, withoutIdempotencyKey } from '../domain/request-context.js';
import { AppError } from '../errors.js';
import { pipelined } from '../persistence/connection/pipeline.js';
import type { Cascade, CascadeOptions } from './account-status.js';
import type { AccountLock } from '../persistence/repositories/lock-repository.js';
import type { AuditedTransactions } from './audited-transaction.js';

/** Moves a top-level account, with everything below it, to another organization (SPEC §2, "Migration"). */
export class AccountMigration {
  constructor(private readonly transactions: AuditedTransactions) {}

  /**
   * Checks in the order that SPEC §2 gives. Locks in the order of all writers: the tree, then the organization.
   * @throws AppError FORBIDDEN, ORGANIZATION_REQUIRED, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, NOT_TOP_LEVEL,
   * SAME_ORGANIZATION, VERSION_CONFLICT
   */
  async migrate(
    { actor: author, request }: Caller,
    target: AccountReference,
    destination: OrganizationReference | undefined,
    { dryRun = false, version }: CascadeOptions = {},
  ): Promise<Cascade> {
    authorize(author, 'migrateAccount');
    // A malformed reference names nothing. The checks below say so, in their order.
    const destinationKey = destination && parsedOrUndefined(() => parseOrganizationReference(destination));
    const key = parsedOrUndefined(() => parseAccountReference(target));
    const lock: AccountLock = { account: key, scope: dryRun ? 'place' : 'tree' };
    return this.transactions.write(
      author,
      dryRun ? withoutIdempotencyKey(request) : request,
      {
        operation: 'migrateAccount',
        lock,
        alsoRead: ({ accounts, organizations }) =>
          pipelined(
            destinationKey && organizations.share(destinationKey),
            key === undefined ? [] : accounts.countBelow(key, author.account.path),
          ),
      },
      async ({ accounts }, { actor, account, read: [organization, below], record }) => {
        assertDestination(organization);
        // Refuses a malformed reference, now that the organization has been checked.
        parseAccountReference(target);
        authorizeOn(actor, 'migrateAccount', account);
        assertMigratable(account, organization);
        assertVersion(account, version);

        const reached = byStatus(countedInTree(account, below, Object.values(AccountStatus)));
        if (dryRun) return { account, reached, dryRun };
        record(account.topLevelSid, {
          operation: 'migrateAccount',
          subjectSid: account.sid,
          before: { organizationSid: account.organizationSid },
          after: { organizationSid: organization.sid, reached },
        });
        return { account: await accounts.setOrganizationInTree(account, organization.sid), reached, dryRun };
      },
    );
  }
}

function assertDestination(organization: Organization | undefined): asserts organization is Organization {
  if (organization?.status !== 'active') {
    throw new AppError('ORGANIZATION_REQUIRED', 'organization must be the SID or domain name of an active organization.', {
      field: 'organization',
    });
  }
}

function assertMigratable(account: Account, organization: Organization): void {
  assertOpen(account);
  if (!isTopLevel(account)) {
    throw new AppError(
      'NOT_TOP_LEVEL',
      `Account ${account.sid} is not a top-level account, and only whole trees can be moved. Migrate the account at the top of its tree.`,
      {
        field: 'sid',
      },
    );
  }
  if (account.organizationSid === organization.sid) {
    throw new AppError('SAME_ORGANIZATION', `Account ${account.sid} is already in organization ${organization.sid}.`, {
      field: 'organization',
    });
  }
}
