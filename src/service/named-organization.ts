import { type Account, isRoot } from '../domain/account.js';
import type { Actor, SignedIn } from '../domain/actor.js';
import type { Organization, OrganizationKey } from '../domain/organization.js';
import { authorize, may } from '../domain/permissions.js';
import type { Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import type { Repositories } from '../persistence/connection/database.js';

/**
 * The organization of the key. For a caller who may put an account into it, it is kept from being closed; others must not lock it,
 * since with a stream of requests they could keep it open.
 */
export async function namedOrganization(
  { organizations }: Repositories,
  author: SignedIn,
  key: OrganizationKey,
): Promise<Organization | undefined> {
  return may(author, 'manageOrganizations', author.account) ? organizations.share(key) : organizations.find(key);
}

/** The organization of a new account that names one. Only a top-level account's may differ from its parent's, and only by the Super Admin. */
export function organizationOf(actor: Actor, parent: Account, named: Organization | undefined): Sid {
  // The parent's organization needs no lock: it cannot be closed while the parent is active.
  if (named?.sid === parent.organizationSid) return parent.organizationSid;
  authorize(actor, 'manageOrganizations');
  if (named?.status !== 'active') {
    throw new AppError('ORGANIZATION_NOT_FOUND', 'There is no such active organization. Check its SID or domain name.', {
      field: 'organization',
      status: 400,
    });
  }
  if (!isRoot(parent)) {
    throw new AppError(
      'NOT_TOP_LEVEL',
      "Only a top-level account may be in another organization than its parent's. Leave the organization out.",
      {
        field: 'organization',
      },
    );
  }
  return named.sid;
}
