import type { Client } from '../connection/driver.js';
import type { Entities } from '../connection/entity-manager.js';
import { AccountListRepository } from './account-list-repository.js';
import { AccountRepository } from './account-repository.js';
import { CredentialRepository } from './credential-repository.js';
import { EmailConflictRepository } from './email-conflict-repository.js';
import { HistoryRepository } from './history-repository.js';
import { IdempotencyRepository } from './idempotency-repository.js';
import { LockRepository } from './lock-repository.js';
import { OrganizationRepository } from './organization-repository.js';
import { ProfileRepository } from './profile-repository.js';
import { SignInFailureRepository } from './sign-in-failure-repository.js';

/** All SQL of the model, on one connection and in the transaction that runs on it, if any. */
export interface Repositories {
  locks: LockRepository;
  accounts: AccountRepository;
  accountLists: AccountListRepository;
  organizations: OrganizationRepository;
  credentials: CredentialRepository;
  profiles: ProfileRepository;
  history: HistoryRepository;
  idempotencyKeys: IdempotencyRepository;
  signInFailures: SignInFailureRepository;
  emailConflicts: EmailConflictRepository;
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
    idempotencyKeys: new IdempotencyRepository(client),
    signInFailures: new SignInFailureRepository(client),
    emailConflicts: new EmailConflictRepository(client),
  };
}
