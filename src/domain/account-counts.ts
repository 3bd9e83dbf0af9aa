import { type Account, AccountStatus, AccountType, Role, type StatusCount } from './account.js';
import type { AccountFilter } from './account-list.js';

/**
 * How many accounts a tree has, for each combination of status, role and type: one number for each, in the order of `combinations`.
 * The head of each tree's history keeps them (SPEC §12), so that no count of a whole tree, or of all trees, has to read accounts.
 */
export type AccountCounts = readonly number[];

/** What accounts are counted by. */
export type CountedProperties = Pick<Account, 'status' | 'role' | 'type'>;

/** How many accounts are alike in these. */
export type CountedAccounts = CountedProperties & { count: number };

/** How many of the accounts have each status. */
export function byStatus(counted: readonly CountedAccounts[]): StatusCount[] {
  const counts = new Map<AccountStatus, number>();
  for (const { status, count } of counted) counts.set(status, (counts.get(status) ?? 0) + count);
  return [...counts].map(([status, count]) => ({ status, count }));
}

/** The accounts of a tree that have one of the statuses, by status: of the one at its top, and of those below it, which are given. */
export function countedInTree(
  { status, role, type }: CountedProperties,
  below: readonly CountedAccounts[],
  statuses: readonly AccountStatus[],
): CountedAccounts[] {
  return [...below, { status, role, type, count: 1 }]
    .filter((counted) => statuses.includes(counted.status))
    .toSorted((one, other) => (one.status < other.status ? -1 : 1));
}

/** Stored counts depend on this order: it never changes, and what is new is appended as a whole. */
const combinations: readonly CountedProperties[] = Object.values(AccountStatus).flatMap((status) =>
  Object.values(Role).flatMap((role) => Object.values(AccountType).map((type) => ({ status, role, type }))),
);

const placeOf = ({ status, role, type }: CountedProperties): number =>
  combinations.findIndex((each) => each.status === status && each.role === role && each.type === type);

/** Whether the stored counts tell how many accounts the filter leaves. */
export function isCounted({ text, friendlyName, emailAddress }: AccountFilter): boolean {
  return text === undefined && friendlyName === undefined && emailAddress === undefined;
}

/** Which of the counts the filter asks for, by their places, from 1 as in PostgreSQL's arrays. */
export function countedPlaces({ status, role, type }: Pick<AccountFilter, keyof CountedProperties>): number[] {
  return combinations.flatMap((each, index) =>
    (status ?? each.status) === each.status && (role ?? each.role) === each.role && (type ?? each.type) === each.type ? [index + 1] : [],
  );
}

/** A change of counts, which adds up while a transaction runs. */
export class CountChange {
  readonly #changes = combinations.map(() => 0);

  /** What to add to each of the counts. */
  get changes(): AccountCounts {
    return this.#changes;
  }

  /** Accounts that are no longer as they were before, if they were there, but as they are after. */
  add(before: CountedProperties | undefined, after: CountedProperties, count = 1): void {
    if (before !== undefined) this.#changes[placeOf(before)]! -= count;
    this.#changes[placeOf(after)]! += count;
  }
}
