import type { AccountMigration } from '../service/account-migration.js';
import type { AccountQueries } from '../service/account-queries.js';
import type { AccountService } from '../service/account-service.js';
import type { AccountStatusService } from '../service/account-status.js';
import type { AuthTokenQueries } from '../service/auth-token-queries.js';
import type { CredentialService } from '../service/credential-service.js';
import type { EventQueries } from '../service/event-queries.js';
import type { EventSubscriptions } from '../service/event-subscriptions.js';
import type { HistoryQueries } from '../service/history-queries.js';
import type { OrganizationService } from '../service/organization-service.js';
import type { ProfileQueries } from '../service/profile-queries.js';
import type { ProfileService } from '../service/profile-service.js';
import type { ResourceRemovals } from '../service/resource-removal.js';
import type { SignIn } from '../service/sign-in.js';
import type { SubresourceAccess } from '../service/subresource-access.js';
import type { WebhookQueries } from '../service/webhook-queries.js';
import type { WebhookService } from '../service/webhook-service.js';

/** The use cases, the same for both APIs. */
export interface Services {
  authentication: SignIn;
  accounts: AccountService;
  accountStatus: AccountStatusService;
  accountQueries: AccountQueries;
  migration: AccountMigration;
  organizations: OrganizationService;
  credentials: CredentialService;
  authTokens: AuthTokenQueries;
  profiles: ProfileService;
  profileQueries: ProfileQueries;
  history: HistoryQueries;
  events: EventQueries;
  subscriptions: EventSubscriptions;
  subresources: SubresourceAccess;
  webhooks: WebhookService;
  removals: ResourceRemovals;
  webhookQueries: WebhookQueries;
}
