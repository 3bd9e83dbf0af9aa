import type { AccountSelection, StaleFilter } from '../../domain/account-list.js';
import type { Repositories } from '../repositories/repositories.js';

/**
 * What may be read from a replica, which is behind the database (ADR 16): nothing that a permission or a change depends on, and
 * nothing that reveals an account's status, role or credentials. Nothing else can be reached through this class.
 */
export class StaleReads {
  readonly #repositories: Repositories;

  constructor(repositories: Repositories) {
    this.#repositories = repositories;
  }

  /** The length of each of many lists of accounts, by their keys, in one statement. */
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
