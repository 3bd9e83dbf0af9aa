import DataLoader from 'dataloader';
import { type Account, type AccountPlace, type AccountReference, parseAccountReference } from '../../../domain/account.js';
import type { AccountListing, AccountRow, AccountSelection, ListOwner } from '../../../domain/account-list.js';
import type { HistoryScope } from '../../../domain/history.js';
import type { Organization } from '../../../domain/organization.js';
import type { Page, PageOf } from '../../../domain/page.js';
import type { Actor } from '../../../domain/actor.js';
import { ifReadable } from '../../../domain/permissions.js';
import type { InEffect, Profile, ProfileOwner, ProfileSummary } from '../../../domain/profile.js';
import type { Sid } from '../../../domain/sid.js';
import type { PrefetchedAccount } from '../../../service/sign-in.js';
import type { HistoryOwner, VisibleEntry } from '../../../service/history-queries.js';
import type { ResourceRemoval } from '../../../domain/resource-removal.js';
import type { Webhook } from '../../../domain/webhook.js';
import type { Services } from '../../services.js';

/** One owner's list. A level of a query asks for many of them at once. */
interface ListKey<Selected extends AccountSelection> {
  listing: Selected;
  owner: ListOwner;
}

/** A profile, with its document only if the query asks for it. */
interface ProfileKey<Of> {
  of: Of;
  withDocument: boolean;
}

/** One owner's entries of the history. */
interface HistoryListKey {
  owner: HistoryOwner;
  scope: HistoryScope;
  page: Page;
}

export interface Loaders {
  accounts: DataLoader<Sid, Account | null>;
  /** One account for each call; primed with the prefetched one. */
  accountsByReference: DataLoader<AccountReference, Account | null, string>;
  organizations: DataLoader<Sid, Organization | null>;
  profiles: DataLoader<ProfileKey<Sid>, Profile | null, string>;
  /** The profile in effect for each account or organization. */
  effectiveProfiles: DataLoader<ProfileKey<ProfileOwner>, InEffect<Profile>, string>;
  pages: DataLoader<ListKey<AccountListing>, PageOf<AccountRow>, string>;
  counts: DataLoader<ListKey<AccountSelection>, number, string>;
  history: DataLoader<HistoryListKey, PageOf<VisibleEntry>, string>;
  historyCounts: DataLoader<Omit<HistoryListKey, 'page'>, number, string>;
  webhooks: DataLoader<Sid, Webhook | null>;
  /** All webhooks of each account. */
  accountWebhooks: DataLoader<Account, Webhook[], Sid>;
  /** What waits for each webhook: in how many trees, and how many entries of their histories. */
  resourceRemovals: DataLoader<AccountPlace, ResourceRemoval[], Sid>;
  webhookWaiting: DataLoader<Sid, { trees: number; entries: number }>;
}

/** Called with the number of keys of each batch. */
export type ObserveBatch = (loader: keyof Loaders, size: number) => void;

/**
 * The loaders of one request and one caller. They ask the services, so no resolver gets anything that the caller may not see. A
 * level of a query becomes one batch, and one statement, however wide it is.
 */
