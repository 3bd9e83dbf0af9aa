import type { AccountFilter, AccountScope } from '../repositories/account-repository.js';
import type { Repositories } from './database.js';

/** What narrows a list of accounts whose length may be told late: status and role never are, not even by a number. */
export interface StaleFilter extends Pick<AccountFilter, 'type' | 'text'> {
  status?: undefined;
  role?: undefined;
}

/** Whether a count of the accounts that fit says nothing of a status or a role. */
export function mayBeStale(filter: AccountFilter): filter is StaleFilter {
  return filter.status === undefined && filter.role === undefined;
}

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
  countAccounts(scope: AccountScope, keys: readonly string[], filter: StaleFilter): Promise<Map<string, number>> {
    return this.#repositories.accounts.countLists(scope, keys, filter);
  }

  /** How many organizations there are, whatever their status. */
  countOrganizations(): Promise<number> {
    return this.#repositories.organizations.count(undefined);
  }

  countProfiles(): Promise<number> {
    return this.#repositories.profiles.count();
  }
}
