import type { AccountMigration } from '../service/account-migration.js';
import type { AccountQueries } from '../service/account-queries.js';
import type { AccountService } from '../service/account-service.js';
import type { CredentialService } from '../service/credential-service.js';
import type { HistoryService } from '../service/history-service.js';
import type { OrganizationService } from '../service/organization-service.js';
import type { ProfileService } from '../service/profile-service.js';
import type { SubresourceAccess } from '../service/subresource-access.js';

/** The use cases, the same for every surface. */
export interface Services {
  accounts: AccountService;
  accountQueries: AccountQueries;
  migration: AccountMigration;
  organizations: OrganizationService;
  credentials: CredentialService;
  profiles: ProfileService;
  history: HistoryService;
  subresources: SubresourceAccess;
}
