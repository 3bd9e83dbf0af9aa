import type { AccountSelection, StaleFilter } from '../../domain/account-list.js';
import type { Repositories } from './database.js';

/**
 * All that may be answered from a replica, which is behind (ADR 16): what no permission and no write rests on, and what
 * tells of no account's status, role or credentials. Nothing else can be reached through it.
 */
export class StaleReads {
  readonly #repositories: Repositories;

  constructor(repositories: Repositories) {
    this.#repositories = repositories;
  }

  /** The length of each of many lists of accounts, in one statement. */
  countAccounts(keys: readonly string[], selection: AccountSelection & { filter: StaleFilter }): Promise<Map<string, number>> {
    return this.#repositories.accountLists.counts(keys, selection);
  }

  /** How many organizations there are, whatever their status. */
  countOrganizations(): Promise<number> {
    return this.#repositories.organizations.count(undefined);
  }

  countProfiles(): Promise<number> {
    return this.#repositories.profiles.count();
  }
}
