import type { Client } from '../connection/driver.js';
import type { Entities } from '../connection/entity-manager.js';
import { AccountListRepository } from './account-list-repository.js';
import { AccountRepository } from './account-repository.js';
import { CredentialRepository } from './credential-repository.js';
import { EmailConflictRepository } from './email-conflict-repository.js';
import { EventRepository } from './event-repository.js';
import { ExportRepository } from './export-repository.js';
import { HistoryRepository } from './history-repository.js';
import { IdempotencyRepository } from './idempotency-repository.js';
import { ImportRepository } from './import-repository.js';
import { LockRepository } from './lock-repository.js';
import { OrganizationRepository } from './organization-repository.js';
import { ProfileRepository } from './profile-repository.js';
import { DeliveryLeaseRepository } from './delivery-lease-repository.js';
import { DeliveryRepository } from './delivery-repository.js';
import { RemovalRepository } from './removal-repository.js';
import { SignInFailureRepository } from './sign-in-failure-repository.js';
import { WebhookRepository } from './webhook-repository.js';

/** All SQL of the model, on one connection and in the transaction that runs on it, if any. */
export interface Repositories {
  locks: LockRepository;
  accounts: AccountRepository;
  accountLists: AccountListRepository;
  organizations: OrganizationRepository;
  credentials: CredentialRepository;
  profiles: ProfileRepository;
  history: HistoryRepository;
  events: EventRepository;
  idempotencyKeys: IdempotencyRepository;
  signInFailures: SignInFailureRepository;
  emailConflicts: EmailConflictRepository;
  webhooks: WebhookRepository;
  deliveries: DeliveryRepository;
  deliveryLeases: DeliveryLeaseRepository;
  removals: RemovalRepository;
  imports: ImportRepository;
  exports: ExportRepository;
}

export function repositoriesOn(client: Client, entities: Entities): Repositories {
  return {
    locks: new LockRepository(client),
    accounts: new AccountRepository(client),
    accountLists: new AccountListRepository(client),
    organizations: new OrganizationRepository(client, entities),
    credentials: new CredentialRepository(client),
    profiles: new ProfileRepository(client, entities),
    history: new HistoryRepository(client),
    events: new EventRepository(client),
    idempotencyKeys: new IdempotencyRepository(client),
    signInFailures: new SignInFailureRepository(client),
    emailConflicts: new EmailConflictRepository(client),
    webhooks: new WebhookRepository(client, entities),
    deliveries: new DeliveryRepository(client),
    deliveryLeases: new DeliveryLeaseRepository(client),
    removals: new RemovalRepository(client),
    imports: new ImportRepository(client),
    exports: new ExportRepository(client),
  };
}