export function createLoaders(
  {
    accountQueries,
    organizations,
    profileQueries,
    history,
    webhookQueries,
    removals,
  }: Pick<Services, 'accountQueries' | 'organizations' | 'profileQueries' | 'history' | 'webhookQueries' | 'removals'>,
  actor: Actor,
  prefetched: PrefetchedAccount | undefined,
  observe: ObserveBatch,
): Loaders {
  const lists = <Selected extends AccountSelection, Result>(
    name: 'pages' | 'counts',
    read: (listing: Selected, owners: ListOwner[]) => Promise<Result[]>,
  ) =>
    new DataLoader<ListKey<Selected>, Result, string>(
      (keys) => {
        observe(name, keys.length);
        const owners = (group: ListKey<Selected>[]): ListOwner[] => group.map(({ owner }) => owner);
        return inGroups(
          keys,
          ({ listing }) => JSON.stringify(listing),
          (group) => read(group[0]!.listing, owners(group)),
        );
      },
      { cacheKeyFn: ({ listing, owner }) => owner.sid + JSON.stringify(listing) },
    );

  const profilesBy = <Of, Result extends Profile | null>(
    name: 'profiles' | 'effectiveProfiles',
    sidOf: (of: Of) => Sid,
    read: (of: Of[], wanted: { withDocument: boolean }) => Promise<(ProfileSummary | null)[]>,
  ) =>
    new DataLoader<ProfileKey<Of>, Result, string>(
      (keys) => {
        observe(name, keys.length);
        return inGroups(
          keys,
          ({ withDocument }) => String(withDocument),
          // Without documents they are not whole profiles, but nobody asks these for more.
          (group) =>
            read(
              group.map((key) => key.of),
              group[0]!,
            ) as Promise<Result[]>,
        );
      },
      { cacheKeyFn: ({ of, withDocument }) => `${sidOf(of)} ${withDocument}` },
    );

  const historyBy = <Key extends { owner: HistoryOwner }, Result>(
    name: 'history' | 'historyCounts',
    read: (owners: HistoryOwner[], wanted: Key) => Promise<Result[]>,
  ) => {
    const wanted = ({ owner: _, ...rest }: Key): string => JSON.stringify(rest);
    return new DataLoader<Key, Result, string>(
      (keys) => {
        observe(name, keys.length);
        return inGroups(keys, wanted, (group) =>
          read(
            group.map(({ owner }) => owner),
            group[0]!,
          ),
        );
      },
      { cacheKeyFn: (key) => key.owner.sid + wanted(key) },
    );
  };

  const accountsByReference = new DataLoader<AccountReference, Account | null, string>(
    async ([by]) => [await accountQueries.find(actor, by!)],
    { batch: false, cacheKeyFn: (by) => JSON.stringify(parseAccountReference(by)) },
  );
  if (prefetched !== undefined) accountsByReference.prime(prefetched.key, ifReadable(actor, prefetched.account));

  return {
    accountsByReference,
    accounts: new DataLoader((sids) => {
      observe('accounts', sids.length);
      return accountQueries.findMany(actor, sids);
    }),
    organizations: new DataLoader((sids) => {
      observe('organizations', sids.length);
      return organizations.findMany(actor, sids);
    }),
    profiles: profilesBy<Sid, Profile | null>(
      'profiles',
      (sid) => sid,
      (sids, wanted) => profileQueries.findMany(actor, sids, wanted),
    ),
    effectiveProfiles: profilesBy<ProfileOwner, InEffect<Profile>>(
      'effectiveProfiles',
      ({ sid }) => sid,
      (owners, wanted) => profileQueries.effective(actor, owners, wanted),
    ),
    pages: lists('pages', (listing: AccountListing, owners) => accountQueries.pages(actor, listing, owners)),
    counts: lists('counts', (listing: AccountSelection, owners) => accountQueries.counts(actor, listing, owners)),
    history: historyBy('history', (owners, { scope, page }: HistoryListKey) => history.pages(actor, owners, scope, page)),
    historyCounts: historyBy('historyCounts', (owners, { scope }: Omit<HistoryListKey, 'page'>) => history.counts(actor, owners, scope)),
    webhooks: new DataLoader((sids) => {
      observe('webhooks', sids.length);
      return webhookQueries.findMany(actor, sids);
    }),
    accountWebhooks: new DataLoader(
      (accounts) => {
        observe('accountWebhooks', accounts.length);
        return webhookQueries.ofAccounts(actor, accounts);
      },
      { cacheKeyFn: ({ sid }) => sid },
    ),
    resourceRemovals: new DataLoader(
      (accounts) => {
        observe('resourceRemovals', accounts.length);
        return removals.ofAccounts(actor, accounts);
      },
      { cacheKeyFn: ({ sid }) => sid },
    ),
    webhookWaiting: new DataLoader((sids) => {
      observe('webhookWaiting', sids.length);
      return webhookQueries.waiting(actor, sids);
    }),
  };
}

/** Does the work for each group of keys, and returns the results in the order of the keys. */
async function inGroups<Key, Result>(
  keys: readonly Key[],
  groupOf: (key: Key) => string,
  work: (group: Key[]) => Promise<Result[]>,
): Promise<Result[]> {
  const groups = new Map<string, Key[]>();
  for (const key of keys) {
    const name = groupOf(key);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [key]);
    else group.push(key);
  }
  const results = new Map<Key, Result>();
  // One after the other, so that one request with many different lists does not take every connection.
  for (const group of groups.values()) {
    const found = await work(group);
    group.forEach((key, index) => results.set(key, found[index]!));
  }
  return keys.map((key) => results.get(key)!);
}
